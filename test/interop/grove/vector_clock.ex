defmodule Grove.VectorClock do
  @moduledoc "A version vector: a plain map from actors to counters, without zeros."

  def new, do: %{}
  def get(clock, actor), do: Map.get(clock, actor, 0)
  def increment(clock, actor), do: Map.put(clock, actor, get(clock, actor) + 1)
  def merge(a, b), do: Map.merge(a, b, fn _actor, x, y -> max(x, y) end)

  @doc "Whether `a` includes `b`."
  def descends?(a, b), do: Enum.all?(b, fn {actor, n} -> get(a, actor) >= n end)

  @doc "Whether `a` includes `b` and more."
  def dominates?(a, b), do: descends?(a, b) and not descends?(b, a)
end
