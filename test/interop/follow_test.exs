defmodule FollowTest do
  @moduledoc """
  A coppice that follows: it discovers the nodes that its peers are connected to.

  The suite's own node would connect the nodes of all tests, so it stays away from these: all
  calls are made from the test's BEAMs.
  """
  use TestCase

  defp follower(settings), do: Coppice.start([follow: true] ++ settings)

  defp connected?(beam, c), do: c.node in Beam.nodes(beam, :connected)

  defp peer?(beam, c, node), do: node in peers(beam, c)

  defp peers(beam, c) do
    {:ok, peers} = Beam.call(beam, GenServer, :call, [{:coppice, c.node}, :peers])
    peers
  end

  test "another BEAM and another coppice are discovered through one BEAM" do
    hub = Beam.start()
    other = Beam.start()
    :pong = Beam.ping(hub, other.node)
    c = Coppice.start(connect: [hub.node])
    eventually(fn -> connected?(hub, c) end)

    f = follower(connect: [hub.node])
    eventually(fn -> connected?(other, f) end)
    eventually(fn -> peer?(hub, c, f.node) end)
    eventually(fn -> Enum.sort(peers(hub, f)) == Enum.sort([hub.node, other.node, c.node]) end)
  end

  test "a BEAM is discovered through a coppice" do
    beam = Beam.start()
    c = Coppice.start(connect: [beam.node])
    eventually(fn -> connected?(beam, c) end)
    f = follower(connect: [c.node])
    eventually(fn -> connected?(beam, f) end)
  end

  test "a coppice that does not follow connects to its `connect` nodes only" do
    hub = Beam.start()
    other = Beam.start()
    :pong = Beam.ping(hub, other.node)
    c = Coppice.start(connect: [hub.node], follow: false)
    f = follower(connect: [hub.node])
    eventually(fn -> connected?(other, f) end)
    assert connected?(hub, c)
    assert other.node not in peers(hub, c)
  end

  test "replicas whose nodes know only the same BEAM sync with each other" do
    hub = Beam.start()
    map = counter(group: {:counter, fresh("g")}, sync_interval: 100)
    replicas = [r: Map.delete(map, :actor)]
    one = Coppice.start(connect: [hub.node], replicas: replicas)
    eventually(fn -> connected?(hub, one) end)
    two = follower(connect: [hub.node], replicas: replicas)
    eventually(fn -> peer?(hub, two, one.node) end)
    :ok = Beam.call(hub, GenServer, :call, [{:r, one.node}, {:mutate, {:increment, [5]}}])
    eventually(fn -> Beam.call(hub, GenServer, :call, [{:r, two.node}, :value]) == {:ok, 5} end)
  end

  @tag timeout: 90_000
  test "a node that has left is dialled for a while, then forgotten" do
    hub = Beam.start()
    name = fresh("b")
    other = Beam.start(name: name)
    :pong = Beam.ping(hub, other.node)
    f = follower(connect: [hub.node], net_ticktime: 4)
    eventually(fn -> connected?(other, f) end)
    Beam.signal(other, "KILL")
    eventually(fn -> peers(hub, f) == [hub.node] end)
    eventually(fn -> Coppice.log(f) =~ "#{other.node} is forgotten" end, 40_000)

    again = Beam.start(name: name)
    :pong = Beam.ping(hub, again.node)
    eventually(fn -> connected?(again, f) end, 40_000)
  end
end
