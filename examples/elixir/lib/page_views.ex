defmodule PageViews do
  @moduledoc """
  Counts the views of pages, in a replica on a coppice: an `or_map` with a `gcounter` for each path.

      iex> PageViews.hit("/docs")
      :ok
      iex> PageViews.hit("/docs")
      :ok
      iex> PageViews.all()["/docs"]
      2
  """

  @doc "The coppice beside this node: `views_web1@host` beside `web1@host`."
  def node_name, do: :"views_#{node()}"

  @doc "The replica."
  def replica, do: {:page_views, node_name()}

  @doc "Counts a view; when it returns, every caller of the replica sees it."
  def hit(path) do
    # Only the first view of a page has to put a counter there.
    case Coppice.mutate(replica(), {:update, [path, :increment]}) do
      {:error, {:bad_op, _}} ->
        Coppice.mutate(replica(), [{:put, [path, :gcounter]}, {:update, [path, :increment]}])

      answer ->
        answer
    end
  end

  @doc "The views of each page."
  def all, do: replica() |> Coppice.value!() |> counts()

  @doc "The same of the value of the replica: a map of Grove's structs, read without Grove."
  def counts(counters) do
    Map.new(counters, fn {path, %{counts: by_actor}} ->
      {path, by_actor |> Map.values() |> Enum.sum()}
    end)
  end
end
