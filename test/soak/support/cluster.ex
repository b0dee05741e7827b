defmodule Soak.Cluster do
  @moduledoc """
  Three coppices, of which c1 is never killed, and a BEAM with Grove: starting, killing and
  reloading them, and what must hold in the end.
  """

  alias Grove.Counter.GCounter
  alias Soak.{Ledger, Replicas, Report}

  defstruct [:folder, lives: 0, nodes: %{}, settings: %{}]

  @coppices [:c1, :c2, :c3]
  # A BEAM whose start a busy machine delays too long is started again.
  @tries 3

  def coppices, do: @coppices
  def node_of(id), do: :"#{id}@127.0.0.1"
  def names, do: [:b | @coppices]

  @doc "Starts all four; their files are in `folder`."
  def start(folder) do
    File.rm_rf!(folder)
    File.mkdir_p!(folder)
    settings = Map.new(@coppices, &{&1, %{without: [], refused: [], sync_interval: 500}})
    cluster = %__MODULE__{folder: folder, settings: settings}
    cluster = Enum.reduce(names(), cluster, &start_node(&2, &1))
    :ok = GenServer.call({:or_map, node_of(:c1)}, {:mutate, Replicas.keys()})
    cluster
  end

  @doc "Starts one that is not running."
  def start_node(cluster, :b) do
    cluster = %{cluster | lives: cluster.lives + 1}
    # The closures of the load are this project's code.
    args = ["-pa", :code.which(Replicas) |> Path.dirname(), "+S", "1", "+sbwt", "none"]
    beam = again(@tries, fn -> Beam.start(name: "b", grove: :grove, args: args) end)

    # Grove has no storage here, so each start is another actor.
    for {name, type} <- Replicas.all() do
      opts = [name: name, crdt_module: type, group: name, actor: "b#{cluster.lives}"]
      Beam.replica(beam, opts ++ [sync_interval: 500])
    end

    put(cluster, :b, beam)
  end

  def start_node(cluster, id) do
    file = write_config(cluster, id)
    log = Path.join(cluster.folder, "#{id}.log")
    put(cluster, id, Coppice.launch_file(file, log))
  end

  defp again(1, fun), do: fun.()

  defp again(tries, fun) do
    fun.()
  rescue
    error ->
      Report.say("b has not started: #{Exception.message(error)}")
      again(tries - 1, fun)
  end

  defp put(cluster, id, node), do: %{cluster | nodes: Map.put(cluster.nodes, id, node)}

  defp write_config(cluster, id) do
    file = Path.join(cluster.folder, "#{id}.config")
    own = cluster.settings[id]
    others = for other <- names() -- [id | own.refused], do: node_of(other)
    allow = [node(), :"-coppice_*@127.0.0.1" | others]
    replicas = Replicas.settings(id, cluster.folder, own)
    settings = [node: node_of(id), scope: :grove, connect: others, allow: allow]
    settings = settings ++ [replicas: replicas]
    File.write!(file, Coppice.config_text(settings))
    file
  end

  @doc """
  Changes settings of a coppice and has it read them (SIGHUP): `refused`, nodes that it refuses;
  `without`, replicas that it does not have; `sync_interval`, that of the stored replica.
  """
  def reload(cluster, id, changes) do
    settings = Map.update!(cluster.settings, id, &Map.merge(&1, Map.new(changes)))
    cluster = %{cluster | settings: settings}
    write_config(cluster, id)
    Coppice.signal(cluster.nodes[id], "HUP")
    cluster
  end

  @doc "kill -9."
  def kill(cluster, :b) do
    %{peer: peer} = beam = cluster.nodes.b
    ref = Process.monitor(peer)
    Beam.signal(beam, "KILL")
    receive(do: ({:DOWN, ^ref, _, _, _} -> :ok))
    receive(do: ({:EXIT, ^peer, _} -> :ok))
    %{cluster | nodes: Map.delete(cluster.nodes, :b)}
  end

  def kill(cluster, id) do
    Coppice.kill(cluster.nodes[id])
    GenServer.stop(cluster.nodes[id].owner)
    %{cluster | nodes: Map.delete(cluster.nodes, id)}
  end

  @doc "SIGSTOP, SIGCONT."
  def signal(cluster, id, name), do: TestCase.signal(cluster.nodes[id].os_pid, name)

  @doc "Ends all; the coppices must exit with 0."
  def stop(cluster) do
    for id <- @coppices, do: Coppice.finish(cluster.nodes[id])
    kill(cluster, :b)
  end

  @doc "Where replicas differ, as sentences."
  def differences do
    for {name, type} <- Replicas.all(),
        values = for(id <- names(), do: {id, value(name, type, id)}),
        {_, first} = hd(values),
        {id, value} <- tl(values),
        value != first,
        do: "#{name} of #{id} differs from that of #{hd(names())}: #{Report.short(value)}"
  end

  defp value(name, type, id) do
    {:ok, value} = GenServer.call({name, node_of(id)}, :value, 15_000)
    Canonical.of(type, value)
  catch
    :exit, reason -> {id, reason}
  end

  @doc "Acknowledged counts that are missing, and counts that nobody asked for."
  def violations do
    kept = for(id <- @coppices, do: {:stored, id}) ++ [{:gcounter, :c1}]

    for {name, id} <- kept,
        server = {name, node_of(id)},
        {:ok, %GCounter{counts: counts}} = GenServer.call({name, node_of(:c1)}, :state),
        count = Map.get(counts, "#{id}", 0),
        [least, most] = for(what <- [:acknowledged, :asked], do: Ledger.get(server, what)),
        count not in least..most,
        do: "#{name} of #{id} counts #{count}; #{least} were acknowledged, #{most} requested"
  end
end
