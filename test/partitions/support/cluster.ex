defmodule Partitions.Cluster do
  @moduledoc """
  The sites, the cuts between them, and the checks at the end.  Each action is logged with its
  time.
  """

  alias Partitions.{Ledger, Network, Site}

  defstruct [
    :folder,
    :began_ms,
    :slowness,
    sites: %{},
    cuts: MapSet.new(),
    degraded: [],
    past: [],
    tally: %{}
  ]

  # A dial is retried after at most 30 s; anti-entropy comes on top.
  @agreement_ms 120_000

  @doc "Starts sites, `[name: kind]`.  Coppices connect to all others, BEAMs to other BEAMs."
  def start(kinds, folder, slowness \\ 1) do
    places =
      for {{name, kind}, i} <- Enum.with_index(kinds, 1), do: Site.open("#{name}", kind, i, folder)

    beams = for %{kind: :beam} = site <- places, do: site.node
    all = for site <- places, do: site.node

    known = fn
      %{kind: :beam} = site -> beams -- [site.node]
      site -> all -- [site.node]
    end

    started = in_parallel(places, &Site.start(&1, known.(&1), slowness))
    sites = Map.new(started, &{&1.name, &1})
    cluster = %__MODULE__{folder: folder, began_ms: now(), slowness: slowness, sites: sites}
    log(cluster, "#{Enum.join(Map.keys(sites), " ")} each write a counter, a set and a list")
  end

  defp in_parallel(sites, fun) do
    sites |> Enum.map(&Task.async(fn -> fun.(&1) end)) |> Task.await_many(180_000)
  end

  @doc "The names of the running sites of a kind."
  def up(cluster, kind) do
    for {name, %{kind: ^kind} = site} <- cluster.sites, Site.up?(site), do: name
  end

  def down(cluster), do: for({name, site} <- cluster.sites, not Site.up?(site), do: name)
  def names(cluster), do: Map.keys(cluster.sites)

  @doc "Cuts links, pairs of names, in the direction from the first to the second."
  def cut(cluster, links, as) do
    cuts = MapSet.new(links, fn {from, to} -> {place(cluster, from), place(cluster, to)} end)
    wanted = MapSet.union(cluster.cuts, cuts)
    Network.cut(cluster.cuts, wanted)
    %{cluster | cuts: wanted} |> count(:cuts) |> log(as)
  end

  @doc "Partitions some sites from the others."
  def split(cluster, left, as \\ "split") do
    right = names(cluster) -- left
    links = for a <- left, b <- right, link <- [{a, b}, {b, a}], do: link
    cut(cluster, links, "#{as} #{Enum.join(left, " ")} | #{Enum.join(right, " ")}")
  end

  def heal(cluster) do
    Network.cut(cluster.cuts, MapSet.new())
    %{cluster | cuts: MapSet.new()} |> count(:heals) |> log("heal all cuts")
  end

  def degrade(cluster, name) do
    Network.degrade(place(cluster, name))
    cluster = %{cluster | degraded: [name | cluster.degraded]}
    cluster |> count(:degraded) |> log("degrade the link to #{name}")
  end

  def restore(cluster, name) do
    Network.restore(place(cluster, name))
    %{cluster | degraded: cluster.degraded -- [name]} |> log("restore the link to #{name}")
  end

  defp place(cluster, name), do: cluster.sites[name].place

  def kill(cluster, name) do
    cluster |> update(name, &Site.kill/1) |> count(:kills) |> log("kill -9 #{name}")
  end

  def stop(cluster, name) do
    cluster |> update(name, &Site.stop/1) |> count(:stops) |> log("stop #{name}")
  end

  @doc "Restarts a coppice; it must have at once what it acknowledged before."
  def restart(cluster, name) do
    cluster = update(cluster, name, &Site.start_coppice/1)
    assert_none(Site.violations(cluster.sites[name]))
    cluster |> count(:starts) |> log("start #{name}")
  end

  @doc "A new coppice joins, configured with one of the others only."
  def join(cluster, through) do
    number = map_size(cluster.sites) + 1
    name = "c#{1 + Enum.count(cluster.sites, fn {_, site} -> site.kind == :coppice end)}"
    site = Site.open(name, :coppice, number, cluster.folder)
    site = Site.start(site, [cluster.sites[through].node], cluster.slowness)
    cluster = %{cluster | sites: Map.put(cluster.sites, site.name, site)}
    cluster |> count(:joins) |> log("#{site.name} joins through #{through}")
  end

  @doc """
  Kills a BEAM and starts a successor, which is another actor.  What only this BEAM has would
  be lost with it, as Grove has no storage here.  So its writers are paused first; if no coppice
  catches up with all that it acknowledged, they are resumed instead.
  """
  def replace(cluster, name) do
    site = cluster.sites[name]
    ledgers = Site.pause(site)
    for kind <- Site.kinds(), do: :ok = Site.call(site, GenServer, :call, [kind, :sync_now])

    if eventually(4_000, fn -> elsewhere?(cluster, ledgers) end) do
      successor = %{Site.kill(site) | actor: "#{site.actor}'"}
      successor = Site.start(successor, successor.connect, cluster.slowness)
      cluster = %{cluster | past: ledgers ++ cluster.past} |> update(name, fn _ -> successor end)
      cluster |> count(:replaced) |> log("kill -9 #{name}, and start an empty one")
    else
      Site.resume(site)
      log(cluster, "#{name} is not killed: no coppice has caught up with it")
    end
  end

  defp elsewhere?(cluster, ledgers) do
    Enum.any?(up(cluster, :coppice), &(violations(ledgers, Site.contents(cluster.sites[&1])) == []))
  end

  defp update(cluster, name, fun), do: %{cluster | sites: Map.update!(cluster.sites, name, fun)}

  @doc "Repairs everything and stops the writers; all must converge to what was acknowledged."
  def verify(cluster) do
    cluster = Enum.reduce(down(cluster), cluster, &restart(&2, &1))
    cluster = Enum.reduce(cluster.degraded, cluster, &restore(&2, &1)) |> heal()
    sites = Map.values(cluster.sites)
    ledgers = List.flatten(in_parallel(sites, &Site.pause/1)) ++ cluster.past
    log(cluster, "the writers have stopped")
    contents = agreed(cluster, sites)
    log(cluster, "all are equal")
    assert_none(violations(ledgers, contents) ++ unknown_actors(ledgers, contents))
    figures(cluster, ledgers, contents)
  end

  defp agreed(cluster, sites) do
    contents = fn -> in_parallel(sites, &{&1.name, Site.contents(&1)}) end
    equal? = fn -> contents.() |> Enum.uniq_by(&elem(&1, 1)) |> length() == 1 end

    if eventually(@agreement_ms, equal?) do
      contents.() |> hd() |> elem(1)
    else
      give_up(["after #{@agreement_ms} ms:" | differences(contents.())], cluster)
    end
  end

  defp differences([{first, reference} | others]) do
    for {name, contents} <- others, kind <- Site.kinds(), contents[kind] != reference[kind] do
      [here, there] = for x <- [reference[kind], contents[kind]], do: MapSet.new(x)
      lacking = fn a, b -> b |> MapSet.difference(a) |> MapSet.size() end

      "#{kind}: #{name} lacks #{lacking.(there, here)} of #{first}, " <>
        "#{first} lacks #{lacking.(here, there)} of #{name}"
    end
  end

  @doc "What is wrong with the contents of a site, by these ledgers."
  def violations(ledgers, contents) do
    Enum.flat_map(ledgers, &Ledger.violations(&1, contents[&1.kind]))
  end

  defp unknown_actors(ledgers, contents) do
    known = MapSet.new(ledgers, & &1.actor)
    who = for {_kind, things} <- contents, {actor, _} <- things, actor not in known, do: actor
    for actor <- Enum.uniq(who), do: "unknown actor #{inspect(actor)}"
  end

  defp assert_none([]), do: :ok
  defp assert_none(violations), do: give_up(Enum.take(violations, 20))

  defp figures(cluster, ledgers, contents) do
    sum = fn field -> ledgers |> Enum.map(&Map.fetch!(&1, field)) |> Enum.sum() end
    actions = for {what, n} <- cluster.tally, do: "#{n} #{what}"
    value = contents.counter |> Map.values() |> Enum.sum()

    IO.puts("""
      #{sum.(:answered)} changes acknowledged, #{sum.(:unanswered)} unanswered
      #{Enum.join(actions, ", ")}
      counter: #{sum.(:acked)} <= #{value} <= #{sum.(:asked)}; elements: \
    #{length(contents.set)} in the set, #{length(contents.list)} in the list
      the same on all of #{Enum.join(names(cluster), " ")}
    """)
  end

  @doc "Whether `fun` returns true within that time."
  def eventually(limit_ms, fun, deadline \\ nil) do
    deadline = deadline || now() + limit_ms

    cond do
      fun.() -> true
      now() > deadline -> false
      true -> Process.sleep(200) && eventually(limit_ms, fun, deadline)
    end
  end

  def log(cluster, what) do
    seconds = :erlang.float_to_binary((now() - cluster.began_ms) / 1000, decimals: 1)
    IO.puts("  #{String.pad_leading(seconds, 6)} s  #{what}")
    cluster
  end

  defp count(cluster, what), do: %{cluster | tally: Map.update(cluster.tally, what, 1, &(&1 + 1))}

  @doc "Ends the run as failed, with a reason."
  def give_up(why, cluster \\ nil) do
    IO.puts(["  FAIL  partitions\n" | Enum.map(List.wrap(why), &["        ", &1, "\n"])])
    if cluster, do: IO.puts("        the logs are in #{cluster.folder}")
    System.halt(1)
  end

  defp now, do: System.monotonic_time(:millisecond)
end
