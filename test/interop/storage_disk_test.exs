defmodule StorageDiskTest do
  @moduledoc "A disk that is full, read-only or missing, and then works again."
  use TestCase

  @namespaces SmallDisk.unshare_command() != nil
  unless @namespaces, do: IO.puts("storage: no mount namespaces here, so no full disks")

  # A coppice retries the disk every second.
  @seconds 4

  setup do
    {:ok, group: {:counter, fresh("g")}}
  end

  defp settings(world, file, extra \\ []) do
    map = counter([group: world.group, storage: %{file: file}] ++ extra)
    [node: Coppice.name(), replicas: [count: map]]
  end

  defp count(c), do: {:count, c.node}
  defp add(c), do: GenServer.call(count(c), {:mutate, :increment})
  defp storage(c), do: Coppice.status(c).replicas.count.storage

  # How many were acknowledged before one was refused, and the reply to that one.
  defp add_until_refused(c, acknowledged) do
    case add(c) do
      :ok -> add_until_refused(c, acknowledged + 1)
      refused -> {acknowledged, refused}
    end
  end

  defp resumes(c) do
    {took, _} = timed(fn -> eventually(fn -> add(c) == :ok end, 2 * 1000 * @seconds) end)
    assert took < 1000 * @seconds * slowdown()
    assert storage(c) == :ready
    Coppice.logs(c, "storage works again")
  end

  describe "a full disk" do
    unless @namespaces, do: @describetag(:skip)

    test "refuses changes, keeps serving reads, and recovers when there is room", world do
      disk = SmallDisk.make(256)
      settings = settings(world, Path.join(disk.folder, "t.dets"))
      c = Coppice.start(settings, wrap: disk.enter)
      for _ <- 1..10, do: :ok = add(c)

      acknowledged =
        for _ <- 1..2, reduce: 10 do
          acknowledged ->
            SmallDisk.fill(disk)
            {acknowledged, refused} = add_until_refused(c, acknowledged)
            assert refused == {:error, {:storage, :enospc}}
            for _ <- 1..20, do: assert(add(c) == refused)
            assert value(count(c)) == acknowledged
            assert state(count(c)).counts == %{"c" => acknowledged}
            assert storage(c) == refused
            assert {0, said, ""} = Coppice.run(["status", c.node])
            assert said =~ "\ncount: its storage fails: {error,{storage,enospc}}\n"
            SmallDisk.clear(disk)
            resumes(c)
            acknowledged + 1
        end

      assert value(count(c)) == acknowledged
      # One line for each time that it filled up.
      assert [_, _] = Regex.scan(~r/No space left on device; refusing mutations/, Coppice.log(c))
      Coppice.kill(c)
      c = Coppice.start(settings, wrap: disk.enter)
      assert value(count(c)) == acknowledged
      :ok = add(c)
      assert Coppice.stop(c) == 0
    end

    test "loses nothing when the coppice is killed meanwhile", world do
      disk = SmallDisk.make(256)
      settings = settings(world, Path.join(disk.folder, "t.dets"))
      c = Coppice.start(settings, wrap: disk.enter)
      for _ <- 1..10, do: :ok = add(c)
      SmallDisk.fill(disk)
      {acknowledged, _} = add_until_refused(c, 10)
      Coppice.kill(c)
      c = Coppice.start(settings, wrap: disk.enter)
      eventually(fn -> value(count(c)) == acknowledged end)
      # A snapshot that could not be written may have given back a page.
      {acknowledged, refused} = add_until_refused(c, acknowledged)
      assert refused == {:error, {:storage, :enospc}}
      assert value(count(c)) == acknowledged
      SmallDisk.clear(disk)
      resumes(c)
      assert value(count(c)) == acknowledged + 1
    end

    test "without room for a snapshot: the journal goes on, the snapshot comes later", world do
      disk = SmallDisk.make(256)
      file = Path.join(disk.folder, "t.dets")
      settings = settings(world, file, crdt: :gset, snapshot_interval: 1_000)
      c = Coppice.start(settings, wrap: disk.enter)
      # A snapshot needs more than this again, since the journal still has it.
      big = :binary.copy("x", 150_000)
      :ok = GenServer.call(count(c), {:mutate, {:add, [big]}})
      eventually(fn -> Coppice.log(c) =~ ~r/snapshot failed: .*No space left on device/ end)
      :ok = GenServer.call(count(c), {:mutate, {:add, ["small"]}})
      assert MapSet.size(Canonical.of(GSet, value(count(c)))) == 2
      assert Coppice.status(c).replicas.count.snapshots == 0
      SmallDisk.remount(disk, "size=2m")
      eventually(fn -> Coppice.status(c).replicas.count.snapshots > 0 end)
      Coppice.kill(c)
      c = Coppice.start(settings, wrap: disk.enter)
      eventually(fn -> MapSet.size(Canonical.of(GSet, value(count(c)))) == 2 end)
    end

    test "at a stop is reported by the exit code", world do
      disk = SmallDisk.make(256)
      settings = settings(world, Path.join(disk.folder, "t.dets"))
      c = Coppice.start(settings, wrap: disk.enter)
      for _ <- 1..10, do: :ok = add(c)
      SmallDisk.fill(disk)
      assert Coppice.stop(c) == 74
      SmallDisk.clear(disk)
      assert value(count(Coppice.start(settings, wrap: disk.enter))) == 10
    end

    test "that is read-only refuses, and recovers when it is writable", world do
      disk = SmallDisk.make(256)
      SmallDisk.remount(disk, "ro")
      settings = settings(world, Path.join(disk.folder, "t.dets"))
      c = Coppice.start(settings, wrap: disk.enter)
      assert add(c) == {:error, {:storage, :erofs}}
      assert storage(c) == {:error, {:storage, :erofs}}
      SmallDisk.remount(disk, "rw")
      resumes(c)
    end
  end

  test "a missing folder refuses, and recovers when it is made", world do
    folder = Table.path()
    c = Coppice.start(settings(world, Path.join(folder, "t.dets")))
    assert add(c) == {:error, {:storage, :enoent}}
    assert GenServer.call(count(c), :value) == {:error, {:storage, :enoent}}
    Coppice.logs(c, "No such file or directory")
    File.mkdir!(folder)
    resumes(c)
    assert value(count(c)) == 1
  end

  test "a folder without write permission refuses", world do
    folder = Table.path()
    File.mkdir!(folder)
    File.chmod!(folder, 0o500)
    # Root may write anywhere, unless it drops its capabilities.
    {user, 0} = System.cmd("id", ["-u"])
    wrap = if String.trim(user) == "0", do: ["setpriv", "--bounding-set=-all"], else: []
    c = Coppice.start(settings(world, Path.join(folder, "t.dets")), wrap: wrap)
    assert add(c) == {:error, {:storage, :eacces}}
    File.chmod!(folder, 0o700)
    resumes(c)
  end

  test "a coppice that cannot save at a stop reports it", world do
    folder = Table.path()
    File.mkdir!(folder)
    storage = %{file: Path.join(folder, "t.dets"), durability: :interval}
    c = Coppice.start(settings(world, nil, storage: storage))
    :ok = add(c)
    File.rm_rf!(folder)
    assert Coppice.stop(c) == 74
    Coppice.logs(c, "No such file or directory")
  end
end
