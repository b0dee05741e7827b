defmodule Soak.Ledger do
  @moduledoc """
  What was requested of each replica and what was acknowledged: how many changes, and for
  counters, how much.
  """

  def open, do: :ets.new(__MODULE__, [:named_table, :public, write_concurrency: true])

  def asked(server, change), do: add(server, asked: amount(change))
  def acknowledged(server, change), do: add(server, acknowledged: amount(change), answered: 1)
  def unanswered(server), do: add(server, unanswered: 1)
  def did(what), do: add(:all, [{what, 1}])

  @doc "A figure of a replica, or of all (`:all`)."
  def get(who, what) do
    case :ets.lookup(__MODULE__, {who, what}) do
      [{_, n}] -> n
      [] -> 0
    end
  end

  @doc "A figure of all replicas together."
  def sum(what), do: Enum.sum(:ets.select(__MODULE__, [{{{:_, what}, :"$1"}, [], [:"$1"]}]))

  defp add(who, figures) do
    for {what, n} <- figures, do: :ets.update_counter(__MODULE__, {who, what}, n, {nil, 0})
  end

  defp amount({:increment, [n]}), do: n
  defp amount(_), do: 0
end
