defmodule Grove.Map.ORMap do
  @moduledoc """
  A map from keys to states of other types, maps included.  Its keys are an
  ORSet.  The value of a deleted key is kept, hidden, and is merged with what is
  put there later.
  """
  @behaviour Grove.CRDT

  alias Grove.Set.ORSet

  defstruct actor: nil, delta_buffer: nil, keys: nil, values: %{}

  @impl true
  def new(actor), do: %__MODULE__{actor: actor, keys: ORSet.new(actor)}

  def put(%__MODULE__{} = map, key, value) do
    change(map, %{new(map.actor) | keys: added(map.keys, key), values: %{key => value}})
  end

  @doc "Changes the value of an existing key; it is sent whole, with the tags of its key."
  def update(%__MODULE__{} = map, key, fun) do
    if has_key?(map, key) do
      tags = %{ORSet.new(map.actor) | entries: Map.take(map.keys.entries, [key])}
      change(map, %{new(map.actor) | keys: tags, values: %{key => fun.(get(map, key))}})
    else
      map
    end
  end

  def delete(%__MODULE__{} = map, key) do
    change(map, %{new(map.actor) | keys: map.keys |> ORSet.remove(key) |> ORSet.delta()})
  end

  defp added(keys, key), do: keys |> ORSet.add(key) |> ORSet.delta()

  defp change(map, delta), do: %{merge(map, delta) | delta_buffer: merge(delta(map), delta)}

  def get(%__MODULE__{} = map, key, default \\ nil) do
    if has_key?(map, key), do: Map.fetch!(map.values, key), else: default
  end

  # A peer's delta may be partial: a key whose value comes later.
  def has_key?(%__MODULE__{} = map, key) do
    ORSet.member?(map.keys, key) and is_map_key(map.values, key)
  end

  def keys(%__MODULE__{} = map), do: map |> value() |> Map.keys()
  def size(%__MODULE__{} = map), do: map |> value() |> map_size()

  @impl true
  def value(%__MODULE__{} = map), do: Map.take(map.values, ORSet.to_list(map.keys))

  @impl true
  def merge(%__MODULE__{} = a, %__MODULE__{} = b) do
    theirs = Map.new(b.values, fn {key, value} -> {key, adopted(value, a.actor)} end)
    values = Map.merge(a.values, theirs, fn _key, x, y -> join(x, y) end)
    %{a | keys: ORSet.merge(a.keys, b.keys), values: values}
  end

  # A change here is made by this map's actor, and sent as part of the map's delta.
  defp adopted(%type{} = value, actor), do: type.merge(type.new(actor), value)

  defp join(%type{} = a, %type{} = b), do: type.merge(a, b)
  defp join(%type{} = a, %other{} = b), do: if(type > other, do: a, else: b)

  @impl true
  def delta(%__MODULE__{} = map), do: map.delta_buffer || new(map.actor)

  @impl true
  def reset_delta(%__MODULE__{} = map), do: %{map | delta_buffer: nil}

  defimpl Grove.Mergeable do
    defdelegate merge(a, b), to: Grove.Map.ORMap
  end

  defimpl Grove.Viewable do
    defdelegate value(map), to: Grove.Map.ORMap
  end
end
