# Records Grove's GSet and TwoPSet as a BEAM encodes them.  Made with Elixir 1.14
# on OTP 25, whose MapSets have a third key (version: 2):
#
#     elixir test/vectors/crdt/sets.exs
#
# writes sets.etf beside itself: one external term, a list of
# {Label, Struct, Reset, Value}, where Reset is the struct after reset_delta and
# Value its value according to Grove.

grove = Path.join(__DIR__, "../../interop/grove")

for file <- ~w(crdt mergeable viewable set/g_set set/two_p_set) do
  Code.require_file(file <> ".ex", grove)
end

alias Grove.Set.{GSet, TwoPSet}

gset = fn actor, elements -> Enum.reduce(elements, GSet.new(actor), &GSet.add(&2, &1)) end

two_p_set = fn actor, ops ->
  Enum.reduce(ops, TwoPSet.new(actor), fn
    {:add, element}, set -> TwoPSet.add(set, element)
    {:remove, element}, set -> TwoPSet.remove(set, element)
  end)
end

of_all_kinds = [
  1, 1.0, -0.0, "one", :one, :"å", 'one', {1, %{b: 2, a: 1}}, %{1 => :a, 1.0 => :b}, [], nil,
  -5, 2 ** 64, <<5::3>>, [1 | 2], MapSet.new([:inside]), &Enum.count/1
]

sets = [
  new: GSet.new(:node_a),
  one: gset.("replica_1", ["one"]),
  of_all_kinds: gset.({:pair, 2}, of_all_kinds),
  many: gset.(:here, for(n <- 1..300, do: "element-#{n}")),
  merged: GSet.merge(gset.(:a, [1, 2]), gset.(:b, [2, 3])),
  delta: GSet.delta(GSet.add(GSet.reset_delta(gset.(:a, [1, 2])), 3)),
  no_delta: GSet.delta(GSet.new(:a)),
  two_new: TwoPSet.new(:node_a),
  two_added: two_p_set.("c1", add: 1, add: 1.0),
  two_removed: two_p_set.("c1", add: 1, add: 2, remove: 1),
  two_removed_first: two_p_set.(:b, remove: "x", add: "x"),
  two_removed_only: two_p_set.(:b, remove: :never_added),
  two_merged: TwoPSet.merge(two_p_set.(:a, add: 1, add: 2), two_p_set.(:b, add: 3, remove: 2)),
  two_delta: TwoPSet.delta(two_p_set.(:a, add: 1, remove: 1)),
  two_of_all_kinds: two_p_set.(:a, for(e <- of_all_kinds, how <- [:add, :remove], do: {how, e}))
]

recorded =
  for {label, %module{} = set} <- sets do
    {label, set, module.reset_delta(set), module.value(set)}
  end

File.write!(Path.join(__DIR__, "sets.etf"), :erlang.term_to_binary(recorded))
