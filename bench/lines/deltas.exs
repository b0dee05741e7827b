# Row 16: deltas to many members of a group.

import Servers

never = 86_400_000
views = %{crdt: :gcounter, group: "views", sync_interval: never, anti_entropy_interval: never}
c = coppice("bench_deltas", scope: :grove, replicas: [views: views])
b = beam()

# A mutation and a sync_now for each delta.
deltas = fn load -> %{us: 2 * load.us_of_cpu} end
to = fn n -> [members: n, depth: 8] end

Bench.lines(16, [{:us, "a delta to 100 peers, with its `mutate`", "µs of CPU", :less}], [
  {:coppice, nil, fn -> deltas.(load(:deltas, c, to.(100))) end},
  {:beam, nil, fn -> deltas.(load(:export_deltas, b, to.(100))) end}
])

for {series, work, server} <- [{"coppice", :deltas, c}, {"BEAM", :export_deltas, b}],
    n <- [1, 10, 100, 1000] do
  {series, n, fn -> deltas.(load(work, server, to.(n))).us end}
end
|> then(&Bench.curve("peers", &1))

stop(c)
stop(b)
