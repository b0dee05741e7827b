# A benchmark; see test/bench/run.

Code.require_file("rate.exs", __DIR__)

defmodule Durable do
  alias Grove.Counter.GCounter

  @folder "build/bench/storage"
  # About the size of a journal record of one counter change.
  @record_bytes 200
  @elements 1_000_000
  @batch 10_000

  def run do
    File.rm_rf!(@folder)
    File.mkdir_p!(@folder)
    {kind, 0} = System.cmd("stat", ["-f", "-c", "%T", @folder])
    IO.puts("\nWith storage, synced (#{@folder}, #{String.trim(kind)})")
    rates()
    a_million()
  end

  # --- changes per second ------------------------------------------------------------

  defp rates do
    c = start(views: storage(:gcounter, "views"))
    IO.puts("                       callers   coppice/s     dets/s    ratio       bare/s    ratio")

    for callers <- [1, 64] do
      # Interleaved, so that all see the same disk load.
      one = bare_rate()
      ours = Rate.of(callers, fn -> add(c, :views, {:increment, [1]}) end)
      dets = dets_rate()
      bare = (one + bare_rate()) / 2

      IO.puts(
        :io_lib.format("~-22s ~4w ~12w ~10w ~8.2f ~12w ~8.2f", [
          "mutate, synced", callers, round(ours), round(dets), ours / dets, round(bare),
          ours / bare
        ])
      )
    end

    Coppice.stop(c)
  end

  # As Grove would have to do it: one process writes the full state each time.
  defp dets_rate do
    {:ok, table} = :dets.open_file(make_ref(), file: to_charlist("#{@folder}/dets"))
    counter = :counters.new(1, [])

    rate =
      Rate.of(1, fn ->
        :counters.add(counter, 1, 1)
        state = %GCounter{actor: "b", counts: %{"b" => :counters.get(counter, 1)}}
        :ok = :dets.insert(table, {"views", state})
        :ok = :dets.sync(table)
      end)

    :ok = :dets.close(table)
    rate
  end

  defp bare_rate do
    {rate, 0} = System.cmd(Path.expand("build/bench/sync"), ["#{@folder}/bare", "#{@record_bytes}"])
    rate |> String.trim() |> String.to_integer()
  end

  # --- a large state -----------------------------------------------------------------

  # Far longer than the benchmark runs.
  @never 86_400_000

  defp a_million do
    IO.puts("\nA gset of #{@elements} elements, added #{@batch} at a time")
    c = start(replicas(@never))
    {took, _} = timed(fn -> load(c) end)
    line("adding them all, synced", took)
    {from, to} = {now(), now() + 2_000}
    print_longest("at rest", beside(c, fn -> Process.sleep(2_000) end), from, to)
    c = restart(c, @never, "kill -9 to the next :ok, from the journal")
    c = restart(c, 2_000, "the same again")
    snapshot(c)
    c = restart(c, @never, "kill -9 to the next :ok, from the snapshot")
    IO.puts(:io_lib.format("  ~-56s ~10w MB", ["memory", memory_mb(c)]))
    Coppice.stop(c)
  end

  defp replicas(interval) do
    [
      many: Map.put(storage(:gset, "many"), :snapshot_interval, interval),
      kept: Map.put(storage(:gcounter, "kept"), :snapshot_interval, @never),
      memory: %{crdt: :gcounter}
    ]
  end

  defp load(c) do
    for first <- 1..@elements//@batch do
      add(c, :many, for(i <- first..(first + @batch - 1), do: {:add, ["element-#{i}"]}))
    end
  end

  defp restart(c, interval, what) do
    Coppice.kill(c)

    {took, c} =
      timed(fn ->
        c = start(replicas(interval))
        until_ok(fn -> add(c, :many, {:add, ["element-1"]}) end)
        c
      end)

    line(what, took)
    c
  end

  defp until_ok(fun) do
    fun.()
  catch
    :exit, _ -> until_ok(fun)
  end

  # --- calls meanwhile ------------------------------------------------------------------

  # A snapshot takes as long as the forked child lives.  Only a change makes one due.
  defp snapshot(c) do
    add(c, :many, {:add, ["one more"]})
    me = self()

    calls =
      beside(c, fn ->
        from = await_children(c, &(&1 != ""))
        send(me, {:took, from, await_children(c, &(&1 == ""))})
      end)

    receive do
      {:took, from, to} ->
        line("a snapshot", to - from)
        # Including the fork, which blocks every caller.
        print_longest("meanwhile", calls, from - 100, to)
    end
  end

  # Calls two other replicas while `fun` runs; returns a list of {replica, began, ended}.
  defp beside(c, fun) do
    tasks = for name <- [:memory, :kept], do: Task.async(fn -> calls(c, name, []) end)
    fun.()
    for task <- tasks, do: send(task.pid, :enough)
    tasks |> Task.await_many(:infinity) |> Enum.concat()
  end

  defp calls(c, name, made) do
    receive do
      :enough -> made
    after
      0 ->
        began = now()
        add(c, name, {:increment, [1]})
        calls(c, name, [{name, began, now()} | made])
    end
  end

  defp print_longest(moment, calls, from, to) do
    for {name, what} <- [memory: "call", kept: "synced call"] do
      took = for {^name, began, ended} <- calls, ended >= from, began <= to, do: ended - began
      line("the longest #{what} to another replica #{moment}", Enum.max(took))
    end
  end

  defp await_children(c, wanted) do
    if wanted.(File.read!("/proc/#{c.os_pid}/task/#{c.os_pid}/children")) do
      now()
    else
      Process.sleep(1)
      await_children(c, wanted)
    end
  end

  # --- shared -----------------------------------------------------------------------------

  defp storage(crdt, file), do: %{crdt: crdt, storage: %{file: "#{@folder}/#{file}.dets"}}

  defp start(replicas) do
    config = Coppice.config_text(node: :"bench_d@127.0.0.1", replicas: replicas)
    File.write!("#{@folder}/config", config)
    Coppice.launch_file("#{@folder}/config", "#{@folder}/log")
  end

  defp add(c, name, change), do: :ok = GenServer.call({name, c.node}, {:mutate, change}, 60_000)

  defp memory_mb(c) do
    [_, kb] = Regex.run(~r/VmRSS:\s+(\d+)/, File.read!("/proc/#{c.os_pid}/status"))
    div(String.to_integer(kb), 1024)
  end

  defp line(what, ms), do: IO.puts(:io_lib.format("  ~-56s ~10.1f ms", [what, ms]))

  defp timed(fun) do
    began = now()
    answer = fun.()
    {now() - began, answer}
  end

  # In milliseconds, to the microsecond.
  defp now, do: System.monotonic_time(:microsecond) / 1000
end

Durable.run()
