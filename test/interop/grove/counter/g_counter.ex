defmodule Grove.Counter.GCounter do
  @moduledoc "A grow-only counter: one count per actor; the greater count wins a merge."
  @behaviour Grove.CRDT

  defstruct actor: nil, counts: %{}, delta_buffer: %{}

  @impl true
  def new(actor), do: %__MODULE__{actor: actor}

  def increment(%__MODULE__{} = counter, n \\ 1) when is_integer(n) and n >= 0 do
    count = get(counter, counter.actor) + n

    %{
      counter
      | counts: Map.put(counter.counts, counter.actor, count),
        delta_buffer: Map.put(counter.delta_buffer, counter.actor, count)
    }
  end

  def get(%__MODULE__{counts: counts}, actor), do: Map.get(counts, actor, 0)

  @impl true
  def value(%__MODULE__{counts: counts}), do: counts |> Map.values() |> Enum.sum()

  @impl true
  def merge(%__MODULE__{} = a, %__MODULE__{} = b) do
    %{a | counts: Map.merge(a.counts, b.counts, fn _actor, x, y -> max(x, y) end)}
  end

  # Counts are absolute, in deltas too: merging a delta twice must not add it twice.
  @impl true
  def delta(%__MODULE__{} = counter) do
    %__MODULE__{actor: counter.actor, counts: counter.delta_buffer}
  end

  @impl true
  def reset_delta(%__MODULE__{} = counter), do: %{counter | delta_buffer: %{}}

  defimpl Grove.Mergeable do
    defdelegate merge(a, b), to: Grove.Counter.GCounter
  end

  defimpl Grove.Viewable do
    defdelegate value(counter), to: Grove.Counter.GCounter
  end
end
