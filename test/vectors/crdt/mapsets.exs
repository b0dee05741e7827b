# Records MapSets as a BEAM encodes them.  Made with Elixir 1.14 on OTP 25, whose
# MapSets have a third key (version: 2) and whose atoms are ATOM_EXT:
#
#     elixir test/vectors/crdt/mapsets.exs
#
# writes mapsets.etf beside itself: one external term, a list of
# {Set, Plain, Elements}, where Plain is the set in the form of Elixir 1.15 and later.

sets = [
  MapSet.new(),
  MapSet.new([1, 1.0, "one", :one, {1, %{b: 2, a: 1}}, [], nil]),
  MapSet.new(for n <- 1..100, do: "element-#{n}")
]

recorded = for set <- sets, do: {set, Map.delete(set, :version), Enum.to_list(set)}
true = Enum.all?(sets, &match?(%{version: 2}, &1))

File.write!(Path.join(__DIR__, "mapsets.etf"), :erlang.term_to_binary(recorded))
