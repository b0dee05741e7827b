defmodule Partitions.Ledger do
  @moduledoc """
  The changes that one actor requested of a replica, and those that were acknowledged.

  Elements of sets and lists are `{actor, n}`, each added once.  The state of an element is
  what must hold from then on, on every replica that has caught up: `:present`, `:absent`, or
  `:open` if the reply to a request never came.
  """

  alias __MODULE__

  defstruct [:kind, :actor, acked: 0, asked: 0, states: %{}, answered: 0, unanswered: 0]

  @doc "A change is about to be requested."
  def asked(ledger, {:increment, [n]}), do: %{ledger | asked: ledger.asked + n}
  def asked(ledger, op), do: put(ledger, op, :open)

  @doc "It was acknowledged."
  def acknowledged(ledger, {:increment, [n]}) do
    answered(%{ledger | acked: ledger.acked + n})
  end

  def acknowledged(ledger, {:remove, _} = op), do: ledger |> put(op, :absent) |> answered()
  def acknowledged(ledger, op), do: ledger |> put(op, :present) |> answered()

  @doc "It was not answered, and may have been made."
  def unanswered(ledger), do: %{ledger | unanswered: ledger.unanswered + 1}

  defp answered(ledger), do: %{ledger | answered: ledger.answered + 1}

  defp put(ledger, {_, [{_actor, n} | _]}, state) do
    %{ledger | states: Map.put(ledger.states, n, state)}
  end

  @doc """
  What is wrong with the contents of a replica, as sentences.  Contents are counts by actor
  for a counter, elements for a set or list.
  """
  def violations(%Ledger{kind: :counter} = ledger, counts) do
    case Map.get(counts, ledger.actor, 0) do
      n when n < ledger.acked -> ["#{ledger.actor} has #{n}, but #{ledger.acked} were acknowledged"]
      n when n > ledger.asked -> ["#{ledger.actor} has #{n}, but requested #{ledger.asked}"]
      _ -> []
    end
  end

  def violations(ledger, elements) do
    mine = for {actor, n} <- elements, actor == ledger.actor, do: n
    contents = MapSet.new(mine)
    in_state = fn state -> for {n, ^state} <- ledger.states, do: n end

    say(ledger, "is missing", Enum.reject(in_state.(:present), &(&1 in contents))) ++
      say(ledger, "came back", Enum.filter(in_state.(:absent), &(&1 in contents))) ++
      say(ledger, "was never requested", Enum.reject(mine, &is_map_key(ledger.states, &1))) ++
      say(ledger, "is there twice", mine -- Enum.uniq(mine)) ++ order(ledger, mine)
  end

  # Each was inserted after the one before it.
  defp order(%{kind: :list} = ledger, mine) do
    chain = Enum.filter(mine, &(ledger.states[&1] == :present))

    say(
      ledger,
      "is out of order",
      for({n, m} <- Enum.zip(chain, tl(chain ++ [:end])), n > m, do: n)
    )
  end

  defp order(_ledger, _mine), do: []

  defp say(_ledger, _what, []), do: []

  defp say(ledger, what, [n | more]) do
    ["#{ledger.kind}: #{inspect({ledger.actor, n})} #{what}, and #{length(more)} more"]
  end
end
