defmodule StorageMountTest do
  @moduledoc """
  A table that is mounted as a single file, as with Docker's `-v FILE:FILE`: no rename can replace
  it, and the folder around it ends with the container.
  """
  use TestCase

  @namespaces SmallDisk.unshare_command() != nil
  unless @namespaces, do: IO.puts("storage: no mount namespaces here, so no mounted files")
  unless @namespaces, do: @moduletag(:skip)

  setup do
    host = Table.path()
    File.write!(host, "")
    {:ok, group: {:counter, fresh("g")}, host: host}
  end

  # A container: a folder of its own, in which the host's file is mounted.
  defp container(world) do
    disk = SmallDisk.make(4096)
    inside = Path.join(disk.folder, "t.dets")
    SmallDisk.run(disk, ["touch", inside])
    SmallDisk.run(disk, ["mount", "--bind", world.host, inside])
    disk
  end

  defp start(world, disk, extra \\ []) do
    storage = %{file: Path.join(disk.folder, "t.dets")}
    map = counter([group: world.group, storage: storage, snapshot_interval: 100] ++ extra)
    Coppice.start([node: Coppice.name(), replicas: [count: map]], wrap: disk.enter)
  end

  defp add(c), do: GenServer.call({:count, c.node}, {:mutate, :increment})
  defp status(c), do: Coppice.status(c).replicas.count
  defp count_in(table), do: Enum.sum(Enum.flat_map(table, &Map.values(elem(&1, 1).counts)))

  defp files(disk), do: File.ls!(SmallDisk.outside(disk, "."))
  defp segments(disk), do: Enum.filter(files(disk), &String.ends_with?(&1, ".journal"))

  test "is written in place, and is all that the next container needs", world do
    disk = container(world)
    c = start(world, disk)
    Coppice.logs(c, "t.dets is mounted as a single file: it is written in place")
    for n <- 1..5 do
      :ok = add(c)
      eventually(fn -> status(c).snapshots >= n end)
    end

    assert status(c).snapshot_failure == nil
    refute Coppice.log(c) =~ "snapshot failed"
    assert Coppice.stop(c) == 0
    assert count_in(Table.contents(world.host)) == 5
    refute "t.dets.next" in files(disk)
    c = start(world, container(world))
    assert value({:count, c.node}) == 5
    :ok = add(c)
    assert Coppice.stop(c) == 0
    assert count_in(Table.contents(world.host)) == 6
  end

  test "is written anew when something else has overwritten it", world do
    disk = container(world)
    c = start(world, disk)
    :ok = add(c)
    eventually(fn -> status(c).snapshots == 1 end)
    File.write!(world.host, "a letter")
    :ok = add(c)
    Coppice.logs(c, "t.dets could no longer be read (not_dets): written anew")
    eventually(fn -> status(c).snapshots == 2 end)
    Coppice.kill(c)
    assert File.read!(SmallDisk.outside(disk, "t.dets.damaged.1")) == "a letter"
    assert count_in(Table.contents(world.host)) == 2
  end

  test "is written by salvage", world do
    disk = SmallDisk.make(4096)
    [source, salvaged] = for name <- ["s.dets", "s.dets.salvaged"], do: Path.join(disk.folder, name)
    table = Table.make(for n <- 1..100, do: {n, "element"})
    File.write!(SmallDisk.outside(disk, "s.dets"), File.read!(table))
    SmallDisk.run(disk, ["touch", salvaged])
    SmallDisk.run(disk, ["mount", "--bind", world.host, salvaged])

    for _ <- 1..2 do
      SmallDisk.run(disk, Coppice.command(["dets", "salvage", source]))
      assert length(Table.contents(world.host)) == 100
      assert Enum.sort(files(disk)) == ["s.dets", "s.dets.salvaged"]
    end
  end

  test "loses nothing when a coppice is killed while it writes", world do
    disk = container(world)

    acknowledged =
      for round <- 1..12, reduce: 0 do
        before ->
          c = start(world, disk)
          assert value({:count, c.node}) in before..(before + 1)
          begun = value({:count, c.node})
          for _ <- 1..(30 * round), do: :ok = add(c)
          Coppice.kill(c)
          begun + 30 * round
      end

    c = start(world, disk)
    assert value({:count, c.node}) == acknowledged
    assert Coppice.stop(c) == 0
    assert count_in(Table.contents(world.host)) == acknowledged
  end

  # Read-only, it can neither be replaced nor written.
  test "that cannot be written is reported, and the journal does not grow meanwhile", world do
    disk = container(world)
    inside = Path.join(disk.folder, "t.dets")
    remount = ["mount", "--options-mode", "ignore", "-o"]
    SmallDisk.run(disk, remount ++ ["remount,bind,ro", inside])
    c = start(world, disk)
    began = System.system_time(:millisecond)
    :ok = add(c)
    failure = eventually(fn -> status(c).snapshot_failure end)
    assert failure.reason == :erofs
    assert failure.what =~ "t.dets: Read-only file system"
    assert failure.since in (began - 1)..System.system_time(:millisecond)
    {:ok, since} = DateTime.from_unix(div(failure.since, 1000))
    assert {0, said, ""} = Coppice.run(["status", c.node])
    since = DateTime.to_iso8601(since)
    assert said =~ "\ncount: no snapshot could be written since #{since}: #{failure.what}\n"

    # Each round is at least one more failing snapshot.
    for _ <- 1..10 do
      last = segments(disk)
      :ok = add(c)
      eventually(fn -> segments(disk) != last end)
      assert status(c).snapshot_failure == failure
    end

    eventually(fn -> length(segments(disk)) <= 2 end)
    assert status(c).snapshots == 0
    assert [_] = Regex.scan(~r/snapshot failed: /, Coppice.log(c))
    Coppice.kill(c)
    c = start(world, disk)
    assert value({:count, c.node}) == 11
    :ok = add(c)
    eventually(fn -> status(c).snapshot_failure end)
    SmallDisk.run(disk, remount ++ ["remount,bind,rw", inside])
    eventually(fn -> status(c).snapshot_failure == nil end)
    Coppice.logs(c, "snapshots work again")
    assert Coppice.stop(c) == 0
    assert count_in(Table.contents(world.host)) == 12
  end
end
