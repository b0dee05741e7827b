# Runs the suite with the releases given as RELEASE=ELIXIR:GROVE:CLOSURES; exits with 0 if every
# test passes, else 1.

releases =
  for argument <- System.argv() do
    [release, folders] = String.split(argument, "=", parts: 2)
    {String.to_integer(release), String.split(folders, ":")}
  end

Application.put_env(:mixed, :releases, Map.new(releases))

# A node that hangs must not hang the suite.
limit = if TestCase.slowdown() == 1, do: 240, else: 2400
{:ok, _} = :timer.apply_after(:timer.seconds(limit), TestCase, :out_of_time, [limit])

# What needs a release that is not here is excluded; test/mixed/run has said why.
missing = for n <- [25, 27, 29], not List.keymember?(releases, n, 0), do: {:"otp#{n}", true}

ExUnit.start(
  autorun: false,
  capture_log: true,
  formatters: [ExUnit.CLIFormatter, SecondTry],
  exclude: missing,
  max_cases: 2,
  timeout: 60_000 * TestCase.slowdown()
)

loaded = Path.dirname(__ENV__.file) |> Path.join("mixed_test.exs") |> Code.require_file()
Beam.keep_code(loaded)
failures = SecondTry.run(Keyword.keys(loaded))
System.halt(if failures == 0, do: 0, else: 1)
