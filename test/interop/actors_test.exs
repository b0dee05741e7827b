defmodule ActorsTest do
  @moduledoc "Each replica of a group needs an actor of its own."
  use TestCase

  @config 78

  defp shared, do: %{crdt: :gcounter, group: {:counter, fresh("g")}, sync_interval: 50}

  defp check(replicas) do
    text = Coppice.config_text(node: :"c1@127.0.0.1", replicas: replicas)
    file = Coppice.config_file(text)
    assert {@config, err} = Coppice.fail(["config", "check", file])
    assert {@config, ^err} = Coppice.fail(["run", "-c", file])
    {file, err}
  end

  describe "two replicas of a group on one node" do
    test "have different actors by default" do
      map = shared()
      c = Coppice.start(replicas: [a: map, b: map])
      [a, b] = for name <- [:a, :b], do: {name, c.node}
      :ok = GenServer.call(a, {:mutate, {:increment, [5]}})
      :ok = GenServer.call(b, {:mutate, {:increment, [3]}})
      eventually(fn -> value(a) == 8 and value(b) == 8 end)
      assert Coppice.status(c).replicas.a.actor == "a@#{c.node}"
    end

    test "are refused with the same actor, in a file" do
      map = Map.put(shared(), :actor, "c1")
      {file, err} = check(a: map, b: map)
      assert err =~ "#{file}:4:"

      assert err =~
               ~s(replica b: actor: <<"c1">> is the actor of replica a, which has the same group)
    end

    test "are refused with one table under two paths" do
      table = Table.path()
      folder = Path.dirname(table)
      other = Path.join([folder, "..", Path.basename(folder), Path.basename(table)])
      map = shared()
      storage = fn file -> Map.put(map, :storage, %{file: file}) end
      {file, err} = check(a: storage.(table), b: storage.(other))
      assert err =~ "#{file}:4:"
      assert err =~ "replica b: storage: replica a has the same file and group"
      # One that is started later waits for the lock.
      c = Coppice.start(replicas: [a: storage.(table)])
      assert {:ok, _} = Coppice.start_replica(c, :b, storage.(other))
      eventually(fn -> Coppice.status(c).replicas.b.storage == {:error, {:storage, :locked}} end)
      Coppice.logs(c, ~r/b: .*\.lock is held by replica a of process #{c.os_pid}, /)
      assert {:error, {:storage, :locked}} =
               GenServer.call({:b, c.node}, {:mutate, {:increment, [1]}})
    end

    test "are refused where the default of one is the actor of the other" do
      {file, err} =
        check(
          a: shared() |> Map.put(:group, :g),
          b: %{crdt: :gset, group: :g, actor: "a@c1@127.0.0.1"}
        )

      assert err =~ "#{file}:4:"
      assert err =~ "is the actor of replica a"
    end

    test "are refused with the same actor, by start_replica" do
      map = Map.put(shared(), :actor, "c1")
      c = Coppice.start(replicas: [a: map])
      assert {:error, {:bad_options, text}} = Coppice.start_replica(c, :b, map)
      assert text =~ "replica a"
      assert {:error, :name_taken} = Coppice.start_replica(c, :a, map)
      assert {:ok, _} = Coppice.start_replica(c, :b, %{map | actor: "c2"})
    end

    test "are refused with the same file" do
      storage = fn file -> Map.put(shared(), :storage, %{file: file}) end
      map = %{storage.(Path.join(System.tmp_dir!(), fresh("t"))) | group: :g}
      {file, err} = check(a: map, b: map)
      assert err =~ "#{file}:4:"
      assert err =~ "storage: replica a has the same file and group"
      c = Coppice.start(replicas: [a: map])
      assert {:error, {:bad_options, text}} = Coppice.start_replica(c, :b, map)
      assert text =~ "replica a"
      assert {:ok, _} = Coppice.start_replica(c, :b, %{map | group: :h})
    end
  end

  test "a stored state goes on under another actor" do
    map = Map.put(shared(), :storage, %{file: Coppice.log_file("stored") <> ".dets"})
    node = Coppice.name()
    op = {:mutate, {:increment, [5]}}
    c = Coppice.start(node: node, replicas: [r: Map.put(map, :actor, to_string(node))])
    :ok = GenServer.call({:r, node}, op)
    Coppice.stop(c)
    c = Coppice.start(node: node, replicas: [r: map])
    :ok = GenServer.call({:r, c.node}, op)
    assert value({:r, c.node}) == 10
    assert Coppice.status(c).replicas.r.actors == 2
  end

  describe "two replicas with the same actor on two nodes" do
    for {what, crdt} <- [{"counter", :gcounter}, {"map", :or_map}, {"sequence", :rga}] do
      test "are reported: #{what}" do
        map = %{shared() | crdt: unquote(crdt)} |> Map.put(:actor, "c1")
        c = Coppice.start(replicas: [r: map])
        d = Coppice.start(connect: [c.node], replicas: [r: map])
        op = %{gcounter: :increment, or_map: {:put, [1, :gset]}, rga: {:insert_at, [0, 1]}}
        :ok = GenServer.call({:r, c.node}, {:mutate, op[unquote(crdt)]})
        eventually(fn -> Coppice.status(d).replicas.r.same_actor == [c.node] end)
        Coppice.logs(d, ~s(r: the replica on #{c.node} has the same actor <<"c1">>))
        Coppice.logs(d, ~r/ error r: .*same actor/)

        Coppice.kill(c)
        eventually(fn -> Coppice.status(d).replicas.r.same_actor == [] end)
      end
    end

    test "are reported where one is Grove's" do
      map = Map.put(shared(), :actor, "c1")
      beam = Beam.start(grove: :grove)
      c = Coppice.start(scope: :grove, connect: [beam.node], replicas: [r: map])
      there = Beam.replica(beam, actor: "c1", group: map.group)
      :ok = Server.mutate(there, &GCounter.increment(&1, 2))
      :ok = Server.sync_now(there)
      eventually(fn -> Coppice.status(c).replicas.r.same_actor == [beam.node] end)
      Coppice.logs(c, "the same actor")
    end

    test "are not reported where actors differ, or have no part in the state" do
      map = shared()
      c = Coppice.start(replicas: [r: map, s: %{map | crdt: :lww_register, group: :s}])

      d =
        Coppice.start(
          connect: [c.node],
          replicas: [r: map, s: %{map | crdt: :lww_register, group: :s}]
        )

      for node <- [c.node, d.node] do
        :ok = GenServer.call({:r, node}, {:mutate, :increment})
        :ok = GenServer.call({:s, node}, {:mutate, {:set, [1]}})
      end

      eventually(fn -> value({:r, c.node}) == 2 and value({:r, d.node}) == 2 end)

      for x <- [c, d],
          name <- [:r, :s],
          do: assert(Coppice.status(x).replicas[name].same_actor == [])

      refute Coppice.log(c) <> Coppice.log(d) =~ "same actor"
    end
  end
end
