# Rows 3 and 15: many connections, and many replicas.

import Servers

most = 10_000
few = coppice("bench_few", replicas: [views: %{crdt: :gcounter}])
many = coppice("bench_many", replicas: replicas(most))
b = beam()

# As many calls are in flight over all connections together.
over = fn n -> [connections: n, depth: max(div(1000, n), 1)] end

columns = fn what -> [{:per_cpu, what, "calls/s of CPU", :more}] end
one = &{:limit, "one connection", fn -> load(&1, few, over.(1)) end}

for n <- [100, 1000] do
  Bench.lines(3, columns.("`value`, #{n} connections"), [
    {:coppice, nil, fn -> load(:value, few, over.(n)) end},
    {:beam, nil, fn -> load(:value, b, over.(n)) end},
    one.(:value)
  ])
end

Bench.lines(3, columns.("`mutate`, 1000 connections"), [
  {:coppice, nil, fn -> load(:mutate, few, over.(1000)) end},
  one.(:mutate)
])

for work <- [:value, :mutate] do
  Bench.lines(3, columns.("`#{work}`, #{most} replicas"), [
    {:coppice, nil, fn -> load(work, many, replicas: most) end},
    {:limit, "one replica", fn -> load(work, few) end}
  ])
end

Bench.lines(15, columns.("`value`, 1000 idle connections beside"), [
  {:coppice, nil, fn -> load(:value, few, idle: 1000) end},
  {:limit, "none", fn -> load(:value, few) end}
])

# Each point takes less time than a line.
brief = [ms: div(Bench.ms(), 2)]
us = fn work, server, opts -> load(work, server, brief ++ opts).us_of_cpu end

for {series, server} <- [{"coppice", few}, {"BEAM", b}], n <- [1, 10, 100, 1000] do
  {series, n, fn -> us.(:value, server, over.(n)) end}
end
|> then(&Bench.curve("connections", &1))

for work <- [:value, :mutate], n <- [1, 10, 100, 1000, most] do
  {"#{work}", n, fn -> us.(work, many, replicas: n) end}
end
|> then(&Bench.curve("replicas", &1))

for server <- [few, many, b], do: stop(server)
