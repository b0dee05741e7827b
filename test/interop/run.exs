# Loads the suites named, or all, runs them and exits by what they say.

names = System.argv()
folder = Path.dirname(__ENV__.file)

files =
  case names do
    [] -> Path.wildcard(Path.join(folder, "*_test.exs"))
    _ -> Enum.map(names, &Path.join(folder, "#{&1}_test.exs"))
  end

# A node that stopped answering must not stop the suites: each story has its
# time, and all of them together have theirs.
limit = if Story.patience() == 1, do: 240, else: 2400
{:ok, _} = :timer.apply_after(:timer.seconds(limit), Story, :out_of_time, [limit])

ExUnit.start(
  autorun: false,
  capture_log: true,
  timeout: 30_000 * Story.patience(),
  max_cases: 4
)

files |> Enum.flat_map(&Code.require_file/1) |> Beam.keep_code()

%{failures: failures} = ExUnit.run()
System.halt(if failures == 0, do: 0, else: 1)
