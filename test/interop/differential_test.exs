defmodule DifferentialTest do
  @moduledoc """
  Random changes to two replicas in coppices and two Grove replicas, which receive
  each other's states in random order: first over a stable network, so that it is
  known which replica has seen what; then while connections come and go.  After
  each round all must be equal, and be what the model expects of the acknowledged
  changes.

  Reads SEED and ROUNDS from the environment.
  """
  use TestCase

  # No sync by timer.
  @never 3_600_000

  setup_all do
    Process.put(:test_name, {__MODULE__, "world"})
    seed = String.to_integer(System.get_env("SEED") || "#{:rand.uniform(1_000_000)}")
    rounds = String.to_integer(System.get_env("ROUNDS", "8"))
    IO.puts("differential test: SEED=#{seed} ROUNDS=#{rounds}")
    [b1, b2] = beams = for _ <- 1..2, do: Beam.start(grove: true)
    :pong = Beam.ping(b1, b2.node)
    connect = Enum.map(beams, & &1.node)
    c1 = Coppice.start(scope: :grove, connect: connect)
    c2 = Coppice.start(scope: :grove, connect: [c1.node | connect])
    {:ok, seed: seed, rounds: rounds, nodes: %{"b1" => b1, "b2" => b2, "c1" => c1, "c2" => c2}}
  end

  for type <- Generator.types() do
    test "#{inspect(type)} converges to what was acknowledged", world do
      type = unquote(type)
      :rand.seed(:exsss, {world.seed, :erlang.phash2(type), 0})
      game = start(type, world)

      for round <- 1..world.rounds, reduce: Ledger.new(game.actors) do
        ledger ->
          events = if 2 * round <= world.rounds, do: stable(), else: unstable()
          ledger = if :cut in events, do: Ledger.unreliable(ledger), else: ledger

          1..40
          |> Enum.reduce(ledger, fn _, ledger -> happen(Enum.random(events), game, ledger) end)
          |> settle(game)
      end
    end
  end

  defp stable, do: [:change, :change, :change, :send_state]

  defp unstable do
    List.duplicate(:change, 12) ++
      [:send_state, :send_state, :sync, :sync, :sync, :cut, :heal, :heal]
  end

  defp start(type, %{nodes: nodes} = world) do
    name = fresh_atom("d")
    group = {:differential, name}
    shared = [group: group, sync_interval: @never]
    for {actor, node} <- nodes, do: start_replica(node, type, name, [actor: actor] ++ shared)
    beams = for actor <- ["b1", "b2"], do: nodes[actor]
    game = %{type: type, name: name, group: group, nodes: nodes, beams: beams, seed: world.seed}
    game = Map.put(game, :actors, Map.keys(nodes))
    eventually(fn -> connected?(game) end)
    game
  end

  defp start_replica(%Beam{} = beam, type, name, opts) do
    Beam.replica(beam, [name: name, crdt_module: type] ++ opts)
  end

  defp start_replica(%Coppice{} = c, type, name, opts) do
    {:ok, _} = Coppice.start_replica(c, name, opts |> Map.new() |> Map.put(:crdt, type))
  end

  defp connected?(%{nodes: nodes} = game) do
    Enum.all?(nodes, fn
      {_, %Beam{} = beam} -> length(Beam.members(beam, :grove, game.group)) == map_size(nodes)
      {_, c} -> match?(%{peers: 3, behind: 0}, Coppice.status(c).replicas[game.name])
    end)
  end

  defp server(game, actor), do: {game.name, game.nodes[actor].node}

  # --- random events -----------------------------------------------------------

  defp happen(:change, game, ledger) do
    actor = Enum.random(game.actors)
    op = op(game, actor, ledger)

    case attempt(game, actor, op) do
      {:ok, reply} -> Ledger.acknowledged(ledger, actor, op, reply)
      {:error, %KeyError{}} -> ledger
      {:error, {:bad_op, _}} when game.type in [ORMap, RGA] -> ledger
    end
  end

  defp happen(:send_state, game, ledger) do
    [from, to | _] = Enum.shuffle(game.actors)
    send_delta(game, to, state(server(game, from)))
    Ledger.merged(ledger, from, to)
  end

  defp happen(:sync, game, ledger) do
    actor = Enum.random(game.actors)
    :ok = Server.sync_now(server(game, actor))
    Ledger.broadcast(ledger, actor)
  end

  defp happen(:cut, game, ledger) do
    {beam, node} = link(game)
    Beam.disconnect(beam, node)
    ledger
  end

  defp happen(:heal, game, ledger) do
    {beam, node} = link(game)
    Beam.ping(beam, node)
    ledger
  end

  defp link(game) do
    beam = Enum.random(game.beams)
    {_, other} = game.nodes |> Enum.reject(fn {_, node} -> node == beam end) |> Enum.random()
    {beam, other.node}
  end

  defp send_delta(game, actor, struct) do
    send(server(game, actor), {:grove_delta, struct, self()})
  end

  # Coppices also insert by index.
  defp op(%{type: RGA} = game, "c" <> _ = actor, ledger) do
    if :rand.uniform(4) == 1 do
      {:insert_at, [Enum.random(0..length(value(server(game, actor)))), ledger.next]}
    else
      Generator.op(RGA, ledger.next, Ledger.ids(ledger))
    end
  end

  defp op(game, _, ledger), do: Generator.op(game.type, ledger.next, Ledger.ids(ledger))

  defp attempt(game, "b" <> _ = actor, op), do: as_fun(&Server.batch/2, server(game, actor), op)
  defp attempt(game, actor, {:insert_at, _} = op), do: as_data(server(game, actor), op)

  defp attempt(game, actor, op) do
    case :rand.uniform(3) do
      1 -> as_data(server(game, actor), op)
      2 -> as_fun(&Server.batch/2, server(game, actor), op)
      3 -> as_fun(&Server.mutate/2, server(game, actor), op)
    end
  end

  defp as_data(server, op), do: GenServer.call(server, {:mutate_reply, op})

  defp as_fun(change, server, op) do
    {me, ref} = {self(), make_ref()}

    fun = fn state ->
      {changed, reply} = Change.make(state, op)
      send(me, {ref, reply})
      changed
    end

    with :ok <- change.(server, fun) do
      assert_receive {^ref, reply}, 5_000
      {:ok, reply}
    end
  end

  # --- convergence -------------------------------------------------------------

  defp settle(ledger, game) do
    for beam <- game.beams, {_, node} <- game.nodes, do: Beam.ping(beam, node.node)
    eventually(fn -> connected?(game) end)
    for actor <- game.actors, do: :ok = Server.sync_now(server(game, actor))
    send_withheld_deltas(game)
    eventually(fn -> coppices_know_all?(game) end)
    merge_grove_replicas(game)
    eventually(fn -> match?([_], game |> values() |> Enum.uniq()) end)
    check(ledger, game)
    Ledger.converged(ledger)
  end

  # Grove's servers withhold a delta without a value.
  defp send_withheld_deltas(%{type: type} = game) do
    for "b" <> _ = from <- game.actors, to <- game.actors, from != to do
      send_delta(game, to, server(game, from) |> state() |> type.delta())
    end
  end

  # Grove's servers lose what they send while they are disconnected; the coppices
  # must come to know it all without help.
  defp coppices_know_all?(%{type: type} = game) do
    [b1, b2, c1, c2] = for actor <- game.actors, do: state(server(game, actor))
    all = b1 |> type.merge(b2) |> Canonical.of()
    assert {Canonical.of(c1), Canonical.of(c2)} === {all, all}
    true
  end

  defp merge_grove_replicas(%{type: type} = game) do
    for {from, to} <- [{"b1", "b2"}, {"b2", "b1"}] do
      other = state(server(game, from))
      :ok = Server.mutate(server(game, to), &type.merge(&1, other))
    end
  end

  defp values(game),
    do: for(actor <- game.actors, do: Canonical.of(game.type, value(server(game, actor))))

  defp check(ledger, game) do
    [value | _] = values(game)
    violations = Model.violations(game.type, ledger.ops, value)
    assert violations == [], "SEED=#{game.seed}: #{Enum.join(violations, "; ")}"
  end
end
