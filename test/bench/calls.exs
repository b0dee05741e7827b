# Figures, not a test: nothing here passes or fails.  See test/bench/run.

defmodule Bench do
  alias Grove.Counter.GCounter

  @ms 2000

  @doc "Rounds a second that `callers` processes make in #{@ms} ms."
  def rate(callers, round) do
    parent = self()
    deadline = System.monotonic_time(:millisecond) + @ms

    for _ <- 1..callers do
      spawn_link(fn -> send(parent, {:rounds, rounds(round, deadline, 0)}) end)
    end

    total = for(_ <- 1..callers, do: receive(do: ({:rounds, n} -> n))) |> Enum.sum()
    total * 1000 / @ms
  end

  defp rounds(round, deadline, n) do
    round.()
    if System.monotonic_time(:millisecond) < deadline, do: rounds(round, deadline, n + 1), else: n
  end

  @doc "The same for an echo with so many messages under way."
  def echo_rate(program, under_way, bytes) do
    echo = Port.open({:spawn_executable, program}, [:binary, line: 10])
    port = receive(do: ({^echo, {:data, {:eol, port}}} -> String.to_integer(port)))
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false, nodelay: true])
    message = :binary.copy("x", bytes)
    deadline = System.monotonic_time(:millisecond) + @ms
    round = fn ->
      :ok = :gen_tcp.send(socket, List.duplicate(message, under_way))
      {:ok, _} = :gen_tcp.recv(socket, bytes * under_way)
    end
    n = rounds(round, deadline, 0)
    :gen_tcp.close(socket)
    n * under_way * 1000 / @ms
  end

  def line(what, callers, c, beam, echo) do
    IO.puts(
      :io_lib.format("~-22s ~4w ~12w ~12w ~8.2f ~12w ~8.2f", [
        what, callers, round(c), round(beam), c / beam, round(echo), c / echo
      ])
    )
  end

  def run do
    config = Coppice.config_text(node: :"bench_c@127.0.0.1", replicas: [views: %{crdt: :gcounter}])
    File.mkdir_p!("build/bench")
    File.write!("build/bench/config", config)
    c = Coppice.launch_file("build/bench/config", "build/bench/log")
    beam = Beam.start(grove: true)
    {name, _} = Beam.replica(beam, actor: "b", group: "other")
    there = {name, beam.node}
    here = {:views, c.node}
    IO.puts("                       callers   coppice/s     BEAM/s    ratio       echo/s    ratio")

    for callers <- [1, 64] do
      echo = echo_rate("build/bench/echo", callers, 120)
      value = &GenServer.call(&1, :value)

      line("value", callers,
        rate(callers, fn -> value.(here) end),
        rate(callers, fn -> value.(there) end), echo)

      add = &GenServer.call(&1, {:mutate, &2})

      line("mutate, as data", callers,
        rate(callers, fn -> add.(here, {:increment, [1]}) end),
        rate(callers, fn -> add.(there, &GCounter.increment/1) end), echo)

      line("mutate, &Mod.fun/1", callers,
        rate(callers, fn -> add.(here, &GCounter.increment/1) end),
        rate(callers, fn -> add.(there, &GCounter.increment/1) end), echo)

      # A closure of this script is not known on the BEAM: a capture runs there.
      line("mutate, a closure", callers,
        rate(callers, fn -> add.(here, &GCounter.increment(&1, 1)) end),
        rate(callers, fn -> add.(there, &GCounter.increment/1) end), echo)
    end

    Coppice.stop(c)
  end
end

Bench.run()
