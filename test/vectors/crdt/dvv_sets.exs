# Records DVVSets as a BEAM encodes them.  Made with Elixir 1.14 on OTP 25, whose
# MapSets have a third key (version: 2):
#
#     elixir test/vectors/crdt/dvv_sets.exs
#
# writes dvv_sets.etf beside itself: one external term, a list of
# {Label, Struct, Reset, Value}, where Reset is the struct after reset_delta
# and Value its value.

grove = Path.join(__DIR__, "../../interop/grove")

for file <- ~w(crdt mergeable viewable vector_clock set/dvv_set) do
  Code.require_file(file <> ".ex", grove)
end

alias Grove.Set.DVVSet

change = fn set, ops ->
  Enum.reduce(ops, set, fn
    {:add, element}, set -> DVVSet.add(set, element)
    {:remove, element}, set -> DVVSet.remove(set, element)
  end)
end

made = fn actor, ops -> change.(DVVSet.new(actor), ops) end

of_all_kinds = [
  1, 1.0, -0.5, "one", :one, :"å", 'one', {1, %{b: 2, a: 1}}, %{1 => :a, 1.0 => :b}, [], nil,
  -5, 2 ** 64, <<5::3>>, [1 | 2], MapSet.new([:inside]), &Enum.count/1
]

a = made.("a", add: 1, add: 2, add: 3)
b = DVVSet.merge(made.(:b, add: 2), a)

sets = [
  new: DVVSet.new(:node_a),
  one: made.("replica_1", add: "one"),
  of_all_kinds: made.({:pair, 2}, for(e <- of_all_kinds, do: {:add, e})),
  removed: made.(:a, add: 1, add: 2, remove: 1),
  removed_last: made.(:a, add: 1, add: 2, add: 3, remove: 3),
  emptied: made.(:a, add: 1, add: 2, remove: 2, remove: 1),
  added_again: made.(:a, add: 1, remove: 1, add: 1, add: 1),
  merged: b,
  removed_from_others: change.(b, remove: 3),
  concurrent: DVVSet.merge(change.(a, remove: 2), change.(b, add: 2)),
  many: made.(:here, for(n <- 1..300, do: {:add, "element-#{n}"})),
  delta: DVVSet.delta(change.(DVVSet.reset_delta(a), add: 4)),
  delta_with_renewals: DVVSet.delta(change.(DVVSet.reset_delta(a), remove: 3)),
  no_delta: DVVSet.delta(DVVSet.new(:a))
]

recorded = for {label, set} <- sets, do: {label, set, DVVSet.reset_delta(set), DVVSet.value(set)}

File.write!(Path.join(__DIR__, "dvv_sets.etf"), :erlang.term_to_binary(recorded))
