defmodule ReplicaPair do
  @moduledoc "A replica of any type in a coppice, and a Grove replica of the same group in a BEAM."

  import ExUnit.Assertions
  import TestCase

  alias Grove.Replication.Server

  # The form that this BEAM's own MapSets have.
  @mapset if Map.has_key?(MapSet.new(), :version), do: :versioned, else: :plain

  @doc "One node of each kind, `c` and `beam`, for all tests of a suite."
  def nodes(suite) do
    Process.put(:test_name, {suite, "nodes"})
    beam = Beam.start(grove: true)
    c = Coppice.start(scope: :grove, connect: [beam.node])
    eventually(fn -> c.node in Beam.nodes(beam) end)
    [c: c, beam: beam]
  end

  @doc "Both replicas, once they know each other; neither syncs unless asked to."
  def pair(type, world, opts \\ []) do
    group = {:types, fresh("g")}
    there = Beam.replica(world.beam, actor: "b", group: group, crdt_module: type)
    here = replica(type, world, [group: group] ++ opts)
    eventually(fn -> length(Beam.members(world.beam, :grove, group)) == 2 end)
    {here, there}
  end

  @doc "The coppice's replica, alone in its group unless `opts` name one."
  def replica(type, world, opts \\ []) do
    name = fresh_atom("t")
    options = counter(crdt: type, mapset: @mapset) |> Map.merge(Map.new(opts))
    {:ok, _} = Coppice.start_replica(world.c, name, options)
    {name, world.c.node}
  end

  def mutate(server, change), do: GenServer.call(server, {:mutate, change})
  def mutate_reply(server, change), do: GenServer.call(server, {:mutate_reply, change})
  def send_delta(server, struct), do: send(server, {:grove_delta, struct, self()})
  def sync(servers), do: for(server <- servers, do: :ok = Server.sync_now(server))

  @doc "Waits until all of them have this value."
  def converge(type, servers, value) do
    eventually(fn ->
      assert Enum.uniq(for server <- servers, do: Canonical.of(type, value(server))) === [value]
    end)
  end

  @doc "The state after these operations."
  def build(type, actor, ops),
    do: ops |> Enum.reduce(type.new(actor), &elem(Change.make(&2, &1), 0))
end
