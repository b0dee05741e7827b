defmodule StandInTest do
  @moduledoc "Grove among BEAMs: what a coppice has to fit in with."
  use Story

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

  test "two nodes that both count converge", %{group: group} do
    {_beams, [here, there]} = pair(group)
    :ok = Server.mutate(here, &GCounter.increment(&1, 5))
    :ok = Server.mutate(there, &GCounter.increment/1)
    for server <- [here, there], do: :ok = Server.sync_now(server)
    all_reach([here, there], 6)
    assert state(here).delta_buffer == %{}
  end

  test "a delta sent while a peer is away is lost to it", %{group: group} do
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

  test "a fun that raises ends its server, in a batch it changes nothing", %{group: group} do
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

  test "an unknown request ends its server", %{group: group} do
    beam = Beam.start(grove: true)
    server = Beam.replica(beam, actor: :a, group: group)
    assert {{:function_clause, _}, _} = exit_of(fn -> GenServer.call(server, :get_value) end)
  end

  test "a delta that nets to nothing is held back", %{group: group} do
    beam = Beam.start(grove: true)
    member = Member.start(beam, :grove, group)
    server = Beam.replica(beam, actor: :a, group: group, crdt_module: PNCounter)
    :ok = Server.mutate(server, &(&1 |> PNCounter.increment() |> PNCounter.decrement()))
    :ok = Server.sync_now(server)
    assert Member.heard(beam, member) == []

    :ok = Server.mutate(server, &PNCounter.increment/1)
    :ok = Server.sync_now(server)

    assert [{:grove_delta, %PNCounter{positive: %{counts: %{a: 2}}}, _}] =
             Member.heard(beam, member)
  end

  test "operations can be written as data" do
    counter = Grove.Testing.apply_operations(GCounter.new(:a), increment: [], increment: [5])
    assert Grove.Viewable.value(counter) == 6
    assert Grove.Mergeable.merge(GCounter.new(:b), counter).counts == %{a: 6}
  end
end
