defmodule Grove.Storage.DETS do
  @moduledoc """
  A `dets` table with a record for each group.  No other process may write to its
  file while it is open.
  """
  @behaviour Grove.Storage

  @impl true
  def init(opts) do
    file = opts |> Keyword.fetch!(:file) |> to_charlist()
    table = Keyword.get(opts, :table, :grove_dets_storage)
    :dets.open_file(table, file: file, auto_save: Keyword.get(opts, :auto_save, 60_000))
  end

  @impl true
  def save(table, group, state), do: :dets.insert(table, {group, state})

  @impl true
  def load(table, group) do
    case :dets.lookup(table, group) do
      [{^group, state}] -> {:ok, state}
      [] -> {:ok, nil}
      {:error, _} = error -> error
    end
  end

  @impl true
  def delete(table, group), do: :dets.delete(table, group)

  @impl true
  def list_groups(table), do: {:ok, :dets.foldl(&[elem(&1, 0) | &2], [], table)}

  @impl true
  def close(table), do: :dets.close(table)

  def sync(table), do: :dets.sync(table)
end
