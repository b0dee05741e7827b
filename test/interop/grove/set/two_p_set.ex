defmodule Grove.Set.TwoPSet do
  @moduledoc "A two-phase set: a removed element never comes back."
  @behaviour Grove.CRDT

  alias Grove.Set.GSet

  defstruct actor: nil, added: nil, removed: nil

  @impl true
  def new(actor), do: %__MODULE__{actor: actor, added: GSet.new(actor), removed: GSet.new(actor)}

  def add(%__MODULE__{} = set, element), do: %{set | added: GSet.add(set.added, element)}

  def remove(%__MODULE__{} = set, element), do: %{set | removed: GSet.add(set.removed, element)}

  def member?(%__MODULE__{} = set, element) do
    GSet.member?(set.added, element) and not GSet.member?(set.removed, element)
  end

  def size(%__MODULE__{} = set), do: set |> value() |> MapSet.size()
  def to_list(%__MODULE__{} = set), do: set |> value() |> MapSet.to_list()

  @impl true
  def value(%__MODULE__{} = set) do
    MapSet.difference(GSet.value(set.added), GSet.value(set.removed))
  end

  @impl true
  def merge(%__MODULE__{} = a, %__MODULE__{} = b) do
    %{a | added: GSet.merge(a.added, b.added), removed: GSet.merge(a.removed, b.removed)}
  end

  @impl true
  def delta(%__MODULE__{} = set), do: in_both(set, &GSet.delta/1)

  @impl true
  def reset_delta(%__MODULE__{} = set), do: in_both(set, &GSet.reset_delta/1)

  defp in_both(set, fun), do: %{set | added: fun.(set.added), removed: fun.(set.removed)}

  defimpl Grove.Mergeable do
    defdelegate merge(a, b), to: Grove.Set.TwoPSet
  end

  defimpl Grove.Viewable do
    defdelegate value(set), to: Grove.Set.TwoPSet
  end
end
