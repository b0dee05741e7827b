defmodule MixedTest do
  @moduledoc """
  Clusters of BEAMs of several releases and coppices, one of them hidden and one visible, all of
  which replicate a counter, a set and a list.

  BEAMs of OTP 25 and OTP 29 are never connected to each other: the greeting of the latter's `pg`
  ends a scope of the former.
  """
  use TestCase

  @types [counter: GCounter, set: ORSet, list: RGA]

  # BEAMs connect to each other as they do by default, and `global` makes it a full mesh.
  @tag otp27: true, otp29: true
  test "27 and 29, connected", do: [27, 29] |> cluster(:mesh) |> story()

  @tag otp25: true, otp27: true
  test "25 and 27, connected", do: [25, 27] |> cluster(:mesh) |> story()

  @tag otp25: true, otp27: true, otp29: true
  test "25, 27 and 29, of which 27 is connected to both others",
    do: [25, 27, 29] |> cluster([{25, 27}, {27, 29}]) |> story()

  @tag otp25: true, otp27: true, otp29: true
  test "25, 27 and 29 with nothing but coppices between them",
    do: [25, 27, 29] |> cluster([]) |> story()

  # What every cluster must go through.
  defp story(cluster) do
    cluster
    |> check()
    |> change_everywhere()
    |> each(:coppices, &restart_coppice/2)
    |> each(:beams, &restart_beam/2)
    |> change_everywhere()
    |> check()
  end

  defp each(cluster, kind, fun), do: Enum.reduce(Map.keys(cluster[kind]), cluster, fun)

  # --- the cluster ----------------------------------------------------------

  # `wires` says which releases are connected to each other.
  defp cluster(releases, wires) do
    cluster = %{wires: wires, key: fresh("mixed"), beams: %{}, coppices: %{}, labels: []}
    cluster = Enum.reduce(releases, cluster, &start_beam/2)
    Enum.reduce([:hidden, :visible], cluster, &start_coppice/2)
  end

  defp start_beam(release, cluster, name \\ fresh("b")) do
    beam = Beam.start([name: name, grove: true, kernel: kernel(cluster)] ++ code(release))
    assert Beam.call(beam, :erlang, :system_info, [:otp_release]) == ~c"#{release}"

    for {name, type} <- @types do
      # Not the actor of a predecessor: a Grove replica does not know what that had counted.
      actor = "#{release} #{fresh("a")}"
      group = {name, cluster.key}

      Beam.replica(beam,
        name: name,
        crdt_module: type,
        actor: actor,
        group: group,
        sync_interval: 200
      )
    end

    cluster = put_in(cluster.beams[release], beam)
    for {other, peer} <- cluster.beams, wired?(cluster, release, other), do: connect(beam, peer)
    cluster
  end

  # Without a mesh, a BEAM connects to nobody unless it is told to.  One that is connected to two
  # that are not connected to each other must do without `global`, which would connect them.
  defp kernel(%{wires: :mesh}), do: []
  defp kernel(%{wires: []}), do: [dist_auto_connect: :never]
  defp kernel(_), do: [dist_auto_connect: :never, connect_all: false]

  defp code(release) do
    folders = Application.fetch_env!(:mixed, :releases)[release]
    exec = [Path.expand("tools/in-root"), "#{release}", "erl"]

    if "#{release}" == System.otp_release(),
      do: [folders: folders],
      else: [folders: folders, exec: exec]
  end

  defp wired?(_, release, release), do: false
  defp wired?(%{wires: :mesh}, _, _), do: true
  defp wired?(%{wires: wires}, a, b), do: {a, b} in wires or {b, a} in wires

  defp connect(beam, peer) do
    eventually(fn -> Beam.call(beam, :net_kernel, :connect_node, [peer.node]) end)
  end

  defp start_coppice(kind, cluster, name \\ Coppice.name()) do
    replicas =
      for {name, type} <- @types do
        {name,
         %{
           crdt: type,
           actor: "#{kind}",
           group: {name, cluster.key},
           sync_interval: 200,
           anti_entropy_interval: 500,
           global: {name, kind, cluster.key}
         }}
      end

    peers = Map.values(cluster.beams) ++ Map.values(cluster.coppices)
    settings = [node: name, visible: kind == :visible, connect: Enum.map(peers, & &1.node)]
    coppice = Coppice.start([replicas: replicas] ++ settings)
    put_in(cluster.coppices[kind], coppice)
  end

  defp restart_coppice(kind, cluster) do
    {c, cluster} = pop_in(cluster.coppices[kind])
    Coppice.kill(c)
    for {_, beam} <- cluster.beams, do: eventually(fn -> c.node not in Beam.nodes(beam) end)
    kind |> start_coppice(cluster, c.node) |> connected() |> agree()
  end

  defp restart_beam(release, cluster) do
    {beam, cluster} = pop_in(cluster.beams[release])
    Beam.signal(beam, "KILL")
    for {_, other} <- cluster.beams, do: eventually(fn -> beam.node not in Beam.nodes(other) end)
    eventually(fn -> beam.node |> name() |> registered?() |> Kernel.not() end)
    release |> start_beam(cluster, name(beam.node)) |> connected() |> agree()
  end

  defp name(node), do: "#{node}" |> String.split("@") |> hd()

  defp registered?(name) do
    name in Epmd.names(String.to_integer(System.fetch_env!("ERL_EPMD_PORT")))
  end

  # --- what must hold ---------------------------------------------------------

  defp check(cluster) do
    connected(cluster)

    for {release, beam} <- cluster.beams do
      members(cluster, beam, [beam.node | neighbours(cluster, release)])
      if cluster.wires in [:mesh, []], do: global(cluster, beam)
    end

    everybody = map_size(cluster.beams) + map_size(cluster.coppices)

    for {_, c} <- cluster.coppices, {name, _} <- @types do
      eventually(fn -> assert Coppice.status(c).replicas[name].peers == everybody - 1 end)
    end

    cluster
  end

  # Each BEAM is connected to all coppices, and to no BEAM that it should not be connected to.
  # The node of the suite comes on top.
  defp connected(cluster) do
    for {release, beam} <- cluster.beams do
      eventually(fn ->
        there = Beam.nodes(beam) -- [node()]
        assert Enum.sort(there) == Enum.sort(neighbours(cluster, release))
      end)

      assert cluster.coppices.visible.node in Beam.nodes(beam, :visible)
      assert cluster.coppices.hidden.node in Beam.nodes(beam, :hidden)
    end

    cluster
  end

  defp neighbours(cluster, release) do
    beams = for {other, beam} <- cluster.beams, wired?(cluster, release, other), do: beam
    Enum.map(beams ++ Map.values(cluster.coppices), & &1.node)
  end

  defp members(cluster, beam, nodes) do
    for {name, _} <- @types do
      eventually(fn ->
        there = Beam.members(beam, :grove, {name, cluster.key})
        assert there |> Enum.map(&node/1) |> Enum.sort() == Enum.sort(nodes)
      end)
    end
  end

  # The visible coppice keeps `global` waiting nowhere, and its replicas are found there.
  defp global(cluster, beam) do
    assert Beam.call(beam, :global, :sync, []) == :ok
    assert Beam.call(beam, :global, :set_lock, [{cluster.key, self()}]) == true
    assert Beam.call(beam, :global, :del_lock, [{cluster.key, self()}]) == true

    for {kind, c} <- cluster.coppices, {name, _} <- @types do
      known = {name, kind, cluster.key}
      eventually(fn -> c.node == owner(beam, known) end)
      assert {:ok, _} = Beam.call(beam, GenServer, :call, [{:global, known}, :value])
    end
  end

  defp owner(beam, name) do
    case Beam.call(beam, :global, :whereis_name, [name]) do
      :undefined -> nil
      pid -> node(pid)
    end
  end

  # --- changes ----------------------------------------------------------------

  # Each BEAM changes its own replicas and those of the coppices by closures of its release; the
  # coppices are also given data.
  defp change_everywhere(cluster) do
    labels =
      for {release, beam} <- cluster.beams, node <- [beam.node | coppices(cluster)] do
        label = fresh("#{release} at #{node}, ")

        call = fn name, function, args ->
          assert Beam.call(beam, Closures, function, [{name, node} | args]) == :ok
        end

        call.(:counter, :increment, [1])
        call.(:set, :add, [label])
        call.(:set, :add, ["gone"])
        call.(:set, :remove, ["gone"])
        call.(:list, :insert, [label])
        label
      end

    data =
      for node <- coppices(cluster) do
        label = fresh("at #{node}, ")
        :ok = mutate({:counter, node}, {:increment, [1]})
        :ok = mutate({:set, node}, {:add, [label]})
        :ok = mutate({:list, node}, {:insert_at, [0, label]})
        label
      end

    agree(%{cluster | labels: data ++ labels ++ cluster.labels})
  end

  defp coppices(cluster), do: for({_, c} <- cluster.coppices, do: c.node)
  defp mutate(server, operation), do: GenServer.call(server, {:mutate, operation})

  # Every replica has every change, and all have the list in the same order.
  defp agree(cluster) do
    nodes = Enum.map(Map.values(cluster.beams), & &1.node) ++ coppices(cluster)
    labels = Enum.sort(cluster.labels)

    eventually(
      fn ->
        for node <- nodes do
          assert value({:counter, node}) == length(labels)
          assert {:set, node} |> value() |> MapSet.to_list() |> Enum.sort() == labels
          assert {:list, node} |> value() |> Enum.sort() == labels
        end

        assert [_one] = nodes |> Enum.map(&value({:list, &1})) |> Enum.uniq()
      end,
      20_000
    )

    cluster
  end
end
