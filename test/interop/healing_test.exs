defmodule HealingTest do
  @moduledoc """
  What was lost between replicas, and how all of them come to have it.  Each loss is also
  shown where nobody heals it.
  """
  use Story

  @never 86_400_000

  # Two Grove nodes that stay apart when they are parted, and a coppice that both know.
  setup_all do
    Process.put(:story, {__MODULE__, "nodes"})
    kernel = [dist_auto_connect: :never]
    [a, b] = for _ <- 1..2, do: Beam.start(grove: true, kernel: kernel)
    c = Coppice.start(scope: :grove, connect: [a.node])
    eventually(fn -> c.node in Beam.nodes(a) end)
    {:ok, a: a, b: b, c: c}
  end

  setup world do
    for node <- [world.a, world.c], do: meet(world.b, node)
    :ok
  end

  defp meet(beam, %{node: node}) do
    eventually(fn -> Beam.call(beam, :net_kernel, :connect_node, [node]) end)
    eventually(fn -> node in Beam.nodes(beam) end)
  end

  # Until both have noticed.
  defp part(beam, %Beam{node: node} = other) do
    Beam.disconnect(beam, node)
    eventually(fn -> beam.node not in Beam.nodes(other) end)
  end

  defp part(beam, %Coppice{node: node} = c) do
    Beam.disconnect(beam, node)
    eventually(fn -> not Map.has_key?(Coppice.status(c).peers, beam.node) end)
  end

  # A group with a replica on each BEAM, and on the coppice unless that is nil.  None
  # syncs but when it is told to.
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

  # As data where it is data that is taken: on a BEAM the same function makes it.
  defp change(server, op), do: :ok = Server.mutate(server, &elem(Change.make(&1, op), 0))
  defp sync(servers), do: for(server <- servers, do: :ok = Server.sync_now(server))

  defp said(type, server), do: meaning(type, value(server))

  defp meaning(RGA, values), do: Enum.sort(values)
  defp meaning(type, value), do: Meaning.of(type, value)

  defp agree(type, servers, expected) do
    eventually(fn ->
      assert Enum.map(servers, &said(type, &1)) == Enum.map(servers, fn _ -> expected end)
    end)
  end

  # However often they sync: each goes on without what only the other has.
  defp differ(type, %{a: a, b: b}, at_a, at_b) do
    for _ <- 1..3 do
      sync([a, b])
      assert {said(type, a), said(type, b)} == {at_a, at_b}
    end
  end

  describe "two Grove nodes that were parted" do
    # What each has to itself, and what both have in the end.
    stories = [
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

    for {type, [at_a], [at_b], values} <- stories do
      test "have all of #{inspect(type)} beside a coppice, and without one never", world do
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

        meet(world.a, world.b)
        together(world, [alone, helped])
        agree(type, [helped.a, helped.b], both)
        differ(type, alone, only_a, only_b)
      end
    end

    defp expected(:sets), do: {MapSet.new(["x"]), MapSet.new(["y"]), MapSet.new(["x", "y"])}
    defp expected(values), do: values

    # Grove judges a delta by its value: a removal alone is not even sent.
    test "hear of a removal, of which Grove sends no delta", world do
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
      meet(world.a, world.b)
      together(world, [alone, helped])
      agree(ORSet, [helped.a, helped.b], MapSet.new(["y"]))
      differ(ORSet, alone, MapSet.new(["y"]), both)
    end

    # The two never meet again: it is the coppice that tells each what the other did.
    test "hear of each other when the coppice that was with one meets the other", world do
      helped = %{a: a, b: b} = group(world, ORSet, %{anti_entropy_interval: @never})
      part(world.b, world.a)
      part(world.b, world.c)
      for {server, element} <- [{a, "x"}, {b, "y"}], do: change(server, {:add, [element]})
      sync([a, b])
      assert said(ORSet, a) == MapSet.new(["x"])
      assert said(ORSet, b) == MapSet.new(["y"])

      meet(world.b, world.c)
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
    # The first stands behind a relay; the second dials it, and repairs as often as told.
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
    defp set(c, name), do: Meaning.of(GSet, value({name, c.node}))
    # Nothing more and nothing less, in the end.
    defp have(coppices, name, expected) do
      # To look at a large set takes seconds on a busy machine.
      eventually(
        fn -> for c <- coppices, do: assert(apart(set(c, name), expected) == []) end,
        30_000
      )
    end

    defp apart(x, y),
      do: Enum.to_list(MapSet.difference(x, y)) ++ Enum.to_list(MapSet.difference(y, x))

    for {what, crdt, type, many} <- [
          {"a small state", :or_set, ORSet, 10},
          {"a large one", :gset, GSet, 300_000},
          {"one that has no parts", :dvv_set, DVVSet, 100}
        ] do
      test "find a delta of #{what} that was lost, when they compare" do
        options = fn -> counter(crdt: unquote(crdt), anti_entropy_interval: @never) end
        second = [kept: [actor: "d", anti_entropy_interval: 300], lost: [actor: "d"]]
        {one, two, relay} = pair([kept: options.(), lost: options.()], second)
        before = MapSet.new(1..unquote(many))
        state = Enum.reduce(before, unquote(type).new("e"), &unquote(type).add(&2, &1))

        for name <- [:kept, :lost] do
          Twins.tell({name, one.node}, unquote(type).reset_delta(state))
          sync(for c <- [one, two], do: {name, c.node})
          for c <- [one, two], do: eventually(fn -> behind(c, name) == 0 end)
          have([one, two], name, before)
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
        assert {0, out, ""} = Coppice.run(["status", two.node])
        assert out =~ ~r/repairs\W+[1-9]/

        for _ <- 1..3, do: sync(for c <- [one, two], do: {:lost, c.node})
        have([one], :lost, x)
        have([two], :lost, y)
        assert repairs(two, :lost) == 0
      end
    end

    test "that are equal say little to each other" do
      options = counter(crdt: :gset, anti_entropy_interval: @never)
      often = [tags: [anti_entropy_interval: 100, anti_entropy_jitter: 0]]
      {one, two, relay} = pair([tags: options], often)
      add(one, :tags, 1..50_000)
      have([one, two], :tags, MapSet.new(1..50_000))
      heard = fn -> {repairs(two, :tags), Relay.bytes(relay, two.node)} end
      eventually(fn -> repairs(two, :tags) > 3 end)
      {rounds, bytes} = heard.()
      eventually(fn -> repairs(two, :tags) >= rounds + 10 end)
      {more, all} = heard.()
      each = div(all - bytes, more - rounds)
      IO.puts("healing: #{each} bytes for a round between two coppices that are equal")
      assert each < 1_000
    end
  end

  describe "coppice status" do
    test "counts the actors and tombstones that a replica carries", world do
      %{a: a, b: b, group: group} = group(world, ORSet, %{anti_entropy_interval: 300})
      for {server, n} <- [{a, 1}, {b, 2}], do: change(server, {:add, [n]})
      {name, _} = here = here(world.c, group)
      for n <- 3..6, do: :ok = GenServer.call(here, {:mutate, {:add, [n]}})
      for n <- 3..5, do: :ok = GenServer.call(here, {:mutate, {:remove, [n]}})
      sync([a, b, here])
      counts = fn -> Map.take(Coppice.status(world.c).replicas[name], [:actors, :tombstones]) end
      eventually(fn -> assert counts.() == %{actors: 3, tombstones: 3} end)
      assert {0, out, ""} = Coppice.run(["status", world.c.node])
      assert out =~ ~r/actors\W+3\b/ and out =~ ~r/tombstones\W+3\b/
    end
  end

  describe "a replica whose files were set back to an older copy" do
    # What it did since is known to its peer alone.
    defp set_back(world, peer_sync) do
      table = Table.path()
      storage = %{file: table}
      replica = counter(group: world.group, storage: storage, anti_entropy_interval: @never)
      settings = [node: Coppice.name(), scope: :grove, connect: [world.peer]]
      settings = settings ++ [replicas: [views: replica]]
      here = {:views, settings[:node]}
      c = Coppice.start(settings)
      :ok = GenServer.call(here, {:mutate, {:increment, [5]}})
      assert Coppice.stop(c) == 0
      copy = aside(table)

      c = Coppice.start(settings)
      for _ <- 1..3, do: :ok = GenServer.call(here, {:mutate, {:increment, [5]}})
      sync([here])
      peer_sync.(20)
      Coppice.kill(c)
      restore(table, copy)
      {settings, here}
    end

    defp aside(table) do
      for file <- Path.wildcard(table <> "*"), do: {file, File.read!(file)}
    end

    defp restore(table, copy) do
      for file <- Path.wildcard(table <> "*"), do: File.rm!(file)
      for {file, bytes} <- copy, do: File.write!(file, bytes)
    end

    # The peer is silent at first: so is the replica.
    defp mutates_after(settings, here, wake_peer) do
      Coppice.start(settings)
      call = Task.async(fn -> GenServer.call(here, {:mutate, {:increment, [1]}}) end)
      refute Task.yield(call, 200)
      wake_peer.()
      assert Task.await(call, 10_000 * patience()) == :ok
    end

    test "hears a Grove node before it writes: no count is given twice" do
      group = {:counter, fresh("g")}
      beam = Beam.start(grove: true)
      there = Beam.replica(beam, actor: "b", group: group)
      :ok = Server.mutate(there, &GCounter.increment(&1, 100))
      told = &eventually(fn -> value(there) == 100 + &1 end)
      {settings, here} = set_back(%{group: group, peer: beam.node}, told)
      Beam.freeze(beam)
      mutates_after(settings, here, fn -> Beam.thaw(beam) end)
      assert state(here).counts == %{"b" => 100, "c" => 21}
      sync([here])
      all_reach([there, here], 121)
    end

    test "hears a coppice before it writes: no count is given twice" do
      group = {:counter, fresh("g")}
      other = Coppice.start(scope: :grove, replicas: [views: counter(group: group, actor: "d")])
      there = {:views, other.node}
      :ok = GenServer.call(there, {:mutate, {:increment, [100]}})
      told = &eventually(fn -> value(there) == 100 + &1 end)
      {settings, here} = set_back(%{group: group, peer: other.node}, told)
      Coppice.signal(other, "STOP")
      mutates_after(settings, here, fn -> Coppice.signal(other, "CONT") end)
      assert state(here).counts == %{"d" => 100, "c" => 21}
      sync([here])
      all_reach([there, here], 121)
    end
  end
end
