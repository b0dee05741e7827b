defmodule Beam do
  @moduledoc """
  Another BEAM node.  It is controlled over standard I/O: that makes no node
  connection, and survives lost connections.  It ends with the process that
  started it.
  """

  alias Grove.Counter.GCounter
  alias Grove.Replication.Server

  defstruct [:node, :peer, :os_pid]

  @doc """
  Options: `name`, `host`, `cookie`, `hidden` (default false), `kernel` (parameters),
  `args` (more of the emulator's), `epmd` (a port), `grove` (the scope to start Grove with;
  true: Grove's default scope; false: Grove is not even on the code path).  For another release
  than this node's: `exec` (a command in place of `erl`, with its arguments) and `folders` (of its
  Elixir, and of Grove as compiled there).
  """
  def start(opts \\ []) do
    name = Keyword.get_lazy(opts, :name, fn -> TestCase.fresh("b") end)

    settings = %{
      name: String.to_charlist(name),
      host: to_charlist(opts[:host] || "127.0.0.1"),
      longnames: true,
      connection: :standard_io,
      wait_boot: 20_000,
      args: Enum.map(args(opts), &String.to_charlist/1),
      env: for(port <- List.wrap(opts[:epmd]), do: {~c"ERL_EPMD_PORT", ~c"#{port}"})
    }

    {:ok, peer, node} = :peer.start_link(Map.merge(settings, exec(opts[:exec])))

    beam = %Beam{node: node, peer: peer}
    {:ok, _} = call(beam, :application, :ensure_all_started, [:elixir])
    :ok = call(beam, :logger, :set_primary_config, [:level, :none])
    load_kept_code(beam)
    if opts[:grove], do: start_grove(beam, opts[:grove])
    %{beam | os_pid: os_pid(peer)}
  end

  defp exec(nil), do: %{}

  defp exec([program | args]) do
    %{exec: {String.to_charlist(program), Enum.map(args, &String.to_charlist/1)}}
  end

  # Not asked of the node itself, which may be in a namespace of processes.
  defp os_pid(peer) do
    {:links, links} = Process.info(peer, :links)
    [port] = Enum.filter(links, &is_port/1)
    {:os_pid, os_pid} = Port.info(port, :os_pid)
    os_pid
  end

  defp args(opts) do
    cookie = opts[:cookie] || Node.get_cookie()

    ["-setcookie", "#{cookie}", "-start_epmd", "false"] ++
      if(opts[:hidden], do: ["-hidden"], else: []) ++
      Enum.flat_map(opts[:kernel] || [], fn {key, x} -> ["-kernel", "#{key}", "#{x}"] end) ++
      Enum.flat_map(folders(opts), &["-pa", &1]) ++
      real_pubsub() ++
      Enum.map(opts[:args] || [], &to_string/1)
  end

  # The support code is this node's in any case, whose funs are run there.
  defp folders(opts) do
    grove = if opts[:grove] == false, do: [], else: [folder(Grove.Application)]
    [folder(Beam) | opts[:folders] || grove ++ [folder(String)]]
  end

  defp real_pubsub do
    for path <- List.wrap(System.get_env("PHOENIX_PUBSUB_PATH")), arg <- ["-pa", path], do: arg
  end

  defp folder(module), do: module |> :code.which() |> Path.dirname()

  @doc "Starts Grove there; `scope` is true for Grove's default."
  def start_grove(beam, scope) do
    # Set before Grove can be asked for its scope, and persistent, so that
    # loading the application does not reset it.
    persistent = [persistent: true]
    if scope != true, do: call(beam, Application, :put_env, [:grove, :scope, scope, persistent])
    true = call(beam, :code, :add_pathz, [String.to_charlist(folder(Grove.Application))])
    {:ok, _} = call(beam, Application, :ensure_all_started, [:grove])
  end

  @doc "Starts Phoenix.PubSub there, under this name."
  def start_pubsub(beam, name, opts \\ []) do
    run(beam, fn ->
      _ = :pg.start(Phoenix.PubSub)
      children = [{Phoenix.PubSub, [name: name, pool_size: 1] |> Keyword.merge(opts)}]
      {:ok, pid} = Supervisor.start_link(children, strategy: :one_for_one)
      Process.unlink(pid)
      pid
    end)
  end

  @doc "Starts a Grove replica there and returns its address."
  def replica(beam, opts) do
    defaults = [crdt_module: GCounter, name: TestCase.fresh_atom("r"), sync_interval: 60_000]
    opts = Keyword.merge(defaults, opts)

    run(beam, fn ->
      {:ok, pid} = Server.start_link(opts)
      Process.unlink(pid)
    end)

    {opts[:name], beam.node}
  end

  @doc "The size of the set of a replica there, computed there."
  def set_size(beam, {name, _node}), do: run(beam, fn -> MapSet.size(TestCase.value(name)) end)

  @doc "Runs `fun` there."
  def run(beam, fun), do: call(beam, :erlang, :apply, [fun, []])

  def call(beam, module, function, args) do
    :peer.call(beam.peer, module, function, args, 20_000 * TestCase.slowdown())
  end

  @doc "Keeps the suites' object code, which is in no file: nodes run their funs."
  def keep_code(modules), do: :persistent_term.put(__MODULE__, modules)

  defp load_kept_code(beam) do
    for {module, code} <- :persistent_term.get(__MODULE__, []) do
      {:module, _} = call(beam, :code, :load_binary, [module, ~c"suite", code])
    end
  end

  @doc "The nodes it is connected to: `:visible`, `:hidden` or `:connected` (both)."
  def nodes(beam, kind \\ :connected), do: call(beam, :erlang, :nodes, [kind])

  def ping(beam, node), do: call(beam, :net_adm, :ping, [node])
  def disconnect(beam, node), do: call(beam, :erlang, :disconnect_node, [node])

  @doc "The members of a group in that node's view."
  def members(beam, scope, group), do: call(beam, :pg, :get_members, [scope, group])

  @doc "Sends it a Unix signal, such as KILL."
  def signal(beam, name), do: TestCase.signal(beam.os_pid, name)

  @doc "Suspends it (SIGSTOP) until `thaw`; killed at the end of the test."
  def freeze(beam) do
    ExUnit.Callbacks.on_exit(fn -> signal(beam, "KILL") end)
    signal(beam, "STOP")
  end

  def thaw(beam), do: signal(beam, "CONT")
end
