defmodule Ledger do
  @moduledoc """
  The acknowledged changes, numbered; and for each replica, the set of changes
  that it has certainly seen, and the set that it has possibly seen.  Each change
  is kept with both sets of its replica just before it.
  """

  defstruct ops: [], next: 1, certain: %{}, possible: %{}, unreliable?: false

  def new(replicas) do
    nothing = Map.new(replicas, &{&1, MapSet.new()})
    %Ledger{certain: nothing, possible: nothing}
  end

  @doc "A replica has acknowledged a change."
  def acknowledged(%Ledger{next: n} = ledger, replica, op, reply) do
    seen = %{certain: ledger.certain[replica], possible: ledger.possible[replica]}
    entry = Map.merge(seen, %{n: n, op: op, reply: reply})
    add = fn known -> Map.update!(known, replica, &MapSet.put(&1, n)) end

    leak(%{
      ledger
      | ops: [entry | ledger.ops],
        next: n + 1,
        certain: add.(ledger.certain),
        possible: add.(ledger.possible)
    })
  end

  @doc "Replica `to` has merged the state of `from`."
  def merged(ledger, from, to) do
    %{certain: certain, possible: possible} = ledger
    leak(%{ledger | certain: see(certain, from, to), possible: see(possible, from, to)})
  end

  @doc "A replica has sent what it has to all others, which may receive it at any time or never."
  def broadcast(ledger, from) do
    possible = Enum.reduce(Map.keys(ledger.possible), ledger.possible, &see(&2, from, &1))
    %{ledger | possible: possible}
  end

  @doc "From now on any replica may receive anything at any time."
  def unreliable(ledger), do: leak(%{ledger | unreliable?: true})

  @doc "All replicas have seen all changes."
  def converged(ledger) do
    all = MapSet.new(ledger.ops, & &1.n)
    %{ledger | certain: to_all(ledger.certain, all), possible: to_all(ledger.possible, all)}
  end

  @doc "The ids of inserted elements, the oldest first."
  def ids(ledger), do: for(%{reply: {_, _} = id} <- Enum.reverse(ledger.ops), do: id)

  defp see(known, from, to), do: Map.update!(known, to, &MapSet.union(&1, known[from]))

  defp leak(%{unreliable?: true} = ledger) do
    %{ledger | possible: to_all(ledger.possible, MapSet.new(ledger.ops, & &1.n))}
  end

  defp leak(ledger), do: ledger

  defp to_all(known, changes), do: Map.new(known, fn {replica, _} -> {replica, changes} end)
end
