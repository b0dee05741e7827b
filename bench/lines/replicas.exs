# Row 14: a node with many replicas.

defmodule Replicas do
  import Servers

  @most 100_000
  @idle_ms 1_000

  def coppice(count \\ @most) do
    {_, none} = start(0)
    {ms, c} = start(count)
    kb = memory_kb(c) - memory_kb(none)
    before = cpu_ms(c)
    Process.sleep(@idle_ms)
    idle = (cpu_ms(c) - before) / @idle_ms
    loaded = load(:mutate, c, replicas: count)
    stop(c)
    stop(none)
    %{ms: ms, each: kb / count, idle: 100 * idle, us: loaded.us_of_cpu}
  end

  def one do
    {_, c} = start(1)
    loaded = load(:mutate, c, replicas: 1)
    stop(c)
    %{us: loaded.us_of_cpu}
  end

  defp start(count) do
    replicas = if count > 0, do: replicas(count), else: []
    Bench.timed(fn -> coppice("bench_replicas_#{count}", replicas: replicas) end)
  end

  def most, do: @most
end

what = &"#{Replicas.most()} replicas: #{&1}"

lines = [
  {:ms, what.("start until ready"), "ms", :less},
  {:each, what.("memory of each"), "kB", :less},
  {:idle, what.("processor, idle"), "%", :less},
  {:us, what.("a `mutate`"), "µs of CPU", :less}
]

Bench.lines(14, lines, [
  {:coppice, nil, &Replicas.coppice/0},
  {:limit, "one replica", &Replicas.one/0}
])

for n <- [100, 1_000, 10_000, 100_000] do
  {"coppice", n, fn -> Replicas.coppice(n).ms end}
end
|> then(&Bench.curve("starts", &1))
