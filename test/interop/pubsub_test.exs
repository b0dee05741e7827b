defmodule PubSubTest do
  @moduledoc "Replicas that exchange deltas on a topic of Phoenix.PubSub."
  use TestCase

  alias Phoenix.PubSub

  defp beam(pubsubs, opts \\ []) do
    beam = Beam.start(grove: true)
    for pubsub <- List.wrap(pubsubs), do: Beam.start_pubsub(beam, pubsub, opts)
    beam
  end

  defp replica(beam, opts), do: Beam.replica(beam, Keyword.merge([actor: "b"], opts))

  defp coppice(beams, replicas, extra \\ []) do
    connect = Enum.map(List.wrap(beams), & &1.node)
    Coppice.start([connect: connect, replicas: replicas] ++ extra)
  end

  defp listed(c, name), do: Coppice.status(c).replicas[name]

  # Waits until the coppice has found these nodes on its topic.
  defp on_topic(c, name, nodes) do
    nodes = List.wrap(nodes) |> Enum.map(& &1.node) |> Enum.sort()
    eventually(fn -> Enum.sort(listed(c, name).pubsub.nodes) == nodes end)
  end

  defp add(server, element), do: :ok = GenServer.call(server, {:mutate, {:add, [element]}})
  defp elements(server), do: server |> value() |> Enum.sort()

  defp reach(servers, elements) do
    eventually(fn -> Enum.all?(servers, &(elements(&1) == elements)) end)
  end

  setup do
    id = fresh("g")
    {:ok, pubsub: Module.concat(fresh("App"), "PubSub"), group: {:counter, id}, id: id}
  end

  describe "deltas" do
    test "go both ways", %{pubsub: pubsub, group: group} do
      beam = beam(pubsub)
      there = replica(beam, group: group, pubsub: pubsub)
      c = coppice(beam, views: counter(group: group, pubsub: pubsub))
      here = {:views, c.node}
      on_topic(c, :views, beam)
      :ok = Server.mutate(there, &GCounter.increment(&1, 2))
      :ok = Server.sync_now(there)
      all_reach([here, there], 2)
      :ok = GenServer.call(here, {:mutate, {:increment, [3]}})
      :ok = Server.sync_now(here)
      all_reach([here, there], 5)
    end

    test "are heard from every process of the pool", %{pubsub: pubsub, group: group, id: id} do
      beam = beam(pubsub, pool_size: 3)
      c = coppice(beam, views: counter(group: group, pubsub: pubsub))
      eventually(fn -> Coppice.status(c).pubsub[pubsub].pool == 3 end)
      joined = &(Beam.members(beam, PubSub, &1) |> Enum.count(fn pid -> node(pid) == c.node end))
      adapter = Module.concat(pubsub, "Adapter")
      groups = [adapter, :"#{adapter}_2", :"#{adapter}_3"]
      eventually(fn -> Enum.map(groups, joined) == [1, 1, 1] end)

      Beam.run(beam, fn ->
        for n <- 1..20 do
          spawn(fn ->
            delta = %{GCounter.new("w#{n}") | counts: %{"w#{n}" => 1}}
            PubSub.broadcast(pubsub, "grove:counter:#{id}", {:grove_delta, delta, self()})
          end)
        end
      end)

      all_reach([{:views, c.node}], 20)

      for {name, n} <- Enum.with_index(groups) do
        delta = %{GCounter.new("d#{n}") | counts: %{"d#{n}" => 10}}
        message = {:grove_delta, delta, self()}
        send({name, c.node}, {:forward_to_local, "grove:counter:#{id}", message, PubSub})
      end

      all_reach([{:views, c.node}], 50)
    end

    test "reach whoever is subscribed, who is asked nothing", context do
      %{pubsub: pubsub, group: group, id: id} = context
      beam = beam(pubsub)
      view = LiveView.start(beam, pubsub, "grove:counter:#{id}")
      c = coppice(beam, views: counter(group: group, pubsub: pubsub))
      here = {:views, c.node}
      on_topic(c, :views, beam)
      :ok = GenServer.call(here, {:mutate, :increment})
      :ok = Server.sync_now(here)

      eventually(fn ->
        match?([{:grove_delta, %GCounter{counts: %{"c" => 1}}, _} | _], LiveView.messages(view))
      end)

      :ok = LiveView.broadcast(view, %{GCounter.new("v") | counts: %{"v" => 4}})
      all_reach([here], 5)
      # It is known what it is by now; a call would have ended it.
      eventually(fn -> listed(c, :views).waiting == 0 end)
      :ok = LiveView.broadcast(view, %{GCounter.new("v") | counts: %{"v" => 5}})
      all_reach([here], 6)
      assert listed(c, :views).peers == 0
    end

    test "that are no structs are passed over quietly", context do
      %{pubsub: pubsub, group: group, id: id} = context
      beam = beam(pubsub)
      view = LiveView.start(beam, pubsub, "grove:counter:#{id}")
      c = coppice(beam, views: counter(group: group, pubsub: pubsub))
      on_topic(c, :views, beam)
      operations = [{:update_attrs, "n1", %{a: 1}}, %{a: 1}, nil, :move]
      for operation <- operations, do: :ok = LiveView.broadcast(view, operation)

      Beam.run(beam, fn ->
        PubSub.broadcast(pubsub, "grove:counter:#{id}", "anything else")
        PubSub.broadcast(pubsub, "another topic", {:grove_delta, GCounter.new("x"), self()})
      end)

      :ok = LiveView.broadcast(view, %{GCounter.new("v") | counts: %{"v" => 1}})
      all_reach([{:views, c.node}], 1)
      assert %{refused: 0, merges: 1} = listed(c, :views)
      refute Coppice.log(c) =~ "refused"
    end

    test "stay within their pubsub", %{pubsub: pubsub, group: group} do
      other = Module.concat(pubsub, "Other")
      beam = beam([pubsub, other])
      one = replica(beam, group: group, pubsub: pubsub)
      two = replica(beam, group: group, pubsub: other)
      topic = "grove:counter:#{elem(group, 1)}"

      c =
        coppice(beam,
          one: counter(group: {:counter, "one"}, pubsub: pubsub, pubsub_topic: topic),
          two: counter(group: {:counter, "two"}, pubsub: other, pubsub_topic: topic)
        )

      on_topic(c, :one, beam)
      on_topic(c, :two, beam)
      :ok = Server.mutate(one, &GCounter.increment(&1, 1))
      :ok = Server.mutate(two, &GCounter.increment(&1, 10))
      for server <- [one, two], do: :ok = Server.sync_now(server)
      all_reach([one, {:one, c.node}], 1)
      all_reach([two, {:two, c.node}], 10)
    end
  end

  describe "what was missed" do
    test "while disconnected is exchanged", %{pubsub: pubsub, group: group} do
      beam = beam(pubsub)
      there = replica(beam, group: group, pubsub: pubsub, crdt_module: GSet)
      c = coppice(beam, views: counter(crdt: :gset, group: group, pubsub: pubsub))
      here = {:views, c.node}
      on_topic(c, :views, beam)
      eventually(fn -> listed(c, :views).peers == 1 end)
      Beam.disconnect(beam, c.node)
      :ok = Server.mutate(there, &GSet.add(&1, "there"))
      :ok = Server.sync_now(there)
      add(here, "here")
      :ok = Server.sync_now(here)
      reach([here, there], ["here", "there"])
    end

    test "by a replica that starts later is sent to it", %{pubsub: pubsub, group: group} do
      beam = beam(pubsub)
      options = %{crdt: :gset, group: group, pubsub: pubsub, sync_interval: 100}
      c = coppice(beam, views: counter(options))
      on_topic(c, :views, beam)
      add({:views, c.node}, "x")
      :ok = Server.sync_now({:views, c.node})
      there = replica(beam, group: group, pubsub: pubsub, crdt_module: GSet)
      reach([there], ["x"])
    end

    test "is found after a replica has restarted alone", %{pubsub: pubsub, group: group} do
      beam = beam(pubsub)
      start = fn -> replica(beam, group: group, pubsub: pubsub, crdt_module: GSet, name: :again) end
      there = start.()
      # It may be asked while the server ends, and is then asked again at a tick.
      options = [crdt: :gset, group: group, pubsub: pubsub, sync_interval: 100]
      options = options ++ [anti_entropy_interval: 200]
      c = coppice(beam, views: counter(options))
      add({:views, c.node}, "x")
      eventually(fn -> listed(c, :views).peers == 1 end)
      reach([there], ["x"])
      :ok = Server.stop(there)
      eventually(fn -> listed(c, :views).peers == 0 end)
      start.()
      reach([there], ["x"])
    end

    test "by a coppice that restarts comes back before it counts", context do
      %{pubsub: pubsub, group: group} = context
      beam = beam(pubsub)
      there = replica(beam, group: group, pubsub: pubsub)
      settings = [node: Coppice.name()]
      replicas = [views: counter(group: group, pubsub: pubsub)]
      c = coppice(beam, replicas, settings)
      here = {:views, c.node}
      :ok = GenServer.call(here, {:mutate, {:increment, [7]}})
      on_topic(c, :views, beam)
      :ok = Server.sync_now(here)
      all_reach([there], 7)
      Coppice.kill(c)
      again = coppice(beam, replicas, settings)
      :ok = GenServer.call({:views, again.node}, {:mutate, :increment})
      assert value({:views, again.node}) == 8
    end
  end

  test "two coppices and a BEAM agree", %{pubsub: pubsub, group: group} do
    beam = beam(pubsub)
    there = replica(beam, group: group, pubsub: pubsub, crdt_module: GSet)
    options = %{crdt: :gset, group: group, pubsub: pubsub, sync_interval: 100}
    first = coppice(beam, views: counter(Map.put(options, :actor, "c1")))
    second = coppice([beam, first], views: counter(Map.put(options, :actor, "c2")))
    servers = [{:views, first.node}, {:views, second.node}, there]
    for c <- [first, second], do: eventually(fn -> listed(c, :views).peers == 2 end)
    add({:views, first.node}, 1)
    add({:views, second.node}, 2)
    :ok = Server.mutate(there, &GSet.add(&1, 3))
    :ok = Server.sync_now(there)
    reach(servers, [1, 2, 3])
  end

  describe "the adapter" do
    test "comes back when it is killed", %{pubsub: pubsub, group: group, id: id} do
      beam = beam(pubsub)
      c = coppice(beam, views: counter(group: group, pubsub: pubsub))
      adapter = Module.concat(pubsub, "Adapter")
      ours = fn -> Enum.find(Beam.members(beam, PubSub, adapter), &(node(&1) == c.node)) end
      pid = eventually(ours)
      Process.exit(pid, :kill)
      eventually(fn -> ours.() not in [nil, pid] end)
      view = LiveView.start(beam, pubsub, "grove:counter:#{id}")
      :ok = LiveView.broadcast(view, %{GCounter.new("v") | counts: %{"v" => 1}})
      all_reach([{:views, c.node}], 1)
    end

    test "ends with its last replica", %{pubsub: pubsub, group: group} do
      beam = beam(pubsub)
      c = coppice(beam, views: counter(group: group, pubsub: pubsub))
      adapter = Module.concat(pubsub, "Adapter")
      ours = fn -> Enum.any?(Beam.members(beam, PubSub, adapter), &(node(&1) == c.node)) end
      eventually(ours)
      :ok = Coppice.stop_replica(c, :views)
      eventually(fn -> not ours.() end)
      assert Coppice.status(c).pubsub == %{}
      {:ok, _} = Coppice.start_replica(c, :views, counter(group: group, pubsub: pubsub))
      eventually(ours)
    end
  end

  describe "the topic" do
    test "is made of the group, as Grove makes it", %{pubsub: pubsub} do
      replicas = [
        pair: {{:counter, "views"}, "grove:counter:views"},
        atoms: {{:counter, :views}, "grove:counter:views"},
        atom: {:views, "grove:views"},
        binary: {"my_topic", "grove:my_topic"}
      ]

      options =
        for {name, {group, _}} <- replicas do
          {name, counter(group: group, pubsub: pubsub, actor: name)}
        end

      c = coppice([], options)

      for {name, {_, topic}} <- replicas do
        assert %{name: ^pubsub, topic: ^topic} = listed(c, name).pubsub
        assert %{pubsub: ^pubsub, pubsub_topic: ^topic} = :sys.get_state({name, c.node})
      end
    end

    test "must be given for another group", %{pubsub: pubsub} do
      c = coppice([], [])
      options = counter(group: {:a, :b, :c}, pubsub: pubsub)
      assert {:error, {:bad_options, text}} = Coppice.start_replica(c, :views, options)
      assert text =~ "pubsub_topic: expected a topic"
      assert {:ok, _} = Coppice.start_replica(c, :views, Map.put(options, :pubsub_topic, "t"))
      assert listed(c, :views).pubsub.topic == "t"
    end
  end
end
