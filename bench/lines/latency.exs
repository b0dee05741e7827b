# Row 5: the time of a call, one at a time.

import Servers

c = coppice("bench_latency", replicas: [views: %{crdt: :gcounter}])
b = beam(busy: true)
alone = [depth: 1]

columns = fn what ->
  [
    {:p50, "#{what}, one caller: p50", "µs", :less},
    {:p99, "#{what}, one caller: p99", "µs", :less}
  ]
end

Bench.lines(5, columns.("`value`"), [
  {:coppice, nil, fn -> load(:value, c, alone) end},
  {:beam, nil, fn -> load(:value, b, alone) end},
  {:ei, nil, fn -> ei(:value, alone) end},
  {:limit, "epoll echo", fn -> echo(alone) end}
])

Bench.lines(5, columns.("`mutate`"), [
  {:coppice, nil, fn -> load(:mutate, c, alone) end},
  {:beam, nil, fn -> load(:export, b, alone) end},
  {:ei, nil, fn -> ei(:mutate, alone) end}
])

stop(c)
stop(b)
