defmodule Grove.Sequence.RGA do
  @moduledoc """
  A list of elements, each inserted after another one; of those after the same
  one, the earlier is the first.  A removed element stays as a tombstone.
  """
  @behaviour Grove.CRDT

  alias Grove.HybridLogicalClock

  defstruct clock: 0, delta_buffer: nil, elements: %{}, replica_id: nil, tombstones: MapSet.new()

  @impl true
  def new(replica_id), do: %__MODULE__{replica_id: replica_id}

  @doc "Inserts after element `prev_id` or `:head`; returns the list and the new element's id."
  def insert(%__MODULE__{replica_id: replica_id, clock: clock} = rga, value, prev_id) do
    id = {replica_id, clock + 1}
    element = %{id: id, prev_id: prev_id, timestamp: next_time(rga), value: value}
    delta = %{new(replica_id) | clock: clock + 1, elements: %{id => element}}
    {change(rga, delta), id}
  end

  def remove(%__MODULE__{} = rga, id) do
    change(rga, %{new(rga.replica_id) | clock: rga.clock, tombstones: MapSet.new([id])})
  end

  defp change(rga, delta), do: %{merge(rga, delta) | delta_buffer: merge(delta(rga), delta)}

  defp next_time(rga) do
    first = HybridLogicalClock.new(rga.replica_id)
    times = for {_id, element} <- rga.elements, do: element.timestamp
    latest = Enum.max_by([first | times], &HybridLogicalClock.order/1)
    HybridLogicalClock.tick(%{latest | node: rga.replica_id})
  end

  @doc "The visible values, without those after an element that has not arrived yet."
  def to_list(%__MODULE__{} = rga) do
    after_id = rga.elements |> Map.values() |> Enum.group_by(& &1.prev_id)
    for %{id: id, value: value} <- walk(:head, after_id, []), not removed?(rga, id), do: value
  end

  defp walk(id, after_id, rest) do
    after_id
    |> Map.get(id, [])
    |> Enum.sort_by(&{HybridLogicalClock.order(&1.timestamp), &1.id})
    |> List.foldr(rest, fn element, rest -> [element | walk(element.id, after_id, rest)] end)
  end

  defp removed?(rga, id), do: MapSet.member?(rga.tombstones, id)

  def size(%__MODULE__{} = rga), do: rga |> to_list() |> length()

  @impl true
  def value(%__MODULE__{} = rga), do: to_list(rga)

  @impl true
  def merge(%__MODULE__{} = a, %__MODULE__{} = b) do
    %{
      a
      | clock: max(a.clock, b.clock),
        elements: Map.merge(a.elements, b.elements),
        tombstones: MapSet.union(a.tombstones, b.tombstones)
    }
  end

  @impl true
  def delta(%__MODULE__{} = rga), do: rga.delta_buffer || new(rga.replica_id)

  @impl true
  def reset_delta(%__MODULE__{} = rga), do: %{rga | delta_buffer: nil}

  defimpl Grove.Mergeable do
    defdelegate merge(a, b), to: Grove.Sequence.RGA
  end

  defimpl Grove.Viewable do
    defdelegate value(rga), to: Grove.Sequence.RGA
  end
end
