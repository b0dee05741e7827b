defmodule Partitions.Halves do
  @moduledoc """
  The fixed story: two halves that write apart, a coppice that is killed in the smaller
  one, a link that fails in one direction, and all of them equal in the end.
  """

  alias Partitions.{Site, World}

  @cast [c1: :coppice, c2: :coppice, c3: :coppice, b1: :beam, b2: :beam]

  def tell(folder) do
    world = World.start(@cast, folder)
    heard(world, [{"b1", "c3"}, {"b2", "c1"}, {"c1", "b2"}, {"c3", "b1"}])

    world = World.split(world, ["c1", "c2", "b1"])
    Process.sleep(1_000)
    news = listen(world)
    world = World.kill(world, "c3")
    Process.sleep(2_000)
    world = World.restart(world, "c3")
    heard(world, [{"b1", "c2"}, {"c1", "b1"}, {"b2", "c3"}, {"c3", "b2"}])
    Process.sleep(3_000)
    [] = for {from, to, n} <- news.(), apart?(from, to), n > 0, do: {from, to, n}
    World.tell(world, "neither half has heard of the other")

    world = world |> World.mend() |> World.cut([{"c1", "b2"}], "cut c1 -> b2, one way")
    Process.sleep(6_000)
    World.reckon(world)
  end

  defp apart?(from, to), do: half(from) != half(to)
  defp half(name), do: name in ["c1", "c2", "b1"]

  # Each of these pairs hears from now on what the first one writes.
  defp heard(world, pairs) do
    news = listen(world)

    heard? = fn ->
      fresh = for {from, to, n} <- news.(), n > 0, do: {from, to}
      pairs -- fresh == []
    end

    unless World.eventually(15_000, heard?) do
      World.give_up("some of #{inspect(pairs)} are deaf", world)
    end

    World.tell(world, Enum.map_join(pairs, ", ", fn {a, b} -> "#{b} hears #{a}" end))
  end

  # How many elements each site has from each other that were not there when this began.
  defp listen(world) do
    before = sets(world)
    old = before |> Map.values() |> Enum.concat() |> MapSet.new()

    fn ->
      for {to, set} <- sets(world), from <- World.names(world), from != to do
        {from, to, Enum.count(set, &(elem(&1, 0) == from and &1 not in old))}
      end
    end
  end

  defp sets(world) do
    for {name, site} <- world.sites, Site.up?(site), into: %{}, do: {name, Site.told(site).set}
  end
end
