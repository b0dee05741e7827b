defmodule StorageTest do
  @moduledoc """
  The guarantees of a replica with storage, and what it does when its files have been changed
  or damaged.
  """
  use TestCase

  setup do
    {:ok, table: Table.path(), group: {:counter, fresh("g")}}
  end

  # A gset, so that each change is a record of its own whose loss shows.
  defp settings(world, extra \\ []) do
    replica = %{
      crdt: :gset,
      actor: "c",
      group: world.group,
      sync_interval: 60_000,
      storage: %{file: world.table}
    }

    [node: Coppice.name(), replicas: [tags: Map.merge(replica, Map.new(extra))]]
  end

  defp tags(c), do: {:tags, c.node}
  defp add(c, element), do: GenServer.call(tags(c), {:mutate, {:add, [element]}})
  defp add_each(c, elements), do: for(x <- elements, do: :ok = add(c, x))
  defp elements(c), do: GSet |> Canonical.of(value(tags(c))) |> Enum.sort()

  defp saved(world) do
    for {_, %GSet{} = set} <- Table.contents(world.table), do: Canonical.of(set)
  end

  # Whether OTP can read the table, and all four are in it.
  defp rewritten?(world) do
    saved(world) == [MapSet.new(1..4)]
  rescue
    MatchError -> false
  end

  defp journals(world), do: Path.wildcard("#{world.table}.*.journal")
  defp storage(c), do: Coppice.status(c).replicas.tags.storage
  defp snapshots(c), do: Coppice.status(c).replicas.tags.snapshots

  # Changes one byte of a file.
  defp flip(file, at) do
    bytes = File.read!(file)
    rest = binary_part(bytes, at + 1, byte_size(bytes) - at - 1)
    File.write!(file, [binary_part(bytes, 0, at), 255 - :binary.at(bytes, at), rest])
  end

  # The offset of a text in a file.
  defp find(file, text) do
    {at, _length} = :binary.match(File.read!(file), text)
    at
  end

  # A table has no checksums, but a binary that is longer than its object is noticed.
  defp flip_length(file, text), do: flip(file, find(file, text) - 1)

  test "status names the files", world do
    c = Coppice.start(settings(world))
    add_each(c, 1..3)
    assert [table, others] = Coppice.status(c).replicas.tags.files
    assert table == world.table
    assert Path.wildcard(others) -- Path.wildcard("#{table}.*") == []
    assert Enum.map(journals(world), &(&1 in Path.wildcard(others))) == [true]
  end

  test "files have the permissions of the table, and a new one those of the umask", world do
    mode = fn file -> Bitwise.band(File.stat!(file).mode, 0o777) end
    c = Coppice.start(settings(world))
    add_each(c, 1..3)
    assert Coppice.stop(c) == 0
    assert mode.(world.table) == Bitwise.band(0o666, Bitwise.bnot(umask()))
    File.chmod!(world.table, 0o640)
    c = Coppice.start(settings(world, snapshot_interval: 100))
    add_each(c, 4..6)
    eventually(fn -> snapshots(c) > 0 end)
    assert mode.(world.table) == 0o640

    # A snapshot removes the journal again.
    eventually(fn ->
      :ok = add(c, System.unique_integer())
      Enum.uniq(Enum.map(journals(world), mode)) == [0o640]
    end)
  end

  defp umask do
    {text, 0} = System.cmd("/bin/sh", ["-c", "umask"])
    text |> String.trim() |> String.to_integer(8)
  end

  describe "a replica restarts from its files" do
    test "after SIGTERM, which leaves everything in the table", world do
      settings = settings(world)
      c = Coppice.start(settings)
      add_each(c, 1..20)
      assert Coppice.stop(c) == 0
      assert saved(world) == [MapSet.new(1..20)]
      assert journals(world) == []
      assert elements(Coppice.start(settings)) == Enum.to_list(1..20)
    end

    test "after stop_replica", world do
      c = Coppice.start(settings(world))
      add_each(c, 1..5)
      :ok = Coppice.stop_replica(c, :tags)
      [{:tags, map}] = settings(world)[:replicas]
      {:ok, _} = Coppice.start_replica(c, :tags, map)
      assert elements(c) == Enum.to_list(1..5)
      :ok = add(c, 6)
    end

    test "after kill -9, from the journal, then from the table and the journal", world do
      settings = settings(world)
      c = Coppice.start(settings)
      add_each(c, 1..5)
      Coppice.kill(c)
      refute File.exists?(world.table)
      c = Coppice.start(settings)
      assert elements(c) == Enum.to_list(1..5)
      Coppice.stop(c)
      c = Coppice.start(settings)
      add_each(c, 6..9)
      Coppice.kill(c)
      assert saved(world) == [MapSet.new(1..5)]
      assert elements(Coppice.start(settings)) == Enum.to_list(1..9)
    end

    test "when the table is missing: from the journal", world do
      settings = settings(world)
      c = Coppice.start(settings)
      add_each(c, 1..5)
      Coppice.stop(c)
      c = Coppice.start(settings)
      add_each(c, 6..9)
      Coppice.kill(c)
      File.rm!(world.table)
      c = Coppice.start(settings)
      assert elements(c) == Enum.to_list(6..9)
      :ok = add(c, 10)
    end

    test "when the table is an older backup: from that and the journal", world do
      settings = settings(world)
      c = Coppice.start(settings)
      add_each(c, 1..3)
      Coppice.stop(c)
      File.cp!(world.table, world.table <> ".backup")
      c = Coppice.start(settings)
      add_each(c, 4..6)
      Coppice.stop(c)
      c = Coppice.start(settings)
      add_each(c, 7..9)
      Coppice.kill(c)
      File.rename!(world.table <> ".backup", world.table)
      assert elements(Coppice.start(settings)) == [1, 2, 3, 7, 8, 9]
    end

    test "with durability => interval: from the last snapshot", world do
      storage = %{file: world.table, durability: :interval}
      settings = settings(world, storage: storage, snapshot_interval: 500)
      c = Coppice.start(settings)
      add_each(c, 1..5)
      eventually(fn -> saved(world) == [MapSet.new(1..5)] end)
      assert journals(world) == []
      :ok = add(c, 6)
      assert elements(c) == Enum.to_list(1..6)
      Coppice.kill(c)
      assert elements(Coppice.start(settings)) == Enum.to_list(1..5)
    end
  end

  test "a snapshot is made at each interval, if anything has changed", world do
    c = Coppice.start(settings(world, snapshot_interval: 100))
    add_each(c, 1..5)
    eventually(fn -> snapshots(c) > 0 and saved(world) == [MapSet.new(1..5)] end)
    # A snapshot is counted a little later than it is in its place.
    eventually(fn ->
      made = snapshots(c)
      Process.sleep(400)
      snapshots(c) == made
    end)

    made = snapshots(c)
    :ok = add(c, 6)
    eventually(fn -> snapshots(c) == made + 1 end)
    assert saved(world) == [MapSet.new(1..6)]
  end

  test "coppice status shows the state of the storage", world do
    c = Coppice.start(settings(world))
    eventually(fn -> storage(c) == :ready end)
    assert {0, out, ""} = Coppice.run(["status", "--term", c.node])
    assert out =~ ~r/storage\W+ready/
    assert out =~ ~r/snapshots\W+0/
  end

  test "a group in a file is locked; the next coppice takes over when the first ends", world do
    first = Coppice.start(settings(world))
    :ok = add(first, 1)
    second = Coppice.start(settings(world))
    locked = {:error, {:storage, :locked}}
    assert add(second, 2) == locked
    assert GenServer.call(tags(second), :value) == locked
    assert GenServer.call(tags(second), :state) == locked
    assert storage(second) == locked
    assert {1, err} = Coppice.fail(["mutate", second.node, :tags, :add, "2"])
    assert err =~ "locked"
    Coppice.logs(second, "held by replica tags of process #{first.os_pid}")
    :ok = add(first, 3)
    Coppice.kill(first)
    {took, _} = timed(fn -> eventually(fn -> add(second, 4) == :ok end) end)
    assert took < 3_000 * slowdown()
    assert elements(second) == [1, 3, 4]
    assert storage(second) == :ready
  end

  test "replicas of other groups share the table", world do
    other = settings(%{world | group: {:other, 1}})
    settings = settings(world)
    [c1, c2] = both = for s <- [settings, other], do: Coppice.start(s)
    for {c, n} <- Enum.with_index(both), do: add_each(c, [{n, 1}, {n, 2}])
    tasks = for c <- both, do: Task.async(fn -> Coppice.stop(c) end)
    assert Task.await_many(tasks, 10_000) == [0, 0]
    assert length(Table.contents(world.table)) == 2
    assert elements(Coppice.start(settings)) == [{0, 1}, {0, 2}]
    assert elements(Coppice.start(other)) == [{1, 1}, {1, 2}]
    assert c1.node != c2.node
  end

  # --- damage -----------------------------------------------------------------------

  describe "damage" do
    test "to a journal record loses that record only", world do
      settings = settings(world)
      c = Coppice.start(settings)
      add_each(c, for(n <- 1..9, do: "element #{n}"))
      Coppice.kill(c)
      [journal] = journals(world)
      at = find(journal, "element 5")
      flip(journal, at)
      c = Coppice.start(settings)
      assert elements(c) == for(n <- [1, 2, 3, 4, 6, 7, 8, 9], do: "element #{n}")
      damaged = ~r/\Q#{journal}\E: byte (\d+): damaged/
      [_, place] = Regex.run(damaged, Coppice.logs(c, damaged))
      assert String.to_integer(place) in (at - 300)..at
      Coppice.stop(c)
      assert [aside] = Path.wildcard("#{world.table}.*.damaged")
      assert :binary.match(File.read!(aside), "element 6") != :nomatch
      assert [set] = saved(world)
      assert MapSet.size(set) == 8
    end

    test "at the end of the journal is an unacknowledged write", world do
      settings = settings(world)
      c = Coppice.start(settings)
      add_each(c, for(n <- 1..4, do: "element #{n}"))
      Coppice.kill(c)
      [journal] = journals(world)
      File.write!(journal, binary_part(File.read!(journal), 0, find(journal, "element 4")))
      c = Coppice.start(settings)
      assert elements(c) == for(n <- 1..3, do: "element #{n}")
      Coppice.logs(c, ~r/\Q#{journal}\E: byte \d+: torn/)
      :ok = add(c, "element 5")
      Coppice.kill(c)
      c = Coppice.start(settings)
      assert elements(c) == for(n <- [1, 2, 3, 5], do: "element #{n}")
      Coppice.stop(c)
      assert Path.wildcard("#{world.table}.*.damaged") == []
    end

    test "to another record of the table loses that record only; a copy is kept", world do
      others = for n <- 1..100, do: {{:snapshot, "doc #{n}", n}, "of document #{n}, as it was"}
      own = {world.group, %{GSet.new("b") | elements: MapSet.new([1])}}
      Table.make([own | others], [], world.table)
      flip_length(world.table, "doc 50")
      damaged = File.read!(world.table)
      settings = settings(world)
      c = Coppice.start(settings)
      assert elements(c) == [1]
      Coppice.logs(c, ~r/\Q#{world.table}\E: byte \d+/)
      :ok = add(c, 2)
      Coppice.stop(c)
      assert File.read!(world.table <> ".damaged.1") == damaged
      left = for {{:snapshot, _, n}, _} <- Table.contents(world.table), do: n
      assert Enum.sort(left) == Enum.to_list(1..100) -- [50]
      assert saved(world) == [MapSet.new([1, 2])]
      assert elements(Coppice.start(settings)) == [1, 2]
    end

    test "to its own record leaves the journal", world do
      settings = settings(world)
      c = Coppice.start(settings)
      :ok = add(c, "element 1")
      Coppice.stop(c)
      c = Coppice.start(settings)
      :ok = add(c, "element 2")
      Coppice.kill(c)
      flip_length(world.table, "element 1")
      c = Coppice.start(settings)
      assert elements(c) == ["element 2"]
      Coppice.logs(c, ~r/\Q#{world.table}\E: byte \d+/)
      :ok = add(c, "element 3")
      Coppice.stop(c)
      assert File.exists?(world.table <> ".damaged.1")
      assert elements(Coppice.start(settings)) == ["element 2", "element 3"]
    end
  end

  describe "a table that is ruined while a replica runs is written anew" do
    ruins = [
      truncated: {"File.write!(file, binary_part(File.read!(file), 0, 100))", true},
      text: {"File.write!(file, ~s({counter, 3}.))", true},
      zeros: {"File.write!(file, :binary.copy(<<0>>, 8192))", true},
      bag: {"File.rm!(file); Table.make([{1, 2}], [type: :bag], file)", true},
      other_state: {"File.rm!(file); Table.make([{group, 3}, {:s, 1}], [], file)", true},
      other_record: {"File.rm!(file); Table.make([{:session, 1}], [], file)", false},
      empty: {"File.write!(file, [])", false},
      deleted: {"File.rm!(file)", false}
    ]

    for {what, {code, kept}} <- ruins do
      test "#{what}", world do
        settings = settings(world, snapshot_interval: 100)
        c = Coppice.start(settings)
        add_each(c, 1..3)
        # A snapshot that is still to be counted would be taken for the next one.
        eventually(fn -> snapshots(c) > 0 and saved(world) == [MapSet.new(1..3)] end)
        eventually(fn -> journals(world) == [] end)
        Code.eval_string(unquote(code), file: world.table, group: world.group)
        ruin = File.read(world.table)
        :ok = add(c, 4)
        eventually(fn -> rewritten?(world) end)
        assert Coppice.status(c).replicas.tags.snapshot_failure == nil
        Coppice.kill(c)
        c = Coppice.start(settings)
        assert elements(c) == [1, 2, 3, 4]

        if unquote(kept) do
          assert File.read(world.table <> ".damaged.1") == ruin
        else
          refute File.exists?(world.table <> ".damaged.1")
        end
      end
    end

    test "with a line in the log that names what is left of it", world do
      c = Coppice.start(settings(world, snapshot_interval: 100))
      add_each(c, 1..3)
      eventually(fn -> snapshots(c) > 0 end)
      File.write!(world.table, "a letter")
      :ok = add(c, 4)

      Coppice.logs(
        c,
        ~r/\Q#{world.table}\E could no longer be read \(not_dets\): .* kept as .*\.damaged\.1/
      )
    end
  end

  describe "without its table, a replica whose journal has everything" do
    contents = [zeros: String.duplicate(<<0>>, 8192), text: "a letter", torn: <<0, 0>>]

    for {what, content} <- contents do
      test "goes on, and keeps the file: #{what}", world do
        c = Coppice.start(settings(world))
        add_each(c, 1..3)
        Coppice.kill(c)
        File.write!(world.table, unquote(content))
        File.chmod!(world.table, 0o640)
        c = Coppice.start(settings(world))
        assert elements(c) == [1, 2, 3]
        Coppice.logs(c, "the journal has everything: going on with that; the file is kept as ")
        :ok = add(c, 4)
        assert Coppice.stop(c) == 0
        assert File.read!(world.table <> ".damaged.1") == unquote(content)
        assert Bitwise.band(File.stat!(world.table).mode, 0o777) == 0o640
        # The real dets opens the new table without repair, and can change it.
        assert saved(world) == [MapSet.new(1..4)]
        table = Table.open(world.table, repair: false)
        :ok = :dets.insert(table, {:session, 1})
        :ok = :dets.close(table)
        assert elements(Coppice.start(settings(world))) == [1, 2, 3, 4]
      end
    end
  end

  # --- files that cannot be used -----------------------------------------------------

  describe "a file is refused" do
    defp refuses(world, reason) do
      before = File.read!(world.table)
      c = Coppice.start(settings(world))
      assert add(c, 1) == {:error, {:storage, reason}}
      assert GenServer.call(tags(c), :value) == {:error, {:storage, reason}}
      Coppice.logs(c, Path.basename(world.table))
      Coppice.stop(c)
      assert File.read!(world.table) == before
    end

    test "because it is not a DETS file", world do
      File.write!(world.table, String.duplicate("a letter to nobody\n", 500))
      refuses(world, :not_dets)
    end

    test "because it contains only zeros, until a backup is there", world do
      c = Coppice.start(settings(world))
      :ok = add(c, 1)
      assert Coppice.stop(c) == 0
      backup = File.read!(world.table)
      c = Coppice.start(settings(world))
      :ok = add(c, 2)
      Coppice.kill(c)
      File.write!(world.table, String.duplicate(<<0>>, 8192))
      c = Coppice.start(settings(world))
      assert add(c, 3) == {:error, {:storage, :not_dets}}
      Coppice.logs(c, "contains only zeros: move it away")
      Coppice.stop(c)
      File.write!(world.table, "")
      c = Coppice.start(settings(world))
      assert add(c, 3) == {:error, {:storage, :not_dets}}
      Coppice.logs(c, "is empty, although its journal continues a snapshot")
      File.write!(world.table, backup)
      eventually(fn -> add(c, 3) == :ok end)
      assert elements(c) == [1, 2, 3]
      Coppice.stop(c)
      assert saved(world) == [MapSet.new(1..3)]
    end

    test "because it is a bag, or has another keypos", world do
      Table.make([{1, 2}], [type: :bag], world.table)
      refuses(world, :not_a_set)
      File.rm!(world.table)
      Table.make([{1, 2}], [keypos: 2], world.table)
      refuses(world, :not_a_set)
    end

    for {what, other, reason} <- [
          {"another type", Macro.escape(PNCounter.new("b")), :bad_state},
          {"an invalid struct", Macro.escape(%{GSet.new("b") | elements: [1]}), :bad_state},
          {"no struct", :nothing, :other_type}
        ] do
      test "because it has #{what} under that group", world do
        Table.make([{world.group, unquote(other)}], [], world.table)
        refuses(world, unquote(reason))
      end
    end

    test "because its journal is of another type", world do
      Table.make([], [], world.table)
      c = Coppice.start(settings(world, crdt: :two_p_set))
      :ok = add(c, 1)
      Coppice.kill(c)
      refuses(world, :other_type)
    end
  end
end
