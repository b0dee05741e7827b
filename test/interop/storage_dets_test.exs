defmodule StorageDetsTest do
  @moduledoc """
  A table used by a BEAM and a coppice in turn, with each form in which Grove may store a
  state.
  """
  use TestCase

  alias Grove.Storage.{DETS, Serializer}

  setup do
    {:ok, table: Table.path(), group: {:counter, fresh("g")}}
  end

  # Records that Grove's sessions keep in the same file.
  @sessions [
    {{:snapshot, "doc", 3}, %{"title" => "A letter", 1 => [1.5, nil]}},
    {{:events, "doc", 7}, [{:insert, 0, "x"}, {:insert, 1, <<0, 255>>}]},
    {{:meta, "doc"}, %{clock: 3, at: ~D[2026-06-01]}},
    {1, :an_integer, "with three elements"},
    {1.0, :a_float}
  ]

  defp settings(world, type, storage \\ %{}) do
    map = %{
      crdt: type,
      actor: "c",
      group: world.group,
      sync_interval: 60_000,
      storage: Map.put(storage, :file, world.table)
    }

    [node: Coppice.name(), replicas: [shared: map]]
  end

  defp shared(c), do: {:shared, c.node}
  defp mutate(c, change), do: GenServer.call(shared(c), {:mutate, change})

  defp count(n), do: %GCounter{actor: "b", counts: %{"b" => n}}

  # The record of the group, and the others.
  defp split(world) do
    objects = Table.contents(world.table)
    {[own], others} = Enum.split_with(objects, &(elem(&1, 0) == world.group))
    {own, others}
  end

  defp form({_group, %_{}}), do: :raw
  defp form({_group, <<131, 80, _::binary>>}), do: :compressed
  defp form({_group, <<131, _::binary>>}), do: :plain

  defp decode({_group, %_{} = state}), do: state

  defp decode({_group, binary}) do
    {:ok, state} = Serializer.decode(binary)
    state
  end

  forms = [raw: [], plain: [compressed: false], compressed: [compressed: true]]

  for {form, opts} <- forms, record <- [:auto, :raw, :encoded] do
    test "a record in #{form} form, with the option record => #{record}", world do
      # Large enough for compression to make it smaller.
      state = %{count(5) | counts: Map.new(1..30, &{"actor #{&1}", 1})}
      kept = if unquote(form) == :raw, do: state, else: Serializer.encode(state, unquote(opts))
      Table.make([{world.group, kept} | @sessions], [], world.table)
      assert form({world.group, kept}) == unquote(form)

      c = Coppice.start(settings(world, :gcounter, %{record: unquote(record)}))
      assert value(shared(c)) == 30
      :ok = mutate(c, {:increment, [12]})
      Coppice.stop(c)

      {own, others} = split(world)
      assert others == Enum.sort(@sessions)
      encoded? = unquote(record) == :encoded or {unquote(record), unquote(form)} != {:auto, :raw}
      wanted = if unquote(record) != :raw and encoded?, do: :compressed, else: :raw
      assert form(own) == wanted
      assert decode(own).counts == Map.put(state.counts, "c", 12)
    end
  end

  test "a new table gets a struct, or the form that is configured", world do
    for {record, form} <- [auto: :raw, raw: :raw, encoded: :plain] do
      world = %{world | table: Table.path()}
      c = Coppice.start(settings(world, :gcounter, %{record: record}))
      :ok = mutate(c, :increment)
      Coppice.stop(c)
      assert {own, []} = split(world)
      assert form(own) == form or (record == :encoded and form(own) == :compressed)
      assert decode(own) == %GCounter{actor: "c", counts: %{"c" => 1}}
    end
  end

  test "dets changes the table, and the coppice continues from that", world do
    settings = settings(world, :gcounter)
    Table.make([{world.group, count(5)} | @sessions], [], world.table)
    c = Coppice.start(settings)
    :ok = mutate(c, {:increment, [2]})
    Coppice.stop(c)

    table = Table.open(world.table, repair: false)
    assert [{_, %GCounter{} = state}] = :dets.lookup(table, world.group)
    assert state.counts == %{"b" => 5, "c" => 2}
    assert :dets.info(table, :no_objects) == 6
    assert :dets.match_object(table, {{:snapshot, :_, :_}, :_}) == [hd(@sessions)]
    assert length(Table.objects(table)) == 6
    :ok = :dets.delete(table, {:meta, "doc"})
    :ok = :dets.insert(table, {world.group, GCounter.merge(state, count(50))})
    :ok = :dets.insert(table, for(n <- 1..2000, do: {{:events, "other", n}, n}))
    :ok = :dets.close(table)
    assert length(Table.contents(world.table)) == 2005

    c = Coppice.start(settings)
    assert value(shared(c)) == 52
    :ok = mutate(c, :increment)
    Coppice.stop(c)
    {own, others} = split(world)
    assert decode(own).counts == %{"b" => 50, "c" => 3}
    assert length(others) == 2004
    assert {{:events, "other", 2000}, 2000} in others
    refute List.keymember?(others, {:meta, "doc"}, 0)
  end

  test "dets and a coppice take a link for the table that it leads to", world do
    Table.make([{world.group, count(5)} | @sessions], [], world.table)
    link = Table.path()
    File.ln_s!(world.table, link)
    c = Coppice.start(settings(%{world | table: link}, :gcounter))
    assert value(shared(c)) == 5
    :ok = mutate(c, :increment)
    Coppice.stop(c)
    assert File.read_link!(link) == world.table
    {own, _others} = split(world)
    assert decode(own).counts == %{"b" => 5, "c" => 1}

    table = Table.open(link, repair: false)
    :ok = :dets.insert(table, {world.group, count(50)})
    :ok = :dets.close(table)
    assert File.read_link!(link) == world.table
    assert {{_group, %GCounter{counts: %{"b" => 50}}}, _others} = split(world)
  end

  test "a table that a crashed BEAM left open", world do
    table = Table.open(world.table)
    :ok = :dets.insert(table, [{world.group, count(5)} | @sessions])
    :ok = :dets.sync(table)
    left = Table.copy_open(table)
    :ok = :dets.close(table)
    world = %{world | table: left}
    c = Coppice.start(settings(world, :gcounter))
    assert value(shared(c)) == 5
    Coppice.logs(c, left)
    :ok = mutate(c, :increment)
    Coppice.stop(c)
    {own, others} = split(world)
    assert decode(own).counts == %{"b" => 5, "c" => 1}
    assert others == Enum.sort(@sessions)
  end

  describe "a state saved by a BEAM" do
    for type <- Generator.types() do
      test "is loaded, changed and saved: #{inspect(type)}", world do
        state = scripted(unquote(type))
        Table.make([{world.group, state}], [], world.table)
        settings = settings(world, unquote(type))
        c = Coppice.start(settings)
        assert Canonical.of(unquote(type), value(shared(c))) === Canonical.of(state)
        # Without a change it would not be written.
        more = unquote(type).merge(state, scripted(unquote(type), "d"))
        send(shared(c), {:grove_delta, more, self()})
        # A received delta is on disk when a later mutation is.
        :ok = mutate(c, [])
        both = value(shared(c))
        Coppice.kill(c)
        c = Coppice.start(settings)
        assert Canonical.of(unquote(type), value(shared(c))) === Canonical.of(unquote(type), both)
        ours = state(shared(c))
        Coppice.stop(c)
        {own, []} = split(world)
        assert Canonical.shared(decode(own)) === Canonical.shared(ours)
        assert Canonical.of(decode(own)) === Canonical.of(unquote(type), both)
      end
    end
  end

  # Each actor makes different changes.
  defp scripted(type, actor \\ "b") do
    :rand.seed(:exsss, {:erlang.phash2(type), :erlang.phash2(actor), 0})

    for n <- 1..30, reduce: type.new(actor) do
      state ->
        op = Generator.op(type, {actor, n} |> :erlang.phash2(1000), ids(state))

        try do
          {changed, _} = Change.make(state, op)
          changed
        rescue
          KeyError -> state
        end
    end
  end

  defp ids(%RGA{elements: elements}), do: Map.keys(elements)
  defp ids(_state), do: []

  # --- Grove's own server ---------------------------------------------------------------

  # A replica, and the process that has the table open until it ends.
  defp grove(beam, world, opts \\ []) do
    {owner, ref} =
      Beam.run(beam, fn ->
        {:ok, owner} = Agent.start(fn -> DETS.init(file: world.table) end)
        {:ok, ref} = Agent.get(owner, & &1)
        {owner, ref}
      end)

    stored = [storage: DETS, storage_ref: ref, crdt_module: GCounter]
    {owner, Beam.replica(beam, [actor: "b", group: world.group] ++ stored ++ opts)}
  end

  defp stop(beam, {owner, {name, _}}) do
    :ok = Beam.run(beam, fn -> GenServer.stop(name) end)
    :ok = Beam.run(beam, fn -> Agent.stop(owner) end)
  end

  test "a Grove replica starts from what a coppice has saved", world do
    c = Coppice.start(settings(world, :gcounter))
    :ok = mutate(c, {:increment, [7]})
    Coppice.stop(c)
    beam = Beam.start(grove: true)
    {_, server} = grove = grove(beam, world)
    assert value(server) == 7
    assert Beam.run(beam, fn -> DETS.list_groups(:grove_dets_storage) end) == {:ok, [world.group]}
    stop(beam, grove)
  end

  test "a coppice starts from what a Grove replica has saved", world do
    beam = Beam.start(grove: true)
    {_, server} = grove = grove(beam, world, snapshot_interval: 50)
    :ok = Server.mutate(server, &GCounter.increment(&1, 7))
    load = fn -> Beam.run(beam, fn -> DETS.load(:grove_dets_storage, world.group) end) end
    eventually(fn -> match?({:ok, %GCounter{counts: %{"b" => 7}}}, load.()) end)
    stop(beam, grove)
    c = Coppice.start(settings(world, :gcounter))
    assert value(shared(c)) == 7
    :ok = mutate(c, :increment)
    assert state(shared(c)).counts == %{"b" => 7, "c" => 1}
  end
end
