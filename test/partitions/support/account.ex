defmodule Partitions.Account do
  @moduledoc """
  What one actor asked of a replica, and what was acknowledged of that.

  Elements of sets and lists are `{actor, n}`, each added once.  Its fate is what must be
  true of it from then on, everywhere it is heard of: `:there`, `:gone`, or `:open`, when a
  change was asked for and its answer never came.
  """

  alias __MODULE__

  defstruct [:kind, :actor, acked: 0, asked: 0, fates: %{}, answered: 0, unanswered: 0]

  @doc "A change is about to be asked for."
  def asked(account, {:increment, [n]}), do: %{account | asked: account.asked + n}
  def asked(account, op), do: put(account, op, :open)

  @doc "It was acknowledged."
  def acknowledged(account, {:increment, [n]}) do
    answered(%{account | acked: account.acked + n})
  end

  def acknowledged(account, {:remove, _} = op), do: account |> put(op, :gone) |> answered()
  def acknowledged(account, op), do: account |> put(op, :there) |> answered()

  @doc "It was not answered: it may have happened."
  def unanswered(account), do: %{account | unanswered: account.unanswered + 1}

  defp answered(account), do: %{account | answered: account.answered + 1}

  defp put(account, {_, [{_actor, n} | _]}, fate) do
    %{account | fates: Map.put(account.fates, n, fate)}
  end

  @doc """
  What is wrong with what a replica tells, as sentences: of a counter the counts by
  actor, of a set or list the elements.
  """
  def breaches(%Account{kind: :counter} = account, counts) do
    case Map.get(counts, account.actor, 0) do
      n when n < account.acked -> ["#{account.actor} counts #{n}, not #{account.acked}"]
      n when n > account.asked -> ["#{account.actor} counts #{n} of #{account.asked}"]
      _ -> []
    end
  end

  def breaches(account, elements) do
    mine = for {actor, n} <- elements, actor == account.actor, do: n
    told = MapSet.new(mine)
    fated = fn fate -> for {n, ^fate} <- account.fates, do: n end

    say(account, "is missing", Enum.reject(fated.(:there), &(&1 in told))) ++
      say(account, "came back", Enum.filter(fated.(:gone), &(&1 in told))) ++
      say(account, "was never asked for", Enum.reject(mine, &is_map_key(account.fates, &1))) ++
      say(account, "is there twice", mine -- Enum.uniq(mine)) ++ order(account, mine)
  end

  # Each was inserted behind the one before it.
  defp order(%{kind: :list} = account, mine) do
    chain = Enum.filter(mine, &(account.fates[&1] == :there))

    say(
      account,
      "is out of order",
      for({n, m} <- Enum.zip(chain, tl(chain ++ [:end])), n > m, do: n)
    )
  end

  defp order(_account, _mine), do: []

  defp say(_account, _what, []), do: []

  defp say(account, what, [n | more]) do
    ["#{account.kind}: #{inspect({account.actor, n})} #{what}, and #{length(more)} more"]
  end
end
