defmodule StandInTest do
  @moduledoc "The Grove stand-in among BEAMs: the behaviour that a coppice must be compatible with."
  use TestCase

  setup do
    {:ok, group: {:counter, fresh("g")}}
  end

  defp pair(group) do
    [a, b] = beams = for _ <- 1..2, do: Beam.start(grove: true)
    :pong = Beam.ping(a, b.node)
    servers = for beam <- beams, do: Beam.replica(beam, actor: beam.node, group: group)
    eventually(fn -> length(Beam.members(a, :grove, group)) == 2 end)
    eventually(fn -> length(Beam.members(b, :grove, group)) == 2 end)
    {beams, servers}
  end

  test "two nodes that both increment converge", %{group: group} do
    {_beams, [here, there]} = pair(group)
    :ok = Server.mutate(here, &GCounter.increment(&1, 5))
    :ok = Server.mutate(there, &GCounter.increment/1)
    for server <- [here, there], do: :ok = Server.sync_now(server)
    all_reach([here, there], 6)
    assert state(here).delta_buffer == %{}
  end

  test "a peer that is away misses a delta for good", %{group: group} do
    {[a, b], [here, there]} = pair(group)
    Beam.disconnect(a, b.node)
    eventually(fn -> length(Beam.members(a, :grove, group)) == 1 end)
    :ok = Server.mutate(here, &GCounter.increment(&1, 5))
    :ok = Server.sync_now(here)

    :pong = Beam.ping(a, b.node)
    eventually(fn -> length(Beam.members(b, :grove, group)) == 2 end)
    :ok = Server.sync_now(here)
    :ok = Server.mutate(there, &GCounter.increment/1)
    :ok = Server.sync_now(there)
    all_reach([here], 6)
    assert value(there) == 1
  end

  test "a fun that raises crashes the server; in a batch it changes nothing", %{group: group} do
    beam = Beam.start(grove: true)
    server = Beam.replica(beam, actor: :a, group: group)

    assert {:error, %RuntimeError{message: "oops"}} =
             Server.batch(server, fn counter ->
               _ = GCounter.increment(counter, 5)
               raise "oops"
             end)

    assert value(server) == 0

    assert {{%RuntimeError{}, _}, _} =
             exit_of(fn -> Server.mutate(server, fn _ -> raise "oops" end) end)
  end

  test "an unknown request crashes the server", %{group: group} do
    beam = Beam.start(grove: true)
    server = Beam.replica(beam, actor: :a, group: group)
    assert {{:function_clause, _}, _} = exit_of(fn -> GenServer.call(server, :get_value) end)
  end

  test "a delta with a value of 0 is withheld", %{group: group} do
    beam = Beam.start(grove: true)
    member = Member.start(beam, :grove, group)
    server = Beam.replica(beam, actor: :a, group: group, crdt_module: PNCounter)
    :ok = Server.mutate(server, &(&1 |> PNCounter.increment() |> PNCounter.decrement()))
    :ok = Server.sync_now(server)
    assert Member.messages(beam, member) == []

    :ok = Server.mutate(server, &PNCounter.increment/1)
    :ok = Server.sync_now(server)

    assert [{:grove_delta, %PNCounter{positive: %{counts: %{a: 2}}}, _}] =
             Member.messages(beam, member)
  end

  test "a delta of a set that only removes is withheld, and kept", %{group: group} do
    beam = Beam.start(grove: true)
    member = Member.start(beam, :grove, group)
    server = Beam.replica(beam, actor: :a, group: group, crdt_module: ORSet)
    :ok = Server.mutate(server, &ORSet.add(&1, "x"))
    :ok = Server.sync_now(server)
    :ok = Server.mutate(server, &ORSet.remove(&1, "x"))
    :ok = Server.sync_now(server)
    assert [{:grove_delta, %ORSet{}, _}] = Member.flush(beam, member)

    :ok = Server.mutate(server, &ORSet.add(&1, "y"))
    :ok = Server.sync_now(server)
    assert [{:grove_delta, delta, _}] = Member.messages(beam, member)
    assert delta.tombstones == MapSet.new(a: 1)
    assert ORSet.to_list(delta) == ["y"]
  end

  test "so is any delta without a value", %{group: group} do
    beam = Beam.start(grove: true)
    member = Member.start(beam, :grove, group)

    hidden = [
      {LWWRegister, &LWWRegister.set(&1, nil)},
      {GSet, &GSet.add(&1, "x")},
      {TwoPSet, &TwoPSet.remove(&1, "x")},
      {RGA, &RGA.remove(&1, {:a, 1})},
      {ORMap, &(&1 |> ORMap.put("k", GCounter.new(:a)) |> ORMap.delete("k"))}
    ]

    for {type, change} <- hidden do
      server = Beam.replica(beam, actor: :a, group: group, crdt_module: type)
      :ok = Server.mutate(server, change)
      :ok = Server.sync_now(server)
      sent = for {:grove_delta, %{__struct__: ^type}, _} <- Member.messages(beam, member), do: type
      assert sent == if(type == GSet, do: [GSet], else: [])
      :ok = Server.stop(server)
    end
  end

  test "operations as data" do
    counter = Grove.Testing.apply_operations(GCounter.new(:a), increment: [], increment: [5])
    assert Grove.Viewable.value(counter) == 6
    assert Grove.Mergeable.merge(GCounter.new(:b), counter).counts == %{a: 6}
  end

  describe "states of random histories" do
    for type <- Generator.types() do
      test "obey the laws of merge (#{inspect(type)})" do
        for seed <- 1..100 do
          :rand.seed(:exsss, seed)
          [a, b, c] = states(unquote(type))
          assert same?(merge(a, b), merge(b, a)), "seed #{seed}: not commutative"

          assert same?(merge(merge(a, b), c), merge(a, merge(b, c))),
                 "seed #{seed}: not associative"

          assert merge(a, a) === a, "seed #{seed}: not idempotent"
          assert merge(merge(a, b), b) === merge(a, b), "seed #{seed}: not idempotent"
        end
      end

      test "and a delta merge to the changed state (#{inspect(type)})" do
        for seed <- 1..100 do
          :rand.seed(:exsss, seed)
          [old | _] = unquote(type) |> states() |> Enum.map(&unquote(type).reset_delta/1)
          assert same?(merge(old, unquote(type).delta(old)), old), "seed #{seed}: an empty delta"
          new = Enum.reduce(1..5, old, fn n, state -> change(state, 1000 + n) end)
          assert same?(merge(old, unquote(type).delta(new)), new), "seed #{seed}: delta"
          assert merge(new, old) === new, "seed #{seed}: changed, it is not ahead"
        end
      end

      test "have the value that the model expects (#{inspect(type)})" do
        for seed <- 1..100 do
          :rand.seed(:exsss, seed)

          {state, ledger} =
            Enum.reduce(1..30, {unquote(type).new("a"), Ledger.new(["a"])}, &noted/2)

          violations = Model.violations(unquote(type), ledger.ops, Canonical.of(state))
          assert violations == [], "seed #{seed}: #{Enum.join(violations, "; ")}"
        end
      end
    end
  end

  defp merge(a, b), do: Grove.Mergeable.merge(a, b)

  defp same?(a, b),
    do: Canonical.shared(a) === Canonical.shared(b) and Canonical.of(a) === Canonical.of(b)

  # The states of three replicas that change and sometimes merge each other's.
  defp states(type) do
    first = for actor <- 0..2, into: %{}, do: {actor, type.new(<<?a + actor>>)}

    1..30
    |> Enum.reduce(first, fn n, states ->
      [one, other | _] = Enum.shuffle(0..2)

      Map.update!(states, one, fn state ->
        if :rand.uniform(4) == 1, do: merge(state, states[other]), else: change(state, n)
      end)
    end)
    |> Map.values()
  end

  defp change(%type{} = state, n) do
    {changed, _} = Change.make(state, Generator.op(type, n, ids(state)))
    changed
  rescue
    # An update of a missing key.
    KeyError -> state
  end

  defp noted(_, {%type{} = state, ledger}) do
    op = Generator.op(type, ledger.next, Ledger.ids(ledger))
    {changed, made} = Change.make(state, op)
    {changed, Ledger.acknowledged(ledger, "a", op, made)}
  rescue
    KeyError -> {state, ledger}
  end

  defp ids(%RGA{elements: elements}), do: Map.keys(elements)
  defp ids(_), do: []
end
