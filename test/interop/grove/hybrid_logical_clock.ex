defmodule Grove.HybridLogicalClock do
  @moduledoc "A monotonic time of day, ordered by time, counter and node."

  defstruct counter: 0, node: nil, time: 0

  def new(node), do: %__MODULE__{node: node}

  @doc "The next time, later than this one even if the time of day is not."
  def tick(clock, now \\ System.system_time(:millisecond))

  def tick(%__MODULE__{time: time} = clock, now) when now > time,
    do: %{clock | time: now, counter: 0}

  def tick(%__MODULE__{counter: counter} = clock, _now), do: %{clock | counter: counter + 1}

  def compare(a, b) do
    case {order(a), order(b)} do
      {x, y} when x < y -> :lt
      {x, y} when x > y -> :gt
      _ -> :eq
    end
  end

  @doc "The sort key of a time."
  def order(%__MODULE__{time: time, counter: counter, node: node}), do: {time, counter, node}
end
