# Runs the suites named, or all; exits with 0 if every test passes, at the second try at the
# latest, else 1.

names = System.argv()
folder = Path.dirname(__ENV__.file)

files =
  case names do
    [] -> Path.wildcard(Path.join(folder, "*_test.exs"))
    _ -> Enum.map(names, &Path.join(folder, "#{&1}_test.exs"))
  end

# A node that hangs must not hang the suites: each test has a timeout, and so
# has the whole run.
limit = if TestCase.slowdown() == 1, do: 1200, else: 2400
{:ok, _} = :timer.apply_after(:timer.seconds(limit), TestCase, :out_of_time, [limit])

ExUnit.start(
  autorun: false,
  capture_log: true,
  formatters: [ExUnit.CLIFormatter, SecondTry],
  timeout: 60_000 * TestCase.slowdown(),
  max_cases: 4
)

loaded = Enum.flat_map(files, &Code.require_file/1)
Beam.keep_code(loaded)
failures = SecondTry.run(Keyword.keys(loaded))
System.halt(if failures == 0, do: 0, else: 1)
