# Records Grove's counters as a BEAM encodes them.  Made with Elixir 1.14 on
# OTP 25, whose atoms are ATOM_EXT (100):
#
#     elixir test/vectors/crdt/record.exs
#
# writes counters.etf beside itself: one external term, a list of
# {Label, Struct, Reset, Value}, where Reset is the struct after reset_delta and
# Value its value according to Grove.

grove = Path.join(__DIR__, "../../interop/grove")

for file <- ~w(crdt mergeable viewable counter/g_counter counter/pn_counter) do
  Code.require_file(file <> ".ex", grove)
end

alias Grove.Counter.{GCounter, PNCounter}

gcounter = fn counts ->
  Enum.reduce(counts, GCounter.new(:here), fn {actor, n}, all ->
    GCounter.merge(all, GCounter.increment(GCounter.new(actor), n))
  end)
end

pncounter = fn actor, up, down ->
  actor |> PNCounter.new() |> PNCounter.increment(up) |> PNCounter.decrement(down)
end

actors = [:node_a, "replica_1", 'replica', 1, 1.0, {:pair, 2}, :"å", %{b: 1, a: 2}, [], nil, -5]
many = for n <- 1..300, do: {"actor-#{n}", n}

counters = [
  new: GCounter.new(:node_a),
  five: GCounter.increment(GCounter.new(:node_a), 5),
  zero: GCounter.increment(GCounter.new(:node_a), 0),
  actors: gcounter.(Enum.with_index(actors, 1)),
  many: gcounter.(many),
  word: gcounter.(a: 0x7FFFFFFFFFFFFFFF, b: 1),
  double_word: gcounter.(a: 0xFFFFFFFFFFFFFFFF, b: 1),
  huge: gcounter.(a: 2 ** 64, b: 2 ** 2100, c: 255, d: 256),
  delta: GCounter.delta(GCounter.increment(GCounter.new("replica_1"), 7)),
  no_delta: GCounter.delta(GCounter.new("replica_1")),
  pn_new: PNCounter.new(:node_a),
  pn_up: pncounter.("c1", 5, 0),
  pn_down: pncounter.("c1", 2, 5),
  pn_even: pncounter.("c1", 1, 1),
  pn_huge: pncounter.("c1", 2 ** 63, 2 ** 64),
  pn_both: PNCounter.merge(pncounter.(:a, 10, 1), pncounter.("b", 0, 2)),
  pn_delta: PNCounter.delta(pncounter.("c1", 3, 4))
]

recorded =
  for {label, %module{} = counter} <- counters do
    {label, counter, module.reset_delta(counter), module.value(counter)}
  end

File.write!(Path.join(__DIR__, "counters.etf"), :erlang.term_to_binary(recorded))
