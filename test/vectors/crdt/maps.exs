# Records Grove's ORMaps as a BEAM encodes them, with values of other types.
# Made with Elixir 1.14 on OTP 25:
#
#     elixir test/vectors/crdt/maps.exs
#
# writes maps.etf beside itself: one external term, a list of {Label, Struct, Reset,
# Value}, where Reset is the struct after reset_delta and Value its value according to
# Grove.  An ORSet keeps removed elements with an empty set of tags; Reset and Value are
# without these.

grove = Path.join(__DIR__, "../../interop/grove")

before = ~w(crdt mergeable viewable vector_clock hybrid_logical_clock)
types = Path.wildcard(grove <> "/{counter,register,set,sequence,map}/*.ex")
for file <- Enum.map(before, &"#{grove}/#{&1}.ex"), do: Code.require_file(file)
{:ok, _modules, _warnings} = Kernel.ParallelCompiler.compile(types)

alias Grove.Counter.{GCounter, PNCounter}
alias Grove.Map.ORMap
alias Grove.Register.{LWWRegister, MVRegister}
alias Grove.Set.{GSet, ORSet, TwoPSet}

defmodule Pruned do
  def pruned(%ORSet{} = set) do
    %{set | entries: Map.reject(set.entries, fn {_element, tags} -> Enum.empty?(tags) end)}
  end

  def pruned(%ORMap{} = map), do: %{map | keys: pruned(map.keys), values: pruned(map.values)}
  def pruned(%_module{} = other), do: other
  def pruned(map), do: Map.new(map, fn {key, value} -> {key, pruned(value)} end)
end

all = fn actor ->
  ORMap.new(actor)
  |> ORMap.put("views", actor |> GCounter.new() |> GCounter.increment(5))
  |> ORMap.put(:likes, actor |> PNCounter.new() |> PNCounter.decrement(2))
  |> ORMap.put(1, actor |> LWWRegister.new() |> LWWRegister.set("title"))
  |> ORMap.put(1.0, actor |> MVRegister.new() |> MVRegister.set(:draft))
  |> ORMap.put({:tags, 1}, actor |> GSet.new() |> GSet.add("a") |> GSet.add("b"))
  |> ORMap.put([], actor |> TwoPSet.new() |> TwoPSet.add(1) |> TwoPSet.remove(1))
  |> ORMap.put("people", actor |> ORSet.new() |> ORSet.add("x") |> ORSet.add("y"))
end

nested = fn actor ->
  ORMap.new(actor)
  |> ORMap.put("inner", ORMap.new(actor))
  |> ORMap.update("inner", &ORMap.put(&1, "all", all.(actor)))
  |> ORMap.update("inner", fn map ->
    ORMap.update(map, "all", &ORMap.update(&1, "views", fn c -> GCounter.increment(c) end))
  end)
end

maps = [
  new: ORMap.new(:node_a),
  all: all.("c1"),
  nested: nested.("c1"),
  deleted: all.("c1") |> ORMap.delete("views") |> ORMap.delete(1) |> ORMap.delete(:none),
  removed_inside: ORMap.update(all.("c1"), "people", &ORSet.remove(&1, "x")),
  put_again: all.("c1") |> ORMap.put("views", GCounter.increment(GCounter.new("c1"), 7)),
  merged: ORMap.merge(all.("c1"), all.("c2")),
  merged_nested: ORMap.merge(nested.("c1"), all.("c2")),
  two_types:
    ORMap.merge(
      ORMap.put(ORMap.new("c1"), "k", GCounter.increment(GCounter.new("c1"))),
      ORMap.put(ORMap.new("c2"), "k", GSet.add(GSet.new("c2"), 1))
    ),
  delta: ORMap.delta(all.("c1")),
  delta_of_update:
    ORMap.new("c2")
    |> ORMap.merge(all.("c1"))
    |> ORMap.update("views", &GCounter.increment/1)
    |> ORMap.delta(),
  delta_of_delete: all.("c1") |> ORMap.reset_delta() |> ORMap.delete("views") |> ORMap.delta()
]

recorded =
  for {label, map} <- maps do
    reset = Pruned.pruned(ORMap.reset_delta(map))
    {label, map, reset, Pruned.pruned(ORMap.value(map))}
  end

File.write!(Path.join(__DIR__, "maps.etf"), :erlang.term_to_binary(recorded))
