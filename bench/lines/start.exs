# Row 17: an idle node.

defmodule Start do
  @doc "The milliseconds from the start until it is ready, and its memory then."
  def coppice do
    {ms, c} = Bench.timed(fn -> Servers.coppice("bench_start", replicas: []) end)
    kb = Servers.memory_kb(c)
    Servers.stop(c)
    %{ms: ms, mb: kb / 1024}
  end

  @doc "A bare BEAM, without Elixir, until it has run a first expression."
  def beam do
    args = ["-noshell", "-eval", "io:put_chars(os:getpid() ++ \"\\n\")."]
    program = System.find_executable("erl")

    {ms, {port, pid}} =
      Bench.timed(fn ->
        port = Port.open({:spawn_executable, program}, [:binary, line: 20, args: args])
        {port, receive(do: ({^port, {:data, {:eol, pid}}} -> pid))}
      end)

    kb = Servers.memory_kb(%{pid: pid})
    TestCase.signal(pid, "KILL")
    Servers.close(port)
    %{ms: ms, mb: kb / 1024}
  end
end

lines = [
  {:ms, "start until ready", "ms", :less},
  {:mb, "resident memory, idle", "MB", :less}
]

Bench.lines(17, lines, [
  {:coppice, nil, &Start.coppice/0},
  {:beam, nil, &Start.beam/0}
])
