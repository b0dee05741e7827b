defmodule Partitions.Chaos do
  @moduledoc "Random faults for some minutes, drawn from a seed; then the checks."

  alias Partitions.{Cluster, Network}

  @sites [c1: :coppice, c2: :coppice, c3: :coppice, b1: :beam, b2: :beam]
  @most_sites 7

  def run(folder, seed, minutes) do
    IO.puts("  chaos: SEED=#{seed} MINUTES=#{minutes}")
    cluster = Cluster.start(@sites, folder, max(1, minutes))
    deadline = System.monotonic_time(:millisecond) + :timer.minutes(minutes)
    cluster |> loop(deadline) |> Cluster.verify()
  end

  defp loop(cluster, deadline) do
    Process.sleep(Enum.random(200..2_500))

    if System.monotonic_time(:millisecond) > deadline,
      do: cluster,
      else: cluster |> possible() |> Enum.random() |> act(cluster) |> loop(deadline)
  end

  # The actions that are possible now; those listed more often are more likely.
  defp possible(cluster) do
    coppices = Cluster.up(cluster, :coppice)
    down = Cluster.down(cluster)

    intact =
      if Network.impairment() == :none,
        do: [],
        else: Cluster.names(cluster) -- cluster.degraded

    List.flatten([
      [:split, :alone, :pair, :one_way],
      if(MapSet.size(cluster.cuts) > 0, do: List.duplicate(:heal, 6), else: []),
      if(length(coppices) > 1, do: [kill: coppices, kill: coppices, stop: coppices], else: []),
      if(down != [], do: List.duplicate({:restart, down}, 4), else: []),
      if(map_size(cluster.sites) < @most_sites, do: [join: coppices], else: []),
      [replace: Cluster.up(cluster, :beam)],
      if(intact != [], do: [degrade: intact], else: []),
      if(cluster.degraded != [],
        do: [restore: cluster.degraded, restore: cluster.degraded],
        else: []
      )
    ])
  end

  defp act({name, of}, cluster), do: apply(Cluster, name, [cluster, Enum.random(of)])
  defp act(:heal, cluster), do: Cluster.heal(cluster)

  defp act(:split, cluster) do
    names = Enum.shuffle(Cluster.names(cluster))
    Cluster.split(cluster, Enum.take(names, div(length(names), 2)))
  end

  defp act(:alone, cluster), do: Cluster.split(cluster, [Enum.random(Cluster.names(cluster))])

  defp act(:pair, cluster) do
    [a, b] = Enum.take_random(Cluster.names(cluster), 2)
    Cluster.cut(cluster, [{a, b}, {b, a}], "cut #{a} - #{b}")
  end

  defp act(:one_way, cluster) do
    [a, b] = Enum.take_random(Cluster.names(cluster), 2)
    Cluster.cut(cluster, [{a, b}], "cut #{a} -> #{b}, one way")
  end
end
