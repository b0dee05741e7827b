# Records Grove's ORSet as a BEAM encodes it.  Made with Elixir 1.14 on OTP 25, whose
# MapSets have a third key (version: 2):
#
#     elixir test/vectors/crdt/or_sets.exs
#
# writes or_sets.etf beside itself: one external term, a list of
# {Label, Struct, Reset, Value}, where Reset is the struct after reset_delta, without
# the entries without tags that Grove may keep, and Value its value according to Grove.

grove = Path.join(__DIR__, "../../interop/grove")

for file <- ~w(crdt mergeable viewable set/or_set), do: Code.require_file(file <> ".ex", grove)

alias Grove.Set.ORSet

change = fn set, ops ->
  Enum.reduce(ops, set, fn {op, element}, set -> apply(ORSet, op, [set, element]) end)
end

made = fn actor, ops -> change.(ORSet.new(actor), ops) end
both = fn a, b -> ORSet.merge(a, b) end

# 0.0 and -0.0 are the same key on OTP 25: only the first is kept.
of_all_kinds = [
  1, 1.0, -0.0, "one", :one, :"å", 'one', {1, %{b: 2, a: 1}}, %{1 => :a, 1.0 => :b}, [], nil,
  -5, 2 ** 64, <<5::3>>, [1 | 2], MapSet.new([:inside]), &Enum.count/1
]

a = made.(:a, add: 1, add: 2, remove: 1)
b = change.(both.(ORSet.new("b"), a), add: 1, remove: 2)

sets = [
  new: ORSet.new(:node_a),
  one: made.("replica_1", add: "one"),
  again: made.("replica_1", add: "one", add: "one", add: "two", add: "one"),
  removed: a,
  removed_all: made.(:a, add: 1, remove: 1),
  added_after_removal: made.(:a, add: 1, remove: 1, add: 1),
  two_actors: b,
  seen: both.(both.(made.({:pair, 2}, add: 3), b), made.(%{1 => 2}, add: 3, add: 1)),
  delta: ORSet.delta(change.(ORSet.reset_delta(a), add: 3)),
  delta_of_removal: ORSet.delta(change.(ORSet.reset_delta(a), remove: 2)),
  no_delta: ORSet.delta(ORSet.new(:a)),
  of_all_kinds: made.(:a, for(e <- of_all_kinds, do: {:add, e})),
  of_all_kinds_removed: made.(:a, for(e <- of_all_kinds, op <- [:add, :remove], do: {op, e})),
  many: made.(:here, for(n <- 1..100, do: {:add, "element-#{n}"}))
]

recorded =
  for {label, set} <- sets do
    tagged = Map.filter(set.entries, fn {_element, tags} -> MapSet.size(tags) > 0 end)
    {label, set, %{ORSet.reset_delta(set) | entries: tagged}, ORSet.value(set)}
  end

File.write!(Path.join(__DIR__, "or_sets.etf"), :erlang.term_to_binary(recorded))
