defmodule Closures do
  @moduledoc "Mutations by closures, compiled by the release of the node that calls them."

  alias Grove.Counter.GCounter
  alias Grove.Replication.Server
  alias Grove.Sequence.RGA
  alias Grove.Set.ORSet

  def increment(server, n), do: Server.mutate(server, &GCounter.increment(&1, n))

  def add(server, element), do: Server.mutate(server, fn set -> ORSet.add(set, element) end)

  def remove(server, element), do: Server.mutate(server, fn set -> ORSet.remove(set, element) end)

  @doc "Inserts a value at the front of a list."
  def insert(server, value) do
    Server.mutate(server, fn list -> list |> RGA.insert(value, :head) |> elem(0) end)
  end

  @doc "Increments once for every element of a set that is evaluated there."
  def count(server, elements) do
    Server.mutate(server, fn counter ->
      elements |> MapSet.new() |> Enum.reduce(counter, fn _, sum -> GCounter.increment(sum) end)
    end)
  end
end
