defmodule Grove.Set.GSet do
  @moduledoc "A grow-only set."
  @behaviour Grove.CRDT

  defstruct actor: nil, delta_buffer: MapSet.new(), elements: MapSet.new()

  @impl true
  def new(actor), do: %__MODULE__{actor: actor}

  def add(%__MODULE__{} = set, element) do
    if member?(set, element) do
      set
    else
      %{
        set
        | elements: MapSet.put(set.elements, element),
          delta_buffer: MapSet.put(set.delta_buffer, element)
      }
    end
  end

  def member?(%__MODULE__{elements: elements}, element), do: MapSet.member?(elements, element)
  def size(%__MODULE__{elements: elements}), do: MapSet.size(elements)
  def to_list(%__MODULE__{elements: elements}), do: MapSet.to_list(elements)

  @impl true
  def value(%__MODULE__{elements: elements}), do: elements

  @impl true
  def merge(%__MODULE__{} = a, %__MODULE__{} = b) do
    %{a | elements: MapSet.union(a.elements, b.elements)}
  end

  @impl true
  def delta(%__MODULE__{} = set), do: %__MODULE__{actor: set.actor, elements: set.delta_buffer}

  @impl true
  def reset_delta(%__MODULE__{} = set), do: %{set | delta_buffer: MapSet.new()}

  defimpl Grove.Mergeable do
    defdelegate merge(a, b), to: Grove.Set.GSet
  end

  defimpl Grove.Viewable do
    defdelegate value(set), to: Grove.Set.GSet
  end
end
