defmodule Model do
  @moduledoc """
  The value that a type must have after the changes in a ledger, derived from
  what the type promises, independently of its implementation.  Where the ledger
  leaves open who had seen what, both outcomes are allowed.
  """

  alias Grove.Counter.{GCounter, PNCounter}
  alias Grove.Map.ORMap
  alias Grove.Register.{LWWRegister, MVRegister}
  alias Grove.Sequence.RGA
  alias Grove.Set.{DVVSet, GSet, ORSet, TwoPSet}

  @doc "What is wrong with a value in `Canonical` form, as sentences; [] if it is allowed."
  def violations(type, ops, value)

  def violations(GCounter, ops, value), do: exactly(sum(ops, :increment), value)

  def violations(PNCounter, ops, value) do
    exactly(sum(ops, :increment) - sum(ops, :decrement), value)
  end

  def violations(GSet, ops, value), do: exactly(all(ops, :add), value)

  def violations(TwoPSet, ops, value) do
    exactly(MapSet.difference(all(ops, :add), all(ops, :remove)), value)
  end

  def violations(ORSet, ops, value) do
    {must, may} = observed_remove(ops, :add, :remove)
    between(must, may, value)
  end

  # A removal may hide an element that its replica has not seen yet, or revive one that is
  # being removed elsewhere: little is promised unless the changes were sequential.
  def violations(DVVSet, ops, value) do
    added = all(ops, :add)

    cond do
      Enum.all?(ops, &(MapSet.size(&1.certain) == &1.n - 1)) -> violations(ORSet, ops, value)
      named(ops, :remove) == [] -> exactly(added, value)
      true -> between([], added, value)
    end
  end

  # A change without an explicit time is later than all that its replica had seen.
  def violations(LWWRegister, [], value), do: exactly(nil, value)

  def violations(LWWRegister, ops, value) do
    latest = ops |> earliest_times() |> Map.values() |> Enum.max()

    may =
      for %{n: n, op: {:set, [value | time]}} <- ops,
          Enum.all?(time, &(&1 >= latest)),
          not Enum.any?(ops, &(match?({:set, [_]}, &1.op) and n in &1.certain)),
          do: value

    if value in may, do: [], else: ["#{inspect(value)} is none of #{inspect(may)}"]
  end

  def violations(MVRegister, ops, values) do
    unless_seen = fn kind ->
      for %{n: n, op: {_, [value]}} <- ops, not Enum.any?(ops, &(n in &1[kind])), do: value
    end

    twice = values -- Enum.uniq(values)
    required = unless_seen.(:possible)
    between(required, unless_seen.(:certain), MapSet.new(values)) ++ exactly([], twice)
  end

  def violations(ORMap, ops, map) do
    {must, may} = observed_remove(ops, :put, :delete)
    inside = Enum.flat_map(map, fn {key, inner} -> violations_inside(ops, key, inner) end)
    between(must, may, map |> Map.keys() |> MapSet.new()) ++ inside
  end

  def violations(RGA, ops, list) do
    gone = all(ops, :remove)
    inserted = for name <- [:insert, :insert_at], op <- named(ops, name), do: op
    left = for op <- inserted, op.reply not in gone, do: op |> inserted_value()
    exactly(Enum.sort(left), Enum.sort(list)) ++ misplaced(inserted, list)
  end

  defp violations_inside(ops, key, {type, value}) do
    nested = for %{op: {:update, [^key, op]}} = entry <- ops, do: %{entry | op: op}
    for violation <- violations(type, nested, value), do: "in #{inspect(key)}: #{violation}"
  end

  defp misplaced(inserted, list) do
    place = list |> Enum.with_index() |> Map.new()
    values = Map.new(inserted, &{&1.reply, inserted_value(&1)})

    for %{op: {:insert, [value, prev_id]}} <- inserted,
        %{^prev_id => before} <- [values],
        %{^value => here, ^before => there} <- [place],
        here < there,
        do: "#{inspect(value)} is not behind #{inspect(before)}"
  end

  defp inserted_value(%{op: {:insert, [value, _]}}), do: value
  defp inserted_value(%{op: {:insert_at, [_, value]}}), do: value

  # The earliest time that each change can have.
  defp earliest_times(ops) do
    for %{op: {:set, [_ | time]}} = entry <- Enum.sort_by(ops, & &1.n), reduce: %{} do
      times ->
        seen = for {other, time} <- times, other in entry.certain, do: time
        Map.put(times, entry.n, List.first(time) || Enum.max([0 | seen]) + 1)
    end
  end

  # The elements that must be there, with an addition that no removal can have seen; and those
  # that may be, with an addition that none has certainly seen.
  defp observed_remove(ops, add, remove) do
    left = fn kind ->
      for %{n: n, op: {_, [element | _]}} <- named(ops, add),
          not Enum.any?(named(ops, remove), fn %{op: {_, [gone]}} = removal ->
            gone === element and n in removal[kind]
          end),
          into: MapSet.new(),
          do: element
    end

    {left.(:possible), left.(:certain)}
  end

  defp named(ops, name), do: for(%{op: {^name, _}} = entry <- ops, do: entry)
  defp all(ops, name), do: for(%{op: {_, [x | _]}} <- named(ops, name), into: MapSet.new(), do: x)

  defp sum(ops, name) do
    Enum.sum(for %{op: {_, args}} <- named(ops, name), do: List.first(args, 1))
  end

  defp exactly(wanted, value) do
    if wanted === value, do: [], else: ["#{inspect(value)} is not #{inspect(wanted)}"]
  end

  defp between(must, may, value) do
    for(x <- must, x not in value, do: "#{inspect(x)} is missing") ++
      for(x <- value, x not in may, do: "#{inspect(x)} must not be there")
  end
end
