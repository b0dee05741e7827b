defmodule GlobalTest do
  @moduledoc "`global` on BEAMs that see a coppice as a visible node."
  use TestCase

  # A coppice between two BEAMs, all connected with each other; `global` has settled.
  setup do
    c = start()
    [one, two] = beams = [Beam.start(), Beam.start()]
    :pong = Beam.ping(one, two.node)
    for beam <- beams, do: :pong = Beam.ping(beam, c.node)
    eventually(fn -> Enum.all?(beams, &(length(Beam.nodes(&1, :visible)) == 2)) end)
    for beam <- beams, do: assert(:ok = global(beam, :sync, []))
    {:ok, c: c, one: one, two: two, beams: beams}
  end

  defp start(settings \\ []),
    do: Coppice.start([visible: true, replicas: [views: counter()]] ++ settings)

  # SIGKILL, and a start under the same name.
  defp restart(c) do
    Coppice.kill(c)
    start(node: c.node)
  end

  # A process there that locks `id` on these nodes until it is told to end.
  defp hold(beam, id, nodes) do
    Beam.run(beam, fn ->
      test = self()

      pid =
        spawn(fn ->
          send(test, {:lock, :global.set_lock(id, nodes)})
          Process.sleep(:infinity)
        end)

      receive do: ({:lock, true} -> pid)
    end)
  end

  defp global(beam, function, args), do: Beam.call(beam, :global, function, args)

  # What `global` has been told so far is handled.
  defp settle(beams) do
    for _ <- 1..2, beam <- beams, do: Beam.call(beam, :sys, :get_state, [:global_name_server])
  end

  test "sync returns, also after the coppice has restarted", %{c: c, one: one, beams: beams} do
    assert c.node in Beam.nodes(one, :visible)
    c = restart(c)

    for beam <- beams do
      eventually(fn -> Beam.ping(beam, c.node) == :pong end)
      assert global(beam, :sync, []) == :ok
      assert global(beam, :sync, [[c.node]]) == :ok
    end
  end

  test "names are registered and found as before", %{one: one, two: two} do
    pid = Beam.run(one, fn -> Process.whereis(:init) end)
    assert global(one, :register_name, [:initial, pid]) == :yes
    assert global(two, :register_name, [:initial, pid]) == :no
    assert global(two, :whereis_name, [:initial]) == pid
    global(two, :unregister_name, [:initial])
    assert global(one, :whereis_name, [:initial]) == :undefined
  end

  test "a replica is registered by a BEAM, and called under that name", %{c: c} = context do
    %{one: one, two: two} = context
    views = Beam.run(one, fn -> :sys.get_status({:views, c.node}) |> elem(1) end)
    assert global(one, :register_name, [:views, views]) == :yes

    call = fn request -> GenServer.call({:global, :views}, request) end
    assert Beam.run(two, fn -> call.({:mutate, {:increment, [3]}}) end) == :ok

    assert Beam.run(one, fn -> call.(:value) end) == {:ok, 3}
    # A BEAM that comes later knows it, too.
    three = Beam.start()
    :pong = Beam.ping(three, one.node)
    eventually(fn -> global(three, :whereis_name, [:views]) == views end)
    # The name ends with the process.
    Beam.run(one, fn -> Process.exit(views, :kill) end)
    eventually(fn -> global(two, :whereis_name, [:views]) == :undefined end)
  end

  describe "a lock" do
    test "is granted to one requester on all nodes", %{c: c, one: one, two: two} do
      hold(one, {:resource, 1}, [c.node, one.node, two.node])
      assert global(two, :set_lock, [{:resource, 2}, [c.node], 0]) == false
      assert global(two, :set_lock, [{:resource, 1}, [c.node], 0]) == true
      assert global(two, :set_lock, [{:other, 2}]) == true
    end

    test "is released on request", %{c: c, one: one, two: two} do
      Beam.run(one, fn ->
        true = :global.set_lock({:resource, 1})
        false = :global.set_lock({:resource, 2}, [c.node], 0)
        true = :global.del_lock({:resource, 2})
        false = :global.set_lock({:resource, 2}, [c.node], 0)
        true = :global.del_lock({:resource, 1})
      end)

      assert global(two, :set_lock, [{:resource, 2}, [c.node], 0]) == true
    end

    test "is released by its holder's end", %{c: c, one: one, two: two} do
      holder = hold(one, {:resource, 1}, [c.node])
      assert global(two, :set_lock, [{:resource, 2}, [c.node], 0]) == false
      Beam.run(one, fn -> Process.exit(holder, :kill) end)
      eventually(fn -> global(two, :set_lock, [{:resource, 2}, [c.node], 0]) end)
    end

    test "is released when its node is gone", %{c: c, one: one, two: two} do
      hold(one, {:resource, 1}, [c.node])
      assert global(two, :set_lock, [{:resource, 2}, [c.node], 0]) == false
      Beam.disconnect(one, c.node)
      eventually(fn -> global(two, :set_lock, [{:resource, 2}, [c.node], 0]) end)
    end

    test "of any shape does no harm", %{c: c, one: one} do
      call = fn request -> GenServer.call({:global_name_server, c.node}, request) end

      for id <- [:atom, {1}, {1, 2, 3}, {String.duplicate("x", 5000), 1}] do
        assert Beam.run(one, fn -> call.({:set_lock, id}) end) == false
        assert Beam.run(one, fn -> call.({:del_lock, id}) end) == true
      end

      assert {:error, _} = Beam.run(one, fn -> call.(:what) end)
    end

    test "is counted, and one node may have half of all", %{c: c, one: one, two: two} do
      lock = fn id -> :gen_server.call({:global_name_server, c.node}, {:set_lock, {id, 1}}) end

      for beam <- [one, two] do
        granted = Beam.run(beam, fn -> Enum.count(1..3000, &lock.({beam.node, &1})) end)
        assert granted == 2048
      end

      eventually(fn -> assert :sys.get_state({:global_name_server, c.node}) == %{locks: 0} end)
    end
  end

  describe "a replica with a global name" do
    setup %{one: one} do
      name = {:counters, fresh("g")}
      map = Map.put(counter(group: fresh("g")), :global, name)
      c = Coppice.start(connect: [one.node], replicas: [visits: map])
      {:ok, name: name, map: map, visits: c}
    end

    defp owner(beam, name) do
      case global(beam, :whereis_name, [name]) do
        pid when is_pid(pid) -> node(pid)
        :undefined -> nil
      end
    end

    test "is found by all BEAMs", %{name: name, visits: c, beams: beams} do
      for beam <- beams do
        eventually(fn -> owner(beam, name) == c.node end)
        call = fn request -> GenServer.call({:global, name}, request) end
        assert Beam.run(beam, fn -> call.({:mutate, {:increment, [1]}}) end) == :ok
      end

      assert value({:visits, c.node}) == 2
      Coppice.logs(c, "visits: registered in global as {counters,")
    end

    test "is registered again after a restart", %{name: name, visits: c, one: one, two: two} do
      eventually(fn -> owner(two, name) == c.node end)
      pid = global(one, :whereis_name, [name])
      Process.exit(pid, :kill)

      eventually(fn ->
        owner(two, name) == c.node and global(two, :whereis_name, [name]) != pid
      end)
    end

    test "takes a name over once it is free", %{name: name, map: map, visits: c} = context do
      %{one: one, two: two} = context
      eventually(fn -> owner(one, name) == c.node end)
      standby = Coppice.start(connect: [two.node], replicas: [visits: map])
      Coppice.logs(standby, "has another process as {counters,")
      assert owner(two, name) == c.node
      Coppice.kill(c)
      eventually(fn -> owner(one, name) == standby.node end, 20_000)
      assert value({:visits, standby.node}) == 0
    end

    test "is known to a BEAM that comes alone", %{name: name, visits: c, beams: beams} do
      for beam <- beams, do: eventually(fn -> owner(beam, name) == c.node end)
      for beam <- beams, do: Beam.signal(beam, "KILL")
      alone = Beam.start()
      :pong = Beam.ping(alone, c.node)
      eventually(fn -> owner(alone, name) == c.node end)
    end

    test "leaves it when it is stopped", %{name: name, visits: c, one: one} do
      eventually(fn -> owner(one, name) == c.node end)
      assert Coppice.stop_replica(c, :visits) == :ok
      eventually(fn -> owner(one, name) == nil end)
      assert {:ok, _} = Coppice.start_replica(c, :visits, counter() |> Map.put(:global, name))
      eventually(fn -> owner(one, name) == c.node end)
    end

    test "has it for itself on its node", %{name: name, visits: c} do
      map = Map.put(counter(), :global, name)
      assert {:error, reason} = Coppice.start_replica(c, :others, map)
      assert inspect(reason) =~ "global: replica visits has the same name there"
    end
  end

  # prevent_overlapping_partitions is on by default.
  describe "nobody is disconnected" do
    setup %{one: one, two: two} do
      watch = fn beam ->
        Beam.run(beam, fn ->
          spawn(fn ->
            Process.register(self(), :watcher)
            :net_kernel.monitor_nodes(true)
            Process.sleep(:infinity)
          end)
        end)
      end

      for beam <- [one, two] do
        watch.(beam)
        eventually(fn -> Beam.run(beam, fn -> Process.whereis(:watcher) != nil end) end)
      end

      :ok
    end

    defp lost(beam) do
      Beam.run(beam, fn ->
        {:messages, messages} = Process.info(Process.whereis(:watcher), :messages)
        for {:nodedown, node} <- messages, do: node
      end)
    end

    test "when the coppice is killed and comes back", %{c: c, beams: beams} do
      c = restart(c)
      for beam <- beams, do: eventually(fn -> Beam.ping(beam, c.node) == :pong end)
      settle(beams)
      for beam <- beams, do: assert(lost(beam) == [c.node])
    end

    test "when one BEAM loses the coppice", %{c: c, one: one, two: two, beams: beams} do
      Beam.disconnect(one, c.node)
      eventually(fn -> lost(one) == [c.node] end)
      settle(beams)
      assert lost(two) == []
      assert :ok = global(two, :sync, [])
      assert :pong = Beam.ping(one, c.node)
      assert :ok = global(one, :sync, [])
      settle(beams)
      assert {lost(one), lost(two)} == {[c.node], []}
    end

    test "of the others when a BEAM is killed", %{c: c, one: one, two: two} do
      Beam.signal(two, "KILL")
      eventually(fn -> two.node in lost(one) end)
      settle([one])
      assert c.node in Beam.nodes(one, :visible)
      assert lost(one) == [two.node]
    end
  end
end
