defmodule StorageKillTest do
  @moduledoc """
  A coppice is killed again and again, during appends and snapshots, while several
  processes change its replicas.  What was acknowledged must be there afterwards;
  an unanswered change must be there as a whole or not at all.

  Reads SEED and KILLS from the environment.
  """
  use TestCase

  alias Grove.Sequence.RGA

  @kills String.to_integer(System.get_env("KILLS", "15"))
  @moduletag timeout: 30_000 + 2_000 * @kills * TestCase.slowdown()

  # Per replica.
  @callers 3

  setup_all do
    seed = String.to_integer(System.get_env("SEED") || "#{:rand.uniform(1_000_000)}")
    {:ok, seed: seed, kills: @kills}
  end

  # Other records in the table, so that a snapshot takes long enough to be killed in.
  @others for n <- 1..300, do: {{:snapshot, "doc", n}, :binary.copy("text", 2_000)}

  # The replicas share a table, and one of them is writing it most of the time.
  defp settings(name, extra) do
    storage = %{file: Table.make(@others)}
    shared = %{sync_interval: 100, snapshot_interval: 100, actor: "c", storage: storage}

    replicas =
      for {replica, type} <- [count: GCounter, tags: ORSet, text: RGA] do
        {replica, Map.merge(shared, %{crdt: type, group: {name, replica}})}
      end

    [node: Coppice.name(), replicas: replicas] ++ extra
  end

  test "kill -9 loses nothing that was acknowledged", %{seed: seed, kills: kills} do
    play(settings(fresh_atom("k"), []), seed, kills, fn _ -> 0 end)
  end

  test "nor does it with a Grove replica as a peer, which converges", world do
    name = fresh_atom("k")
    beam = Beam.start(grove: true)
    types = [count: GCounter, tags: ORSet, text: RGA]

    there =
      for {replica, type} <- types, into: %{} do
        opts = [actor: "b", group: {name, replica}, crdt_module: type, sync_interval: 100]
        {replica, Beam.replica(beam, opts)}
      end

    settings = settings(name, scope: :grove, connect: [beam.node])

    # The coppice must also receive what Grove's replica counts while it is down.
    peer = fn round ->
      :ok = Server.mutate(there.count, &GCounter.increment(&1, 1))
      :ok = Server.mutate(there.tags, &ORSet.add(&1, {:b, round}))
      1
    end

    {c, callers} = play(settings, world.seed, world.kills, peer)

    for {replica, type} <- types do
      eventually(fn ->
        [ours, theirs] = for s <- [{replica, c.node}, there[replica]], do: value(s)
        assert Canonical.of(type, ours) === Canonical.of(type, theirs)
      end)
    end

    assert value(there.count) >= world.kills + acknowledged(callers, :count)
  end

  # --- rounds ---------------------------------------------------------------------

  defp play(settings, seed, kills, between) do
    :rand.seed(:exsss, {seed, 0, 0})
    c = Coppice.start(settings)
    callers = for replica <- [:count, :tags, :text], n <- 1..@callers, do: caller(replica, n)
    game = %{callers: callers, c: c, read: %{}, counted_there: 0, in_snapshot: 0}
    replay = "SEED=#{seed} KILLS=#{kills}"

    game =
      for round <- 1..kills, reduce: game do
        game ->
          game = round(game, settings, between, round)
          assert {replay, violations(game)} == {replay, []}
          game
      end

    acknowledged = Enum.sum(for r <- [:count, :tags, :text], do: acknowledged(game.callers, r))
    IO.puts(
      "storage: #{replay}: #{acknowledged} acknowledged, " <>
        "#{game.in_snapshot} kills in a snapshot"
    )

    assert acknowledged > 10 * kills
    assert Enum.sort(@others) -- Table.contents(file(settings)) == []
    {game.c, game.callers}
  end

  defp round(game, settings, between, round) do
    tasks = for caller <- game.callers, do: Task.async(fn -> call_on(caller, game.c) end)
    reader = Task.async(fn -> read_on(game.c, %{}) end)
    counted = between.(round)
    Process.sleep(Enum.random(20..250))
    Coppice.kill(game.c)
    callers = Task.await_many(tasks, 20_000)
    read = Task.await(reader, 20_000)
    beside = if Path.wildcard(file(settings) <> ".*.tmp") == [], do: 0, else: 1
    c = Coppice.start(settings)
    game = %{game | callers: callers, c: c, read: read, in_snapshot: game.in_snapshot + beside}
    %{game | counted_there: game.counted_there + counted}
  end

  defp file(settings), do: settings[:replicas][:count].storage.file

  # --- callers ----------------------------------------------------------------------

  # `sure`, `asked`, `gone`: acknowledged, requested and removed changes, the latest first;
  # `last`: where the next insertion goes.
  defp caller(replica, n) do
    %{replica: replica, name: n, next: 1, sure: [], asked: [], gone: [], last: :head}
  end

  # Until the coppice has been killed.
  defp call_on(caller, c) do
    case attempt(caller, c) do
      {:ok, caller} -> call_on(caller, c)
      {:exit, caller} -> caller
    end
  end

  defp attempt(caller, c) do
    id = {caller.name, caller.next}
    asked = %{caller | next: caller.next + 1, asked: [id | caller.asked]}

    try do
      {:ok, made} = GenServer.call({caller.replica, c.node}, {:mutate_reply, change(caller, id)})
      {:ok, acknowledged(asked, id, made)}
    catch
      :exit, _ -> {:exit, give_up(caller, asked)}
    end
  end

  # Two operations each, of which a kill must leave both or none.
  defp change(%{replica: :count}, _id), do: [{:increment, [1]}, {:increment, [1]}]

  defp change(%{replica: :tags} = caller, id) do
    case removal(caller) do
      nil -> for half <- [:a, :b], do: {:add, [{id, half}]}
      old -> for half <- [:a, :b], do: {:remove, [{old, half}]}
    end
  end

  defp change(%{replica: :text} = caller, id), do: {:insert, [id, caller.last]}

  # Every fourth time, the latest acknowledged element.
  defp removal(%{replica: :tags, next: n, sure: [latest | _]}) when rem(n, 4) == 0, do: latest
  defp removal(_caller), do: nil

  defp acknowledged(%{replica: :text} = caller, id, made) do
    %{caller | sure: [id | caller.sure], last: made}
  end

  # A removal uses up a number without naming an element by it.
  defp acknowledged(caller, id, _made) do
    before = %{caller | next: caller.next - 1}

    case removal(before) do
      nil ->
        %{caller | sure: [id | caller.sure]}

      old ->
        caller = %{caller | asked: caller.asked -- [id, old], sure: tl(caller.sure)}
        %{caller | gone: [old | caller.gone]}
    end
  end

  # An element whose removal was not answered may still be there.
  defp give_up(caller, asked) do
    case removal(caller) do
      nil -> asked
      _old -> %{asked | asked: tl(asked.asked), sure: tl(asked.sure)}
    end
  end

  defp acknowledged(callers, :count), do: 2 * length(all(callers, :count, :sure))
  defp acknowledged(callers, replica), do: length(all(callers, replica, :sure))

  defp asked(callers, :count), do: 2 * length(all(callers, :count, :asked))

  defp all(callers, replica, what) do
    for %{replica: ^replica} = caller <- callers, x <- caller[what], do: x
  end

  # The last values read.
  defp read_on(c, read) do
    read_on(c, Map.merge(read, %{count: value({:count, c.node}), text: value({:text, c.node})}))
  catch
    :exit, _ -> read
  end

  # --- violations ------------------------------------------------------------------------

  defp violations(%{callers: callers, c: c} = game) do
    count = value({:count, c.node})
    tags = MapSet.new(Canonical.of(ORSet, value({:tags, c.node})))
    text = value({:text, c.node})
    ours = for {{_, n}, _} = tag <- tags, is_integer(n), do: tag
    pairs = for tag <- ours, do: elem(tag, 0)
    there = MapSet.new(pairs)
    back = for gone <- all(callers, :tags, :gone), gone in there, do: gone
    misplaced = for %{replica: :text} = caller <- callers, misplaced?(caller, text), do: caller.name

    wrong("counted too little", count < acknowledged(callers, :count)) ++
      wrong("counted too much", count > asked(callers, :count) + game.counted_there) ++
      wrong("half a batch", length(pairs) != 2 * MapSet.size(there)) ++
      wrong("an element was lost", all(callers, :tags, :sure) -- pairs) ++
      wrong("an element came back", back) ++
      wrong("an element nobody added", Enum.uniq(pairs) -- all(callers, :tags, :asked)) ++
      wrong("an insertion was lost", all(callers, :text, :sure) -- text) ++
      wrong("an insertion nobody made", text -- all(callers, :text, :asked)) ++
      wrong("an insertion twice", text -- Enum.uniq(text)) ++
      wrong("out of order", misplaced) ++
      wrong("a count that was read was lost", count < Map.get(game.read, :count, 0)) ++
      wrong("a text that was read was lost", Map.get(game.read, :text, []) -- text)
  end

  # Each of a caller's insertions must be after the earlier ones.
  defp misplaced?(%{name: name, sure: sure}, text) do
    wanted = MapSet.new(sure)
    for({^name, _} = id <- text, id in wanted, do: id) != Enum.reverse(sure)
  end

  defp wrong(_what, nothing) when nothing in [false, []], do: []
  defp wrong(what, which), do: [{what, which}]
end
