defmodule Grove.Set.ORSet do
  @moduledoc """
  An observed-remove set: each addition has a unique tag, and a removal removes
  the tags that its replica has seen.  A concurrent addition wins.
  """
  @behaviour Grove.CRDT

  defstruct actor: nil, counter: 0, delta_buffer: nil, entries: %{}, tombstones: MapSet.new()

  @impl true
  def new(actor), do: %__MODULE__{actor: actor}

  def add(%__MODULE__{actor: actor, counter: counter} = set, element) do
    tag = {actor, counter + 1}
    entries = %{element => MapSet.new([tag])}
    change(set, %__MODULE__{actor: actor, counter: counter + 1, entries: entries})
  end

  def remove(%__MODULE__{} = set, element) do
    if member?(set, element) do
      tags = Map.fetch!(set.entries, element)
      change(set, %__MODULE__{actor: set.actor, counter: set.counter, tombstones: tags})
    else
      set
    end
  end

  # A change is a delta, merged into the state and into the delta to be sent.
  defp change(set, delta), do: %{merge(set, delta) | delta_buffer: merge(delta(set), delta)}

  def member?(%__MODULE__{entries: entries}, element) do
    case entries do
      %{^element => tags} -> MapSet.size(tags) > 0
      _ -> false
    end
  end

  def size(%__MODULE__{} = set), do: set |> to_list() |> length()

  def to_list(%__MODULE__{entries: entries}) do
    for {element, tags} <- entries, MapSet.size(tags) > 0, do: element
  end

  @impl true
  def value(%__MODULE__{} = set), do: set |> to_list() |> MapSet.new()

  # An element without tags keeps its entry.
  @impl true
  def merge(%__MODULE__{} = a, %__MODULE__{} = b) do
    tombstones = MapSet.union(a.tombstones, b.tombstones)
    entries = Map.merge(a.entries, b.entries, fn _element, x, y -> MapSet.union(x, y) end)

    live =
      Map.new(entries, fn {element, tags} -> {element, MapSet.difference(tags, tombstones)} end)

    %{a | counter: max(a.counter, b.counter), entries: live, tombstones: tombstones}
  end

  @impl true
  def delta(%__MODULE__{} = set), do: set.delta_buffer || new(set.actor)

  @impl true
  def reset_delta(%__MODULE__{} = set), do: %{set | delta_buffer: nil}

  defimpl Grove.Mergeable do
    defdelegate merge(a, b), to: Grove.Set.ORSet
  end

  defimpl Grove.Viewable do
    defdelegate value(set), to: Grove.Set.ORSet
  end
end
