# Runs the benchmarks; see bench/run.

for file <- ["bench.exs", "servers.exs", "results.exs"], do: Code.require_file(file, __DIR__)

lines = ~w(calls connections closures latency synced joins large memory recovery replicas deltas
           start editing tls)
named = System.argv()

for name <- named, name not in lines do
  IO.puts(:stderr, "bench/run: no #{name}; there are: #{Enum.join(lines, " ")}")
  System.halt(64)
end

Bench.open()

# What was measured before an error is printed, too.
try do
  for name <- lines, named == [] or name in named do
    {ms, _} = Bench.timed(fn -> Code.require_file("lines/#{name}.exs", __DIR__) end)
    IO.puts(:stderr, "bench: #{name} took #{round(ms / 1000)} s")
  end
after
  IO.puts(Results.table(Bench.file()))
end
