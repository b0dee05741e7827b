defmodule Meaning do
  @moduledoc "What values and states say, whoever tells it, and in whichever order he keeps it."

  alias Grove.Map.ORMap
  alias Grove.Register.MVRegister

  @doc "Of a value: the forms of MapSet are one, values in conflict have no order."
  def of(MVRegister, values) when is_list(values), do: Enum.sort_by(values, &%{&1 => []})

  def of(ORMap, %{} = map),
    do: Map.new(map, fn {key, %type{} = state} -> {key, {type, of(state)}} end)

  def of(_type, %MapSet{} = set), do: set |> MapSet.to_list() |> MapSet.new()
  def of(_type, value), do: value

  @doc "Of a state: what its value says."
  def of(%type{} = state), do: of(type, type.value(state))

  # What is each replica's own affair.
  @own [:actor, :replica_id, :delta_buffer, :delta_dirty]

  @doc "A state without what is its replica's own."
  def shared(%MapSet{} = set), do: set |> MapSet.to_list() |> MapSet.new()
  def shared(%_{} = struct), do: struct |> Map.drop(@own) |> fields()
  def shared(%{} = map), do: fields(map)
  def shared(term), do: term

  defp fields(map), do: :maps.map(fn _key, term -> shared(term) end, map)
end
