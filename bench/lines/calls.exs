# Rows 1 and 2: many calls in flight on one connection.

import Servers

c = coppice("bench_calls", replicas: [views: %{crdt: :gcounter}])
b = beam()

columns = fn what ->
  [
    {:per_cpu, "#{what}, pipelined", "calls/s of CPU", :more},
    {:rate, "#{what}, pipelined", "calls/s", :more}
  ]
end

Bench.lines(1, columns.("`value`"), [
  {:coppice, nil, fn -> load(:value, c) end},
  {:beam, nil, fn -> load(:value, b) end},
  {:ei, nil, fn -> ei(:value, []) end},
  {:limit, "epoll echo", fn -> echo([]) end}
])

Bench.lines(1, columns.("the same, each with a monitor"), [
  {:coppice, nil, fn -> load(:value, c, monitors: 1) end},
  {:beam, nil, fn -> load(:value, b, monitors: 1) end}
])

Bench.lines(2, columns.("`mutate`"), [
  {:coppice, nil, fn -> load(:mutate, c) end},
  {:beam, nil, fn -> load(:export, b) end},
  {:ei, nil, fn -> ei(:mutate, []) end},
  {:limit, "epoll echo", fn -> echo([]) end}
])

stop(c)
stop(b)
