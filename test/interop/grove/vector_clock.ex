defmodule Grove.VectorClock do
  @moduledoc "How much was seen of each actor: a plain map, in which none is 0."

  def new, do: %{}
  def get(clock, actor), do: Map.get(clock, actor, 0)
  def increment(clock, actor), do: Map.put(clock, actor, get(clock, actor) + 1)
  def merge(a, b), do: Map.merge(a, b, fn _actor, x, y -> max(x, y) end)

  @doc "Whether `a` has seen all that `b` has."
  def descends?(a, b), do: Enum.all?(b, fn {actor, n} -> get(a, actor) >= n end)

  @doc "Whether it has seen more than that, too."
  def dominates?(a, b), do: descends?(a, b) and not descends?(b, a)
end
