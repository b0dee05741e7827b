defmodule HealingTest do
  @moduledoc """
  Lost deltas, and how anti-entropy and syncing with new members repair them.  Each loss is
  also shown without a repair.
  """
  use TestCase

  @never 86_400_000

  # Two Grove nodes that do not reconnect by themselves, and a coppice that both know.
  setup_all do
    Process.put(:test_name, {__MODULE__, "nodes"})
    kernel = [dist_auto_connect: :never]
    [a, b] = for _ <- 1..2, do: Beam.start(grove: true, kernel: kernel)
    c = Coppice.start(scope: :grove, connect: [a.node])
    eventually(fn -> c.node in Beam.nodes(a) end)
    {:ok, a: a, b: b, c: c}
  end

  setup world do
    for node <- [world.a, world.c], do: connect(world.b, node)
    :ok
  end

  defp connect(beam, %{node: node}) do
    eventually(fn -> Beam.call(beam, :net_kernel, :connect_node, [node]) end)
    eventually(fn -> node in Beam.nodes(beam) end)
  end

  # Waits until both have noticed.
  defp part(beam, %Beam{node: node} = other) do
    Beam.disconnect(beam, node)
    eventually(fn -> beam.node not in Beam.nodes(other) end)
  end

  defp part(beam, %Coppice{node: node} = c) do
    Beam.disconnect(beam, node)
    eventually(fn -> not Map.has_key?(Coppice.status(c).peers, beam.node) end)
  end

  # A group with a replica on each BEAM, and on the coppice unless that is nil; none syncs
  # unless asked to.
  defp group(world, type, coppice_replica) do
    group = {:healing, fresh("g")}

    [a, b] =
      for {beam, actor} <- [{world.a, "a"}, {world.b, "b"}],
          do: Beam.replica(beam, actor: actor, group: group, crdt_module: type)

    helper = List.wrap(coppice_replica && replica(world.c, type, group, coppice_replica))
    all = %{a: a, b: b, group: group, size: 2 + length(helper)}
    together(world, [all])
    all
  end

  # Waits until both BEAMs know all members.
  defp together(world, groups) do
    eventually(fn ->
      for beam <- [world.a, world.b], %{group: group, size: size} <- groups do
        assert length(Beam.members(beam, :grove, group)) == size
      end
    end)
  end

  defp replica(c, type, group, options) do
    name = fresh_atom("t")
    options = counter(crdt: type, group: group) |> Map.merge(options)
    {:ok, _} = Coppice.start_replica(c, name, options)
    {name, c.node}
  end

  defp change(server, op), do: :ok = Server.mutate(server, &elem(Change.make(&1, op), 0))
  defp sync(servers), do: for(server <- servers, do: :ok = Server.sync_now(server))

  defp content(type, server), do: canonical(type, value(server))

  defp canonical(RGA, values), do: Enum.sort(values)
  defp canonical(type, value), do: Canonical.of(type, value)

  defp agree(type, servers, expected) do
    eventually(fn ->
      assert Enum.map(servers, &content(type, &1)) == Enum.map(servers, fn _ -> expected end)
    end)
  end

  # However often they sync, neither gets what only the other has.
  defp differ(type, %{a: a, b: b}, at_a, at_b) do
    for _ <- 1..3 do
      sync([a, b])
      assert {content(type, a), content(type, b)} == {at_a, at_b}
    end
  end

  describe "two Grove nodes that were disconnected" do
    # The change on each, the values of each alone, and the value in the end.
    examples = [
      {GCounter, [increment: [2]], [increment: [3]], {2, 3, 5}},
      {GSet, [add: ["x"]], [add: ["y"]], :sets},
      {TwoPSet, [add: ["x"]], [add: ["y"]], :sets},
      {ORSet, [add: ["x"]], [add: ["y"]], :sets},
      {DVVSet, [add: ["x"]], [add: ["y"]], :sets},
      {ORMap, [put: ["x", GCounter.new("n")]], [put: ["y", GCounter.new("n")]],
       {%{"x" => {GCounter, 0}}, %{"y" => {GCounter, 0}},
        %{"x" => {GCounter, 0}, "y" => {GCounter, 0}}}},
      {LWWRegister, [set: ["x", 1]], [set: ["y", 2]], {"x", "y", "y"}},
      {MVRegister, [set: ["x"]], [set: ["y"]], {["x"], ["y"], ["x", "y"]}},
      {RGA, [insert: ["x", :head]], [insert: ["y", :head]], {["x"], ["y"], ["x", "y"]}}
    ]

    for {type, [at_a], [at_b], values} <- examples do
      test "converge (#{inspect(type)}) with a coppice, and never without one", world do
        {type, at_a, at_b} = unquote(Macro.escape({type, at_a, at_b}))
        {only_a, only_b, both} = expected(unquote(Macro.escape(values)))
        alone = group(world, type, nil)
        helped = group(world, type, %{anti_entropy_interval: 300})
        part(world.a, world.b)

        for %{a: a, b: b} <- [alone, helped] do
          change(a, at_a)
          change(b, at_b)
          sync([a, b])
        end

        connect(world.a, world.b)
        together(world, [alone, helped])
        agree(type, [helped.a, helped.b], both)
        differ(type, alone, only_a, only_b)
      end
    end

    defp expected(:sets), do: {MapSet.new(["x"]), MapSet.new(["y"]), MapSet.new(["x", "y"])}
    defp expected(values), do: values

    # Grove withholds a delta without a value, such as a removal alone.
    test "receive a removal, whose delta Grove withholds", world do
      alone = group(world, ORSet, nil)
      helped = group(world, ORSet, %{anti_entropy_interval: 300})
      both = MapSet.new(["x", "y"])

      for %{a: a, b: b} <- [alone, helped] do
        for element <- ["x", "y"], do: change(a, {:add, [element]})
        sync([a])
        agree(ORSet, [a, b], both)
      end

      part(world.a, world.b)
      for %{a: a} <- [alone, helped], do: change(a, {:remove, ["x"]})
      for %{a: a} <- [alone, helped], do: sync([a])
      connect(world.a, world.b)
      together(world, [alone, helped])
      agree(ORSet, [helped.a, helped.b], MapSet.new(["y"]))
      differ(ORSet, alone, MapSet.new(["y"]), both)
    end

    # The two stay disconnected: only the coppice relays their changes.
    test "receive each other's changes from a coppice that reconnects to one of them", world do
      helped = %{a: a, b: b} = group(world, ORSet, %{anti_entropy_interval: @never})
      part(world.b, world.a)
      part(world.b, world.c)
      for {server, element} <- [{a, "x"}, {b, "y"}], do: change(server, {:add, [element]})
      sync([a, b])
      assert content(ORSet, a) == MapSet.new(["x"])
      assert content(ORSet, b) == MapSet.new(["y"])

      connect(world.b, world.c)
      here = here(world.c, helped.group)
      agree(ORSet, [here, b], MapSet.new(["x", "y"]))
      sync([here])
      agree(ORSet, [a], MapSet.new(["x", "y"]))
      assert world.a.node not in Beam.nodes(world.b)
    end

    defp here(c, group) do
      [name] = for {name, %{group: ^group}} <- Coppice.status(c).replicas, do: name
      {name, c.node}
    end
  end

  describe "two coppices" do
    # The first is behind a relay; the second dials it, and has the options `second`.
    defp pair(replicas, second) do
      one = Coppice.start(Relay.behind() ++ [scope: :grove, replicas: replicas])
      relay = Relay.start(one)

      merged =
        for {name, map} <- replicas, do: {name, Map.merge(map, Map.new(second[name] || []))}

      two = Coppice.start(scope: :grove, connect: [one.node], replicas: merged)

      for {name, _} <- replicas, c <- [one, two] do
        eventually(fn -> Coppice.status(c).replicas[name].peers == 1 end)
      end

      {one, two, relay}
    end

    defp add(c, name, elements) do
      ops = for element <- elements, do: {:add, [element]}
      :ok = GenServer.call({name, c.node}, {:mutate, ops}, 20_000)
    end

    defp behind(c, name), do: Coppice.status(c).replicas[name].behind
    defp repairs(c, name), do: Coppice.status(c).replicas[name].repairs
    defp set(c, name), do: Canonical.of(GSet, value({name, c.node}))
    defp have(coppices, name, expected) do
      # Comparing a large set takes seconds on a busy machine.
      eventually(
        fn -> for c <- coppices, do: assert(difference(set(c, name), expected) == []) end,
        30_000
      )
    end

    defp difference(x, y),
      do: Enum.to_list(MapSet.difference(x, y)) ++ Enum.to_list(MapSet.difference(y, x))

    for {what, crdt, type, many} <- [
          {"a small state", :or_set, ORSet, 10},
          {"a large state", :gset, GSet, 300_000},
          {"a state without parts", :dvv_set, DVVSet, 100}
        ] do
      test "repair a lost delta of #{what}" do
        options = fn -> counter(crdt: unquote(crdt), anti_entropy_interval: @never) end
        second = [kept: [actor: "d", anti_entropy_interval: 300], lost: [actor: "d"]]
        {one, two, relay} = pair([kept: options.(), lost: options.()], second)
        before = MapSet.new(1..unquote(many))
        state = Enum.reduce(before, unquote(type).new("e"), &unquote(type).add(&2, &1))

        for name <- [:kept, :lost] do
          ReplicaPair.send_delta({name, one.node}, unquote(type).reset_delta(state))
          # Twice, since two that have met compare at the next sync.
          for _ <- 1..2 do
            sync(for c <- [one, two], do: {name, c.node})
            for c <- [one, two], do: eventually(fn -> behind(c, name) == 0 end, 30_000)
            have([one, two], name, before)
          end
        end

        Relay.lose(relay, two.node, "grove_delta")

        for name <- [:kept, :lost] do
          for {c, element} <- [{one, "x"}, {two, "y"}], do: add(c, name, [element])
          sync(for c <- [one, two], do: {name, c.node})
        end

        eventually(fn -> Relay.lost(relay, two.node) >= 4 end)
        Relay.lose(relay, two.node, nil)
        [x, y] = for element <- ["x", "y"], do: MapSet.put(before, element)
        have([one, two], :kept, MapSet.union(x, y))
        assert repairs(two, :kept) > 0
        assert {0, out, ""} = Coppice.run(["status", "--term", two.node])
        assert out =~ ~r/repairs\W+[1-9]/

        for _ <- 1..3, do: sync(for c <- [one, two], do: {:lost, c.node})
        have([one], :lost, x)
        have([two], :lost, y)
        assert repairs(two, :lost) == 0
      end
    end

    test "that are equal exchange little" do
      options = counter(crdt: :gset, anti_entropy_interval: @never)
      often = [tags: [anti_entropy_interval: 100, anti_entropy_jitter: 0]]
      {one, two, relay} = pair([tags: options], often)
      add(one, :tags, 1..50_000)
      have([one, two], :tags, MapSet.new(1..50_000))
      counters = fn -> {repairs(two, :tags), Relay.bytes(relay, two.node)} end
      eventually(fn -> repairs(two, :tags) > 3 end)
      {rounds, bytes} = counters.()
      eventually(fn -> repairs(two, :tags) >= rounds + 10 end)
      {more, all} = counters.()
      each = div(all - bytes, more - rounds)
      IO.puts("healing: #{each} bytes per round between two equal coppices")
      assert each < 1_000
    end
  end

  describe "coppice status" do
    test "counts the actors, tags and tombstones of a replica", world do
      %{a: a, b: b, group: group} = group(world, ORSet, %{anti_entropy_interval: 300})
      for {server, n} <- [{a, 1}, {b, 2}], do: change(server, {:add, [n]})
      {name, _} = here = here(world.c, group)
      for n <- 3..6, do: :ok = GenServer.call(here, {:mutate, {:add, [n]}})
      for n <- 3..5, do: :ok = GenServer.call(here, {:mutate, {:remove, [n]}})
      sync([a, b, here])
      for _ <- 1..3, do: :ok = GenServer.call(here, {:mutate, {:add, [6]}})
      keys = [:actors, :tombstones, :tags, :most_tags]
      counts = fn -> Map.take(Coppice.status(world.c).replicas[name], keys) end
      wanted = %{actors: 3, tombstones: 3, tags: 6, most_tags: 4}
      eventually(fn -> assert counts.() == wanted end)
      assert {0, out, ""} = Coppice.run(["status", "--term", world.c.node])
      assert out =~ ~r/actors\W+3\b/ and out =~ ~r/tombstones\W+3\b/
      assert out =~ ~r/most_tags\W+4\b/
    end
  end

  describe "a replica whose files were restored from a backup" do
    # Only its peer knows what it has done since.
    defp restore_backup(world, peer_sync) do
      table = Table.path()
      storage = %{file: table}
      replica = counter(group: world.group, storage: storage, anti_entropy_interval: @never)
      settings = [node: Coppice.name(), scope: :grove, connect: [world.peer]]
      settings = settings ++ [replicas: [views: replica]]
      here = {:views, settings[:node]}
      c = Coppice.start(settings)
      :ok = GenServer.call(here, {:mutate, {:increment, [5]}})
      assert Coppice.stop(c) == 0
      copy = backup(table)

      c = Coppice.start(settings)
      for _ <- 1..3, do: :ok = GenServer.call(here, {:mutate, {:increment, [5]}})
      sync([here])
      peer_sync.(20)
      Coppice.kill(c)
      restore(table, copy)
      {settings, here}
    end

    defp backup(table) do
      for file <- Path.wildcard(table <> "*"), do: {file, File.read!(file)}
    end

    defp restore(table, copy) do
      for file <- Path.wildcard(table <> "*"), do: File.rm!(file)
      for {file, bytes} <- copy, do: File.write!(file, bytes)
    end

    # The peer is suspended at first, so the replica waits.
    defp mutates_after(settings, here, wake_peer) do
      Coppice.start(settings)
      call = Task.async(fn -> GenServer.call(here, {:mutate, {:increment, [1]}}) end)
      refute Task.yield(call, 200)
      wake_peer.()
      assert Task.await(call, 10_000 * slowdown()) == :ok
    end

    test "catches up with a Grove node before it writes: no count is issued twice" do
      group = {:counter, fresh("g")}
      beam = Beam.start(grove: true)
      there = Beam.replica(beam, actor: "b", group: group)
      :ok = Server.mutate(there, &GCounter.increment(&1, 100))
      peer_sync = &eventually(fn -> value(there) == 100 + &1 end)
      {settings, here} = restore_backup(%{group: group, peer: beam.node}, peer_sync)
      Beam.freeze(beam)
      mutates_after(settings, here, fn -> Beam.thaw(beam) end)
      assert state(here).counts == %{"b" => 100, "c" => 21}
      sync([here])
      all_reach([there, here], 121)
    end

    test "catches up with a coppice before it writes: no count is issued twice" do
      group = {:counter, fresh("g")}
      other = Coppice.start(scope: :grove, replicas: [views: counter(group: group, actor: "d")])
      there = {:views, other.node}
      :ok = GenServer.call(there, {:mutate, {:increment, [100]}})
      peer_sync = &eventually(fn -> value(there) == 100 + &1 end)
      {settings, here} = restore_backup(%{group: group, peer: other.node}, peer_sync)
      Coppice.signal(other, "STOP")
      mutates_after(settings, here, fn -> Coppice.signal(other, "CONT") end)
      assert state(here).counts == %{"d" => 100, "c" => 21}
      sync([here])
      all_reach([there, here], 121)
    end
  end
end
