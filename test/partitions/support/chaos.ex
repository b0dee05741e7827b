defmodule Partitions.Chaos do
  @moduledoc "Deeds at random for some minutes, drawn from a seed, and the reckoning."

  alias Partitions.{Network, World}

  @cast [c1: :coppice, c2: :coppice, c3: :coppice, b1: :beam, b2: :beam]
  @most_sites 7

  def run(folder, seed, minutes) do
    IO.puts("  chaos: SEED=#{seed} MINUTES=#{minutes}")
    world = World.start(@cast, folder, max(1, minutes))
    deadline = System.monotonic_time(:millisecond) + :timer.minutes(minutes)
    world |> go_on(deadline) |> World.reckon()
  end

  defp go_on(world, deadline) do
    Process.sleep(Enum.random(200..2_500))

    if System.monotonic_time(:millisecond) > deadline,
      do: world,
      else: world |> possible() |> Enum.random() |> deed(world) |> go_on(deadline)
  end

  # What can be done now, the more likely the more often it is named.
  defp possible(world) do
    coppices = World.up(world, :coppice)
    down = World.down(world)
    fair = if Network.weather() == :fair, do: [], else: World.names(world) -- world.spoiled

    List.flatten([
      [:split, :alone, :pair, :one_way],
      if(MapSet.size(world.cuts) > 0, do: List.duplicate(:mend, 6), else: []),
      if(length(coppices) > 1, do: [kill: coppices, kill: coppices, stop: coppices], else: []),
      if(down != [], do: List.duplicate({:restart, down}, 4), else: []),
      if(map_size(world.sites) < @most_sites, do: [join: coppices], else: []),
      [renew: World.up(world, :beam)],
      if(fair != [], do: [spoil: fair], else: []),
      if(world.spoiled != [], do: [clear: world.spoiled, clear: world.spoiled], else: [])
    ])
  end

  defp deed({name, of}, world), do: apply(World, name, [world, Enum.random(of)])
  defp deed(:mend, world), do: World.mend(world)

  defp deed(:split, world) do
    names = Enum.shuffle(World.names(world))
    World.split(world, Enum.take(names, div(length(names), 2)))
  end

  defp deed(:alone, world), do: World.split(world, [Enum.random(World.names(world))])

  defp deed(:pair, world) do
    [a, b] = Enum.take_random(World.names(world), 2)
    World.cut(world, [{a, b}, {b, a}], "cut #{a} - #{b}")
  end

  defp deed(:one_way, world) do
    [a, b] = Enum.take_random(World.names(world), 2)
    World.cut(world, [{a, b}], "cut #{a} -> #{b}, one way")
  end
end
