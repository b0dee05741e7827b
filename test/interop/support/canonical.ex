defmodule Canonical do
  @moduledoc "Values and states in a form that can be compared between replicas."

  alias Grove.Map.ORMap
  alias Grove.Register.MVRegister

  @doc "A value, whatever its form of MapSet or the order of its conflicting values."
  def of(MVRegister, values) when is_list(values), do: Enum.sort_by(values, &%{&1 => []})

  def of(ORMap, %{} = map),
    do: Map.new(map, fn {key, %type{} = state} -> {key, {type, of(state)}} end)

  def of(_type, %MapSet{} = set), do: set |> MapSet.to_list() |> MapSet.new()
  def of(_type, value), do: value

  @doc "The same of a state's value."
  def of(%type{} = state), do: of(type, type.value(state))

  # The fields that differ between replicas.
  @own [:actor, :replica_id, :delta_buffer, :delta_dirty]

  @doc "A state without the fields that differ between replicas."
  def shared(%MapSet{} = set), do: set |> MapSet.to_list() |> MapSet.new()
  def shared(%_{} = struct), do: struct |> Map.drop(@own) |> fields()
  def shared(%{} = map), do: fields(map)
  def shared(term), do: term

  defp fields(map), do: :maps.map(fn _key, term -> shared(term) end, map)
end
