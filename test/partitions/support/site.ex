defmodule Partitions.Site do
  @moduledoc """
  A site of the network: a BEAM with Grove replicas, or a coppice with storage and a BEAM whose
  writers change its replicas.  That BEAM outlives the coppice, and is controlled over standard
  I/O, so that cuts do not affect control.
  """

  alias Coppice.PortOwner
  alias Grove.Counter.GCounter
  alias Grove.Sequence.RGA
  alias Grove.Set.ORSet
  alias Partitions.{Network, Writer}

  defstruct [:name, :kind, :place, :node, :actor, :folder, :connect, :peer, :os_pid, :owner]

  @kinds [counter: GCounter, set: ORSet, list: RGA]
  @short [counter: :gcounter, set: :or_set, list: :rga]
  @sync_ms 500
  @ticktime_s 4

  # A change to Grove's sets and lists costs time in proportion to their size, so a longer run
  # fills them more slowly.
  @pause_ms [counter: 10, set: 60, list: 60]

  def kinds, do: Keyword.keys(@kinds)

  @doc "Reconnects a BEAM to the others, as libcluster would."
  def dial(nodes), do: for(node <- nodes, do: spawn(Node, :connect, [node]))

  @doc "Makes the network place of a site; nothing runs there yet."
  def open(name, kind, number, folder) do
    place = Network.open(number)
    node = :"#{name}@#{place.address}"
    %__MODULE__{name: name, kind: kind, place: place, node: node, actor: name, folder: folder}
  end

  @doc "Starts its node and its writers.  `connect`: the nodes that it dials."
  def start(%{kind: :beam} = site, connect, slowness) do
    site = start_beam(%{site | connect: connect}, site.name)
    {:ok, _} = call(site, Application, :ensure_all_started, [:grove])
    {:ok, _} = call(site, :timer, :apply_interval, [1000, __MODULE__, :dial, [connect]])

    for {kind, type} <- @kinds do
      opts = [
        crdt_module: type,
        actor: site.actor,
        group: kind,
        name: kind,
        sync_interval: @sync_ms
      ]

      :ok = call(site, Writer, :replicate, [opts])
    end

    write(site, :closure, slowness)
  end

  def start(%{kind: :coppice} = site, connect, slowness) do
    beam = Task.async(fn -> start_beam(site, "of_#{site.name}") end)
    site = start_coppice(%{site | connect: connect})
    %{peer: peer} = Task.await(beam, 60_000)
    write(%{site | peer: peer}, :data, slowness)
  end

  defp write(site, via, slowness) do
    for {kind, pause_ms} <- @pause_ms do
      pause_ms = if kind == :counter, do: pause_ms, else: pause_ms * slowness
      opts = [kind: kind, actor: site.actor, server: {kind, site.node}, via: via]
      {:ok, _} = call(site, Writer, :start, [[pause_ms: pause_ms] ++ opts])
    end

    site
  end

  defp start_beam(site, name) do
    [nsenter | inside] = Network.inside(site.place)

    {:ok, peer, _node} =
      :peer.start(%{
        name: to_charlist(name),
        host: to_charlist(site.place.address),
        longnames: true,
        connection: :standard_io,
        wait_boot: 60_000,
        exec: {to_charlist(nsenter), Enum.map(inside ++ ["erl"], &to_charlist/1)},
        args: Enum.map(args(site), &to_charlist/1)
      })

    site = %{site | peer: peer}
    {:ok, _} = call(site, :application, :ensure_all_started, [:elixir])
    :ok = call(site, :logger, :set_primary_config, [:level, :none])
    if site.kind == :beam, do: %{site | os_pid: call(site, :os, :getpid, [])}, else: site
  end

  defp args(site) do
    paths =
      for module <- [Grove.Application, String, Coppice, Writer], do: ["-pa", folder(module)]

    ["-setcookie", "#{Node.get_cookie()}", "-start_epmd", "false", "+S", "1", "+sbwt", "none"] ++
      ["-kernel", "net_ticktime", "#{@ticktime_s}"] ++
      if(site.kind == :beam, do: [], else: ["-hidden"]) ++ List.flatten(paths)
  end

  defp folder(module), do: module |> :code.which() |> Path.dirname()

  @doc "Starts the coppice of a site, on its old files if it has run before."
  def start_coppice(site) do
    config = Path.join(site.folder, "#{site.name}.config")
    log = Path.join(site.folder, "#{site.name}.log")
    File.write!(config, Coppice.config_text(settings(site)))
    command = Network.inside(site.place) ++ Coppice.command(["run", "-c", config, "--owned"])
    {:ok, owner} = GenServer.start(PortOwner, {command, Coppice.env([]), log})

    case PortOwner.ready(owner) do
      {:ready, _node, _port, os_pid} -> %{site | owner: owner, os_pid: os_pid}
      {:exit, status} -> raise "#{site.name}: exit #{status} before it was ready, see #{log}"
    end
  end

  defp settings(site) do
    [
      node: site.node,
      listen: %{port: 0, address: to_charlist(site.place.address)},
      scope: :grove,
      net_ticktime: @ticktime_s,
      connect: site.connect,
      follow: true,
      replicas: for({kind, type} <- @short, do: {kind, replica(site, kind, type)})
    ]
  end

  defp replica(site, kind, type) do
    %{
      crdt: type,
      actor: site.actor,
      group: kind,
      sync_interval: @sync_ms,
      anti_entropy_interval: 2000,
      snapshot_interval: 5000,
      storage: %{file: Path.join(site.folder, "#{site.name}.dets")}
    }
  end

  @doc "Whether its coppice or BEAM is running."
  def up?(site), do: site.os_pid != nil

  @doc "kill -9.  A BEAM loses its replicas; its successor must be another actor."
  def kill(%{kind: :coppice} = site) do
    TestCase.signal(site.os_pid, "KILL")
    _ = PortOwner.exit_status(site.owner)
    gone(site)
  end

  def kill(%{kind: :beam} = site) do
    ref = Process.monitor(site.peer)
    TestCase.signal(site.os_pid, "KILL")
    receive(do: ({:DOWN, ^ref, _, _, _} -> %{site | os_pid: nil, peer: nil}))
  end

  @doc "SIGTERM; the coppice must exit with 0."
  def stop(site) do
    TestCase.signal(site.os_pid, "TERM")
    status = PortOwner.exit_status(site.owner)
    if status != 0, do: raise("#{site.name}: exit #{inspect(status)} after SIGTERM")
    gone(site)
  end

  defp gone(site) do
    GenServer.stop(site.owner)
    %{site | os_pid: nil, owner: nil}
  end

  @doc "The violations of its own node, by the ledgers of its writers."
  def violations(site) do
    for kind <- kinds(),
        {_ledger, violations} = call(site, Writer, :check, [kind]),
        violation <- violations,
        do: "#{site.name}: #{violation}"
  end

  @doc "Pauses the writers and returns their ledgers."
  def pause(site), do: for(kind <- kinds(), do: call(site, Writer, :pause, [kind]))

  def resume(site), do: for(kind <- kinds(), do: call(site, Writer, :resume, [kind]))

  @doc "The contents of its replicas, by kind."
  def contents(site) do
    Map.new(kinds(), &{&1, call(site, Writer, :contents, [&1, {&1, site.node}])})
  end

  def call(site, module, function, args) do
    :peer.call(site.peer, module, function, args, 90_000)
  end
end
