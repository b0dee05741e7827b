# A benchmark; see test/bench/run.

Code.require_file("rate.exs", __DIR__)

defmodule Calls do
  alias Grove.Counter.GCounter

  @doc "Round trips per second of an echo with `in_flight` messages at a time."
  def echo_rate(program, in_flight, bytes) do
    echo = Port.open({:spawn_executable, program}, [:binary, line: 10])
    port = receive(do: ({^echo, {:data, {:eol, port}}} -> String.to_integer(port)))
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false, nodelay: true])
    message = :binary.copy("x", bytes)

    rounds =
      Rate.of(1, fn ->
        :ok = :gen_tcp.send(socket, List.duplicate(message, in_flight))
        {:ok, _} = :gen_tcp.recv(socket, bytes * in_flight)
      end)

    :gen_tcp.close(socket)
    rounds * in_flight
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
        Rate.of(callers, fn -> value.(here) end),
        Rate.of(callers, fn -> value.(there) end), echo)

      add = &GenServer.call(&1, {:mutate, &2})

      line("mutate, as data", callers,
        Rate.of(callers, fn -> add.(here, {:increment, [1]}) end),
        Rate.of(callers, fn -> add.(there, &GCounter.increment/1) end), echo)

      line("mutate, &Mod.fun/1", callers,
        Rate.of(callers, fn -> add.(here, &GCounter.increment/1) end),
        Rate.of(callers, fn -> add.(there, &GCounter.increment/1) end), echo)

      # The BEAM does not have this script's closures, so it gets an export instead.
      line("mutate, a closure", callers,
        Rate.of(callers, fn -> add.(here, &GCounter.increment(&1, 1)) end),
        Rate.of(callers, fn -> add.(there, &GCounter.increment/1) end), echo)
    end

    Coppice.stop(c)
  end
end

Calls.run()
