defmodule Partitions.World do
  @moduledoc """
  The sites, what is cut between them, and the reckoning at the end.  Each deed is told
  with its time.
  """

  alias Partitions.{Account, Network, Site}

  defstruct [
    :folder,
    :began_ms,
    :slowness,
    sites: %{},
    cuts: MapSet.new(),
    spoiled: [],
    past: [],
    tally: %{}
  ]

  # A dial is tried again after at most 30 s, and then there is the repair.
  @agreement_ms 120_000

  @doc "Starts all of a cast, `[name: kind]`, where everyone knows the names of all others."
  def start(cast, folder, slowness \\ 1) do
    places =
      for {{name, kind}, i} <- Enum.with_index(cast, 1), do: Site.open("#{name}", kind, i, folder)

    beams = for %{kind: :beam} = site <- places, do: site.node
    all = for site <- places, do: site.node

    known = fn
      %{kind: :beam} = site -> beams -- [site.node]
      site -> all -- [site.node]
    end

    started = in_parallel(places, &Site.start(&1, known.(&1), slowness))
    sites = Map.new(started, &{&1.name, &1})
    world = %__MODULE__{folder: folder, began_ms: now(), slowness: slowness, sites: sites}
    tell(world, "#{Enum.join(Map.keys(sites), " ")} write a counter, a set and a list each")
  end

  defp in_parallel(sites, fun) do
    sites |> Enum.map(&Task.async(fn -> fun.(&1) end)) |> Task.await_many(180_000)
  end

  @doc "Names of what runs, and of what does not, of a kind."
  def up(world, kind) do
    for {name, %{kind: ^kind} = site} <- world.sites, Site.up?(site), do: name
  end

  def down(world), do: for({name, site} <- world.sites, not Site.up?(site), do: name)
  def names(world), do: Map.keys(world.sites)

  @doc "Cuts links, pairs of names, from one to the other."
  def cut(world, links, as) do
    cuts = MapSet.new(links, fn {from, to} -> {place(world, from), place(world, to)} end)
    wanted = MapSet.union(world.cuts, cuts)
    Network.cut(world.cuts, wanted)
    %{world | cuts: wanted} |> count(:cuts) |> tell(as)
  end

  @doc "Cuts all links between some and the others."
  def split(world, left, as \\ "split") do
    right = names(world) -- left
    links = for a <- left, b <- right, link <- [{a, b}, {b, a}], do: link
    cut(world, links, "#{as} #{Enum.join(left, " ")} | #{Enum.join(right, " ")}")
  end

  def mend(world) do
    Network.cut(world.cuts, MapSet.new())
    %{world | cuts: MapSet.new()} |> count(:mended) |> tell("mend all links")
  end

  def spoil(world, name) do
    Network.spoil(place(world, name))
    world = %{world | spoiled: [name | world.spoiled]}
    world |> count(:spoiled) |> tell("spoil the link of #{name}")
  end

  def clear(world, name) do
    Network.clear(place(world, name))
    %{world | spoiled: world.spoiled -- [name]} |> tell("clear the link of #{name}")
  end

  defp place(world, name), do: world.sites[name].place

  def kill(world, name) do
    world |> update(name, &Site.kill/1) |> count(:kills) |> tell("kill -9 #{name}")
  end

  def stop(world, name) do
    world |> update(name, &Site.stop/1) |> count(:stops) |> tell("stop #{name}")
  end

  @doc "Starts a coppice again: it has at once what it acknowledged before."
  def restart(world, name) do
    world = update(world, name, &Site.start_coppice/1)
    none_missing(Site.breaches(world.sites[name]))
    world |> count(:starts) |> tell("start #{name}")
  end

  @doc "A new coppice joins, and knows one of the others."
  def join(world, through) do
    number = map_size(world.sites) + 1
    name = "c#{1 + Enum.count(world.sites, fn {_, site} -> site.kind == :coppice end)}"
    site = Site.open(name, :coppice, number, world.folder)
    site = Site.start(site, [world.sites[through].node], world.slowness)
    world = %{world | sites: Map.put(world.sites, site.name, site)}
    world |> count(:joins) |> tell("#{site.name} joins through #{through}")
  end

  @doc """
  Kills a BEAM and starts its successor, which is another actor.  What a BEAM alone
  has is lost with it, by the nature of Grove; so it holds its pen, and goes on instead when
  no coppice comes to have all that it acknowledged.
  """
  def renew(world, name) do
    site = world.sites[name]
    accounts = Site.hold(site)
    for kind <- Site.kinds(), do: :ok = Site.call(site, GenServer, :call, [kind, :sync_now])

    if eventually(4_000, fn -> elsewhere?(world, accounts) end) do
      heir = %{Site.kill(site) | actor: "#{site.actor}'"}
      heir = Site.start(heir, heir.connect, world.slowness)
      world = %{world | past: accounts ++ world.past} |> update(name, fn _ -> heir end)
      world |> count(:renewed) |> tell("kill -9 #{name}, and start it with nothing")
    else
      Site.resume(site)
      tell(world, "#{name} lives on: nobody else has what it has")
    end
  end

  defp elsewhere?(world, accounts) do
    Enum.any?(up(world, :coppice), &(breaches(accounts, Site.told(world.sites[&1])) == []))
  end

  defp update(world, name, fun), do: %{world | sites: Map.update!(world.sites, name, fun)}

  @doc "Everything works again, writers stop, all must agree, and to all that was acknowledged."
  def reckon(world) do
    world = Enum.reduce(down(world), world, &restart(&2, &1))
    world = Enum.reduce(world.spoiled, world, &clear(&2, &1)) |> mend()
    sites = Map.values(world.sites)
    accounts = List.flatten(in_parallel(sites, &Site.hold/1)) ++ world.past
    tell(world, "no more is written")
    told = agreed(world, sites)
    tell(world, "all are equal")
    none_missing(breaches(accounts, told) ++ strangers(accounts, told))
    figures(world, accounts, told)
  end

  defp agreed(world, sites) do
    told = fn -> in_parallel(sites, &{&1.name, Site.told(&1)}) end
    equal? = fn -> told.() |> Enum.uniq_by(&elem(&1, 1)) |> length() == 1 end

    if eventually(@agreement_ms, equal?) do
      told.() |> hd() |> elem(1)
    else
      give_up(["after #{@agreement_ms} ms:" | differences(told.())], world)
    end
  end

  defp differences([{first, reference} | others]) do
    for {name, told} <- others, kind <- Site.kinds(), told[kind] != reference[kind] do
      [here, there] = for x <- [reference[kind], told[kind]], do: MapSet.new(x)
      lacking = fn a, b -> b |> MapSet.difference(a) |> MapSet.size() end

      "#{kind}: #{name} lacks #{lacking.(there, here)} of #{first}, " <>
        "#{first} lacks #{lacking.(here, there)} of #{name}"
    end
  end

  @doc "What is wrong with what a site tells, by these accounts."
  def breaches(accounts, told) do
    Enum.flat_map(accounts, &Account.breaches(&1, told[&1.kind]))
  end

  defp strangers(accounts, told) do
    known = MapSet.new(accounts, & &1.actor)
    who = for {_kind, things} <- told, {actor, _} <- things, actor not in known, do: actor
    for actor <- Enum.uniq(who), do: "who is #{inspect(actor)}?"
  end

  defp none_missing([]), do: :ok
  defp none_missing(breaches), do: give_up(Enum.take(breaches, 20))

  defp figures(world, accounts, told) do
    sum = fn field -> accounts |> Enum.map(&Map.fetch!(&1, field)) |> Enum.sum() end
    deeds = for {what, n} <- world.tally, do: "#{n} #{what}"
    value = told.counter |> Map.values() |> Enum.sum()

    IO.puts("""
      #{sum.(:answered)} changes acknowledged, #{sum.(:unanswered)} without an answer
      #{Enum.join(deeds, ", ")}
      counter: #{sum.(:acked)} <= #{value} <= #{sum.(:asked)}; elements: \
    #{length(told.set)} in the set, #{length(told.list)} in the list
      all of it on all of #{Enum.join(names(world), " ")}
    """)
  end

  @doc "Whether it comes true in that time."
  def eventually(limit_ms, fun, deadline \\ nil) do
    deadline = deadline || now() + limit_ms

    cond do
      fun.() -> true
      now() > deadline -> false
      true -> Process.sleep(200) && eventually(limit_ms, fun, deadline)
    end
  end

  def tell(world, what) do
    seconds = :erlang.float_to_binary((now() - world.began_ms) / 1000, decimals: 1)
    IO.puts("  #{String.pad_leading(seconds, 6)} s  #{what}")
    world
  end

  defp count(world, what), do: %{world | tally: Map.update(world.tally, what, 1, &(&1 + 1))}

  @doc "The end of the run, with a reason."
  def give_up(why, world \\ nil) do
    IO.puts(["  FAIL  partitions\n" | Enum.map(List.wrap(why), &["        ", &1, "\n"])])
    if world, do: IO.puts("        what the coppices said is in #{world.folder}")
    System.halt(1)
  end

  defp now, do: System.monotonic_time(:millisecond)
end
