defmodule Grove.Counter.PNCounter do
  @moduledoc "A counter with increments and decrements: two grow-only counters."
  @behaviour Grove.CRDT

  alias Grove.Counter.GCounter

  defstruct actor: nil, positive: nil, negative: nil

  @impl true
  def new(actor) do
    %__MODULE__{actor: actor, positive: GCounter.new(actor), negative: GCounter.new(actor)}
  end

  def increment(%__MODULE__{} = counter, n \\ 1) do
    %{counter | positive: GCounter.increment(counter.positive, n)}
  end

  def decrement(%__MODULE__{} = counter, n \\ 1) do
    %{counter | negative: GCounter.increment(counter.negative, n)}
  end

  def positive_value(%__MODULE__{positive: positive}), do: GCounter.value(positive)
  def negative_value(%__MODULE__{negative: negative}), do: GCounter.value(negative)

  @impl true
  def value(%__MODULE__{} = counter), do: positive_value(counter) - negative_value(counter)

  @impl true
  def merge(%__MODULE__{} = a, %__MODULE__{} = b) do
    %{
      a
      | positive: GCounter.merge(a.positive, b.positive),
        negative: GCounter.merge(a.negative, b.negative)
    }
  end

  @impl true
  def delta(%__MODULE__{} = counter), do: in_both(counter, &GCounter.delta/1)

  @impl true
  def reset_delta(%__MODULE__{} = counter), do: in_both(counter, &GCounter.reset_delta/1)

  defp in_both(counter, fun) do
    %{counter | positive: fun.(counter.positive), negative: fun.(counter.negative)}
  end

  defimpl Grove.Mergeable do
    defdelegate merge(a, b), to: Grove.Counter.PNCounter
  end

  defimpl Grove.Viewable do
    defdelegate value(counter), to: Grove.Counter.PNCounter
  end
end
