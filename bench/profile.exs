# Where a coppice spends its time; see bench/profile.

for file <- ["bench.exs", "servers.exs", "closures.exs"], do: Code.require_file(file, __DIR__)

defmodule Profile do
  import Servers

  @functions 15
  @ms 3000

  def run(what) do
    c = coppice("bench_profile", replicas: [views: %{crdt: :gcounter}])
    caller = if what == "closures", do: Beam.start(grove: true)
    calls = Task.async(fn -> calls(what, c, caller) end)
    Process.sleep(500)
    file = "#{folder("profile")}/perf.data"
    record = ["record", "-q", "-F", "2000", "-o", file, "-p", "#{c.pid}", "--", "sleep", "2"]
    {_, 0} = System.cmd("perf", record, stderr_to_stdout: true)
    Task.await(calls, 60_000)
    if caller, do: stop(caller)
    stop(c)
    report(file)
  end

  defp calls("closures", c, caller) do
    Beam.call(caller, Closures, :rate, [{:views, c.node}, 64, @ms])
  end

  defp calls(work, c, _), do: load(work, c, ms: @ms)

  defp report(file) do
    args = ["report", "-i", file, "--stdio", "--no-children", "--sort", "dso,symbol"]
    {text, 0} = System.cmd("perf", args, stderr_to_stdout: true)

    text
    |> String.split("\n")
    |> Enum.filter(&(&1 =~ ~r/^\s+\d+\.\d+%/))
    |> Enum.take(@functions)
    |> Enum.map_join("\n", &String.trim_trailing/1)
    |> IO.puts()
  end
end

case System.argv() do
  [what] when what in ["value", "mutate", "closures"] -> Profile.run(what)
  _ -> IO.puts(:stderr, "usage: bench/profile value|mutate|closures")
end
