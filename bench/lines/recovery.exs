# Row 13: from kill -9 to the next answer.

defmodule Recovery do
  import Servers

  @batch 10_000
  @minute 60_000

  def start(folder, name, count, interval \\ 86_400_000) do
    set = %{crdt: :gset, snapshot_interval: interval}
    set = Map.put(set, :storage, %{file: "#{folder}/#{name}.dets"})
    c = coppice(name, replicas: [views: %{crdt: :gcounter}, many: set])

    for first <- 1..count//@batch do
      last = min(first + @batch - 1, count)
      :ok = call(c, {:mutate, for(i <- first..last, do: {:add, ["element-#{i}"]})})
    end

    {name, count, c}
  end

  @doc "Kills it, starts it again, and counts its elements; returns the new one, too."
  def again({name, count, c}) do
    Coppice.kill(c)

    {ms, c} =
      Bench.timed(fn ->
        c = coppice_again(name)
        # There already.
        :ok = until_ok(fn -> call(c, {:mutate, {:add, ["element-1"]}}) end)
        c
      end)

    {:ok, set} = call(c, :value)
    ^count = MapSet.size(set)
    {ms, {name, count, c}}
  end

  defp until_ok(fun) do
    fun.()
  catch
    :exit, _ -> until_ok(fun)
  end

  defp call(c, request), do: GenServer.call({:many, c.node}, request, @minute)

  @doc """
  A snapshot takes as long as the forked child lives, and only a change makes one due.  Also the
  longest call to another replica from the change on, so that it includes the fork.
  """
  def snapshot(c) do
    :ok = call(c, {:mutate, {:add, ["more-#{System.unique_integer()}"]}})
    others = Task.async(fn -> load(:value, c, depth: 1, ms: 1000) end)
    from = await_children(c, &(&1 != ""))
    ms = await_children(c, &(&1 == "")) - from
    %{ms: ms, longest: Task.await(others).longest / 1000}
  end

  defp await_children(c, wanted) do
    if wanted.(File.read!("/proc/#{c.pid}/task/#{c.pid}/children")) do
      System.monotonic_time(:microsecond) / 1000
    else
      Process.sleep(1)
      await_children(c, wanted)
    end
  end

  @doc "A table with as many records, as a killed BEAM leaves it."
  def table(file, count) do
    {:ok, table} = :dets.open_file(make_ref(), file: to_charlist(file <> ".open"))
    :ok = :dets.insert(table, for(i <- 1..count, do: {"element-#{i}"}))
    :ok = :dets.sync(table)
    # After a sync the file counts as closed, until the next change.
    :ok = :dets.insert(table, {"element-1"})
    _ = :dets.lookup(table, "element-1")
    File.cp!(file <> ".open", file)
    :ok = :dets.close(table)
    {file, count}
  end

  def repair({file, count}) do
    File.cp!(file, file <> ".copy")

    {ms, table} =
      Bench.timed(fn ->
        # Fails for a file that needs no repair.
        name = to_charlist(file <> ".copy")
        {:error, {:needs_repair, _}} = :dets.open_file(make_ref(), file: name, repair: false)
        {:ok, table} = :dets.open_file(make_ref(), file: name)
        table
      end)

    ^count = :dets.info(table, :size)
    :ok = :dets.close(table)
    %{ms: ms}
  end
end

folder = Path.expand("build/bench/recovery")
File.rm_rf!(folder)
File.mkdir_p!(folder)
sizes = [1_000, 10_000, 100_000, 1_000_000]
largest = List.last(sizes)
started = for n <- sizes, do: {n, Recovery.start(folder, "bench_k#{n}", n)}
{:ok, running} = Agent.start_link(fn -> Map.new(started) end)

again = fn n ->
  {ms, c} = running |> Agent.get(& &1[n]) |> Recovery.again()
  Agent.update(running, &Map.put(&1, n, c))
  ms
end

table = Recovery.table("#{folder}/records.dets", largest)

Bench.lines(13, [{:ms, "`kill -9` to the next `ok`, #{largest} elements", "ms", :less}], [
  {:coppice, nil, fn -> %{ms: again.(largest)} end},
  {:beam, "dets repair", fn -> Recovery.repair(table) end}
])

Bench.curve("journal", for(n <- sizes, do: {"coppice", n, fn -> again.(n) end}))
{_, _, c} = Recovery.start(folder, "bench_snapshot", largest, 500)

lines = [
  {:ms, "a snapshot of #{largest} elements", "ms", :less},
  {:longest, "other calls meanwhile: the longest", "ms", :less}
]

Bench.lines("", lines, [{:coppice, nil, fn -> Recovery.snapshot(c) end}])
Servers.stop(c)
for {_, {_, _, c}} <- Agent.get(running, & &1), do: Servers.stop(c)
File.rm_rf!(folder)
