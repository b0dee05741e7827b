defmodule Partitions.Scenario do
  @moduledoc """
  The fixed scenario: both halves of a partition write, a coppice is killed in the smaller
  one, then a link fails in one direction, and in the end all replicas are equal.
  """

  alias Partitions.{Site, Cluster}

  @sites [c1: :coppice, c2: :coppice, c3: :coppice, b1: :beam, b2: :beam]

  def run(folder) do
    cluster = Cluster.start(@sites, folder)
    expect_flow(cluster, [{"b1", "c3"}, {"b2", "c1"}, {"c1", "b2"}, {"c3", "b1"}])

    cluster = Cluster.split(cluster, ["c1", "c2", "b1"])
    Process.sleep(1_000)
    received = count_new(cluster)
    cluster = Cluster.kill(cluster, "c3")
    Process.sleep(2_000)
    cluster = Cluster.restart(cluster, "c3")
    expect_flow(cluster, [{"b1", "c2"}, {"c1", "b1"}, {"b2", "c3"}, {"c3", "b2"}])
    Process.sleep(3_000)
    [] = for {from, to, n} <- received.(), apart?(from, to), n > 0, do: {from, to, n}
    Cluster.log(cluster, "nothing has passed between the halves")

    cluster = cluster |> Cluster.heal() |> Cluster.cut([{"c1", "b2"}], "cut c1 -> b2, one way")
    Process.sleep(6_000)
    Cluster.verify(cluster)
  end

  defp apart?(from, to), do: half(from) != half(to)
  defp half(name), do: name in ["c1", "c2", "b1"]

  # Waits until, for each pair, the second site has received new elements of the first.
  defp expect_flow(cluster, pairs) do
    received = count_new(cluster)

    flow? = fn ->
      flows = for {from, to, n} <- received.(), n > 0, do: {from, to}
      pairs -- flows == []
    end

    unless Cluster.eventually(15_000, flow?) do
      Cluster.give_up("some of #{inspect(pairs)} receive nothing", cluster)
    end

    Cluster.log(cluster, Enum.map_join(pairs, ", ", fn {a, b} -> "#{b} receives from #{a}" end))
  end

  # A fun that counts, for each pair of sites, the elements received since this call.
  defp count_new(cluster) do
    before = sets(cluster)
    old = before |> Map.values() |> Enum.concat() |> MapSet.new()

    fn ->
      for {to, set} <- sets(cluster), from <- Cluster.names(cluster), from != to do
        {from, to, Enum.count(set, &(elem(&1, 0) == from and &1 not in old))}
      end
    end
  end

  defp sets(cluster) do
    for {name, site} <- cluster.sites,
        Site.up?(site),
        into: %{},
        do: {name, Site.contents(site).set}
  end
end
