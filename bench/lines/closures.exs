# Row 4: closures, which a coppice has its caller's node apply.

Code.require_file("../closures.exs", __DIR__)
import Servers

c = coppice("bench_closures", replicas: [views: %{crdt: :gcounter}])
b = beam(busy: true)
caller = Beam.start(grove: true)

rate = fn node, callers ->
  %{rate: Beam.call(caller, Closures, :rate, [{:views, node}, callers, Bench.ms()])}
end

for {callers, what} <- [{64, "64 callers"}, {1, "one caller"}] do
  Bench.lines(4, [{:rate, "closures, #{what} on one BEAM", "calls/s", :more}], [
    {:coppice, nil, fn -> rate.(c.node, callers) end},
    {:beam, nil, fn -> rate.(b.node, callers) end}
  ])
end

:peer.stop(caller.peer)
stop(c)
stop(b)
