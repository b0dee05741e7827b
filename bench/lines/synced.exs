# Rows 6 and 7: mutations that are on disk when they are answered.

defmodule Synced do
  alias Grove.Counter.GCounter

  # About the size of a journal record of one counter change.
  @record_bytes 200

  def storage(folder, name), do: %{crdt: :gcounter, storage: %{file: "#{folder}/#{name}.dets"}}

  @doc "As Grove would have to do it: one process writes the whole state each time."
  def dets(folder) do
    {:ok, table} = :dets.open_file(make_ref(), file: to_charlist("#{folder}/dets"))
    counter = :counters.new(1, [])

    {total, rate} =
      Servers.rate(1, fn _ ->
        :counters.add(counter, 1, 1)
        state = %GCounter{actor: "b", counts: %{"b" => :counters.get(counter, 1)}}
        :ok = :dets.insert(table, {"views", state})
        :ok = :dets.sync(table)
      end)

    [{_, %GCounter{counts: %{"b" => ^total}}}] = :dets.lookup(table, "views")
    :ok = :dets.close(table)
    File.rm!("#{folder}/dets")
    %{rate: rate}
  end

  def bare(folder) do
    args = ["#{folder}/bare", "#{@record_bytes}", "#{Bench.ms()}"]
    {rate, 0} = System.cmd(Path.expand("build/bench/sync"), args)
    %{rate: String.to_float(String.trim(rate))}
  end
end

import Servers

files = Path.expand("build/bench/files")
File.rm_rf!(files)
for name <- ["one", "many"], do: File.mkdir_p!("#{files}/#{name}")

one = coppice("bench_synced", replicas: [views: Synced.storage("#{files}/one", "views")])
like = &Synced.storage("#{files}/many", "views_#{&1}")
many = coppice("bench_journals", replicas: replicas(1000, like))

columns = fn what -> [{:rate, "synced `mutate`, #{what}", "calls/s", :more}] end
dets = {:beam, "dets", fn -> Synced.dets(files) end}
bare = {:limit, "write, fdatasync", fn -> Synced.bare(files) end}

Bench.lines(6, columns.("64 callers"), [
  {:coppice, nil, fn -> load(:mutate, one, depth: 64) end},
  dets,
  bare
])

Bench.lines(6, columns.("one caller"), [
  {:coppice, nil, fn -> load(:mutate, one, depth: 1) end},
  dets,
  bare
])

for {depth, what} <- [{256, "256 callers"}, {1, "one caller"}] do
  Bench.lines(7, columns.("#{what}, 1000 replicas"), [
    {:coppice, nil, fn -> load(:mutate, many, depth: depth, replicas: 1000) end},
    {:limit, "one replica", fn -> load(:mutate, one, depth: depth) end}
  ])
end

stop(one)
stop(many)
File.rm_rf!(files)
