defmodule Ledger do
  @moduledoc """
  The changes that were acknowledged, by number; and for each replica those that
  it has surely heard of, and those that it has perhaps.  Each change is kept with
  what its replica had heard of before it.
  """

  defstruct ops: [], next: 1, sure: %{}, perhaps: %{}, leaky?: false

  def new(replicas) do
    nothing = Map.new(replicas, &{&1, MapSet.new()})
    %Ledger{sure: nothing, perhaps: nothing}
  end

  @doc "A replica has acknowledged a change."
  def made(%Ledger{next: n} = ledger, replica, op, reply) do
    seen = %{sure: ledger.sure[replica], perhaps: ledger.perhaps[replica]}
    entry = Map.merge(seen, %{n: n, op: op, reply: reply})
    add = fn known -> Map.update!(known, replica, &MapSet.put(&1, n)) end

    leak(%{
      ledger
      | ops: [entry | ledger.ops],
        next: n + 1,
        sure: add.(ledger.sure),
        perhaps: add.(ledger.perhaps)
    })
  end

  @doc "One has surely heard all that the other knew."
  def told(ledger, from, to) do
    leak(%{ledger | sure: hear(ledger.sure, from, to), perhaps: hear(ledger.perhaps, from, to)})
  end

  @doc "All others hear sooner or later, or never, what this one knew."
  def sent(ledger, from) do
    perhaps = Enum.reduce(Map.keys(ledger.perhaps), ledger.perhaps, &hear(&2, from, &1))
    %{ledger | perhaps: perhaps}
  end

  @doc "From now on anybody may hear anything at any time."
  def leaky(ledger), do: leak(%{ledger | leaky?: true})

  @doc "All have heard all."
  def settled(ledger) do
    all = MapSet.new(ledger.ops, & &1.n)
    %{ledger | sure: to_all(ledger.sure, all), perhaps: to_all(ledger.perhaps, all)}
  end

  @doc "The ids that insertions made, the oldest first."
  def ids(ledger), do: for(%{reply: {_, _} = id} <- Enum.reverse(ledger.ops), do: id)

  defp hear(known, from, to), do: Map.update!(known, to, &MapSet.union(&1, known[from]))

  defp leak(%{leaky?: true} = ledger) do
    %{ledger | perhaps: to_all(ledger.perhaps, MapSet.new(ledger.ops, & &1.n))}
  end

  defp leak(ledger), do: ledger

  defp to_all(known, changes), do: Map.new(known, fn {replica, _} -> {replica, changes} end)
end
