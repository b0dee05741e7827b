defmodule Twins do
  @moduledoc "A replica of any type in a coppice, and its twin of Grove's in a BEAM."

  import ExUnit.Assertions
  import Story

  alias Grove.Replication.Server

  # The form that this BEAM's own MapSets have.
  @mapset if Map.has_key?(MapSet.new(), :version), do: :versioned, else: :plain

  @doc "One node of each kind, for all stories of a suite; `c` and `beam`."
  def nodes(suite) do
    Process.put(:story, {suite, "nodes"})
    beam = Beam.start(grove: true)
    c = Coppice.start(scope: :grove, connect: [beam.node])
    eventually(fn -> c.node in Beam.nodes(beam) end)
    [c: c, beam: beam]
  end

  @doc "Both, which know each other; neither syncs unless told to."
  def pair(type, world, opts \\ []) do
    group = {:types, fresh("g")}
    there = Beam.replica(world.beam, actor: "b", group: group, crdt_module: type)
    here = replica(type, world, [group: group] ++ opts)
    eventually(fn -> length(Beam.members(world.beam, :grove, group)) == 2 end)
    {here, there}
  end

  @doc "The coppice's; beside nobody unless a group is named."
  def replica(type, world, opts \\ []) do
    name = fresh_atom("t")
    options = counter(crdt: type, mapset: @mapset) |> Map.merge(Map.new(opts))
    {:ok, _} = Coppice.start_replica(world.c, name, options)
    {name, world.c.node}
  end

  def ask(server, change), do: GenServer.call(server, {:mutate, change})
  def reply(server, change), do: GenServer.call(server, {:mutate_reply, change})
  def tell(server, struct), do: send(server, {:grove_delta, struct, self()})
  def sync(servers), do: for(server <- servers, do: :ok = Server.sync_now(server))

  @doc "Whether all of them say this in the end."
  def agree(type, servers, value) do
    eventually(fn ->
      assert Enum.uniq(for server <- servers, do: Meaning.of(type, value(server))) === [value]
    end)
  end

  @doc "A state that these changes have made."
  def made(type, actor, ops),
    do: ops |> Enum.reduce(type.new(actor), &elem(Change.make(&2, &1), 0))
end
