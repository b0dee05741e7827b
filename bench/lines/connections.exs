# Rows 3 and 15: many connections, and many replicas.

import Servers

# The node takes 4,096 processes.
most = 4_000
few = coppice("bench_few", replicas: [views: %{crdt: :gcounter}])
many = coppice("bench_many", replicas: replicas(most))
b = beam()

# As many calls are in flight over all connections together.
over = fn n -> [connections: n, depth: max(div(1000, n), 1)] end

for {work, beams} <- [value: :value, mutate: :export] do
  columns = fn what -> [{:per_cpu, "`#{work}`, #{what}", "calls/s of CPU", :more}] end
  one = {:limit, "one connection", fn -> load(work, few, over.(1)) end}

  for n <- [100, 1000] do
    Bench.lines(3, columns.("#{n} connections"), [
      {:coppice, nil, fn -> load(work, few, over.(n)) end},
      {:beam, nil, fn -> load(beams, b, over.(n)) end},
      one
    ])
  end

  Bench.lines(3, columns.("#{most} replicas"), [
    {:coppice, nil, fn -> load(work, many, [replicas: most] ++ over.(1)) end},
    {:limit, "one replica", fn -> load(work, few, over.(1)) end}
  ])
end

Bench.lines(15, [{:per_cpu, "`value`, 1000 idle connections beside", "calls/s of CPU", :more}], [
  {:coppice, nil, fn -> load(:value, few, idle: 1000) end},
  {:limit, "none", fn -> load(:value, few) end}
])

Bench.curve("connections", [
  for n <- [1, 10, 100, 1000] do
    {"coppice", n, fn -> load(:value, few, over.(n)).us_of_cpu end}
  end,
  for n <- [1, 10, 100, 1000] do
    {"BEAM", n, fn -> load(:value, b, over.(n)).us_of_cpu end}
  end
] |> Enum.concat())

for n <- [1, 10, 100, 1000, 4000] do
  {"value", n, fn -> load(:value, many, replicas: n).us_of_cpu end}
end
|> Enum.concat(
  for n <- [1, 10, 100, 1000, 4000] do
    {"mutate", n, fn -> load(:mutate, many, replicas: n).us_of_cpu end}
  end
)
|> then(&Bench.curve("replicas", &1))

for server <- [few, many, b], do: stop(server)
