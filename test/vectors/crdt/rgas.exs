# Records Grove's RGA as a BEAM encodes it.  Made with Elixir 1.14 on OTP 25, whose
# MapSets have a third key (version: 2):
#
#     elixir test/vectors/crdt/rgas.exs
#
# writes rgas.etf beside itself: one external term, a list of
# {Label, Struct, Reset, Value}, where Reset is the struct after reset_delta and Value
# its value according to Grove.

grove = Path.join(__DIR__, "../../interop/grove")

for file <- ~w(crdt mergeable viewable hybrid_logical_clock sequence/rga),
    do: Code.require_file(file <> ".ex", grove)

alias Grove.Sequence.RGA

change = fn rga, ops ->
  Enum.reduce(ops, rga, fn
    {:insert, value, prev}, rga -> rga |> RGA.insert(value, prev) |> elem(0)
    {:remove, id}, rga -> RGA.remove(rga, id)
  end)
end

made = fn actor, ops -> change.(RGA.new(actor), ops) end
both = fn a, b -> RGA.merge(a, b) end

typed = fn actor, text ->
  text
  |> String.graphemes()
  |> Enum.reduce({RGA.new(actor), :head}, fn char, {rga, prev} -> RGA.insert(rga, char, prev) end)
  |> elem(0)
end

hello = typed.("replica_1", "hello")

of_all_kinds = [
  1, 1.0, -0.0, "one", :one, :"å", 'one', {1, %{b: 2, a: 1}}, %{1 => :a, 1.0 => :b}, [], nil,
  -5, 2 ** 64, <<5::3>>, [1 | 2], MapSet.new([:inside]), &Enum.count/1
]

here = fn n -> {"replica_1", n} end
a = change.(both.(RGA.new(:a), hello), [{:insert, "A", here.(2)}, {:insert, "a", {:a, 6}}])
b = change.(both.(RGA.new(:b), hello), [{:insert, "B", here.(2)}, {:remove, here.(3)}])
waited_for = made.(:elsewhere, for(n <- 1..7, do: {:insert, n, :head}))
waits = made.(:w, [{:insert, 2, {:elsewhere, 7}}, {:insert, 3, {:w, 1}}, {:insert, 1, :head}])

rgas = [
  new: RGA.new(:node_a),
  one: made.("replica_1", [{:insert, "one", :head}]),
  hello: hello,
  siblings: made.(:a, for(n <- 1..20, do: {:insert, n, :head})),
  concurrent: both.(a, b),
  concurrent_elsewhere: both.(b, a),
  waiting: waits,
  waited: both.(waits, waited_for),
  removed_first: both.(made.(:a, [{:remove, here.(1)}]), hello),
  removed: change.(hello, for(n <- 1..5, do: {:remove, here.(n)})),
  delta: RGA.delta(change.(RGA.reset_delta(hello), [{:insert, "!", here.(5)}])),
  delta_of_removal: RGA.delta(change.(RGA.reset_delta(hello), [{:remove, here.(5)}])),
  no_delta: RGA.delta(RGA.new(:a)),
  of_all_kinds: made.({:pair, %{1 => 2}}, for(e <- of_all_kinds, do: {:insert, e, :head})),
  many: typed.(:here, String.duplicate("what is typed stands in a row. ", 10))
]

recorded =
  for {label, rga} <- rgas, do: {label, rga, RGA.reset_delta(rga), RGA.value(rga)}

File.write!(Path.join(__DIR__, "rgas.etf"), :erlang.term_to_binary(recorded))
