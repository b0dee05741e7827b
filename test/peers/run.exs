# Runs the suites named, or all; exits with 0 if every check passes, else 1.

names = System.argv()
folder = Path.dirname(__ENV__.file)

files =
  case names do
    [] -> Path.wildcard(Path.join(folder, "*_test.exs"))
    _ -> Enum.map(names, &Path.join(folder, "#{&1}_test.exs"))
  end

# A peer that hangs must not hang the run.
limit = 240
{:ok, _} = :timer.apply_after(:timer.seconds(limit), TestCase, :out_of_time, [limit])

# Two suites at a time: one waits while the other computes.  In the order of their files, since
# the last checks of an application stop or kill it.
ExUnit.start(
  autorun: false,
  capture_log: true,
  formatters: [Lines],
  max_cases: 2,
  seed: 0,
  timeout: 90_000
)

Enum.each(files, &Code.require_file/1)
%{failures: failures} = ExUnit.run()
System.halt(if failures == 0, do: 0, else: 1)
