defmodule StrangersTest do
  @moduledoc "Connections of those who do not know the cookie cost the others nothing."
  use TestCase

  # What Debian gives a service; the hard limit is as low, so that it cannot be raised.
  @few ["/bin/sh", "-c", ~s(ulimit -n 1024; exec "$0" "$@")]

  # Two nodes, since each may itself have few descriptors.
  defp silent_connections(port, count) do
    for _ <- 1..2 do
      beam = Beam.start()
      Beam.run(beam, fn -> hold(self(), port, div(count, 2)) end)
    end
  end

  # Opens connections and says nothing; each that is closed is opened again.
  defp hold(caller, port, count) do
    spawn(fn ->
      for _ <- 1..count, do: connect(port)
      send(caller, :open)
      again(port)
    end)

    receive do: (:open -> :ok)
  end

  defp again(port) do
    receive do
      {:tcp_closed, _} -> connect(port)
      {:tcp_error, _, _} -> :ok
    end

    again(port)
  end

  defp connect(port), do: :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: true])

  test "1,100 silent ones: a replica goes on storing, and a new peer connects" do
    replica = counter(storage: %{file: Table.path()})
    c = Coppice.start([replicas: [views: replica]], wrap: @few)
    add = fn -> GenServer.call({:views, c.node}, {:mutate, {:increment, [1]}}) end
    assert add.() == :ok
    silent_connections(c.port, 1100)

    for _ <- 1..100, do: assert(add.() == :ok)
    new = Beam.start()
    assert Beam.ping(new, c.node) == :pong
    assert Beam.call(new, GenServer, :call, [{:views, c.node}, :value]) == {:ok, 101}
    assert GenServer.call({:coppice, c.node}, {:connect, Beam.start().node}) == :ok
    {:ok, _} = Coppice.start_replica(c, :more, counter(storage: %{file: Table.path()}))
    refute Coppice.log(c) =~ "Too many open files"
    assert c |> Coppice.log() |> String.split("a stranger disconnected") |> length() <= 6
  end
end
