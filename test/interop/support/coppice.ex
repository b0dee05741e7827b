defmodule Coppice do
  @moduledoc """
  A coppice beside the emulator: started from a configuration, stopped, killed,
  and its commands.  One that a story leaves running is stopped by SIGTERM when
  the story ends, and must then exit with 0.
  """

  import ExUnit.Assertions

  alias Coppice.Keeper

  defstruct [:node, :port, :keeper, :os_pid, :log]

  @doc """
  Starts one and waits until it is ready.  Settings are those of the
  configuration, `replicas: [name: map]` for its replicas.  Options: `env`,
  `cookie`, `args`, `wrap` (a command to stand before it).
  """
  def start(settings \\ [], opts \\ []) do
    coppice = launch(settings, opts)
    ExUnit.Callbacks.on_exit(fn -> finish(coppice) end)
    coppice
  end

  defp launch(settings, opts) do
    settings = Keyword.put_new_lazy(settings, :node, &name/0)
    settings |> config_text() |> config_file() |> launch_file(log_file(settings[:node]), opts)
  end

  @doc "A name that no other node has, for one that is started more than once."
  def name, do: :"#{Story.fresh("c")}@127.0.0.1"

  @doc "Starts one from a file, without a story around it: the caller stops it."
  def launch_file(config, log, opts \\ []) do
    args = ["run", "-c", config, "--owned" | opts[:args] || []]
    command = (opts[:wrap] || []) ++ command(args)
    {:ok, keeper} = GenServer.start(Keeper, {command, env(opts), log})

    case Keeper.ready(keeper) do
      {:ready, node, port, os_pid} ->
        %Coppice{node: node, port: port, keeper: keeper, os_pid: os_pid, log: log}

      {:exit, status} ->
        flunk("exit #{status} before it was ready: #{File.read!(log)}")
    end
  end

  @doc "The configuration as text: a term a line."
  def config_text(settings) do
    settings = Keyword.put_new(settings, :listen, %{port: 0, address: ~c"127.0.0.1"})
    {replicas, settings} = Keyword.pop(settings, :replicas, [])
    terms = settings ++ for {name, map} <- replicas, do: {:replica, name, map}
    Enum.map(terms, &:io_lib.format("~0p.~n", [&1]))
  end

  @doc "Asks it to stop by SIGTERM and answers its exit status."
  def stop(coppice) do
    signal(coppice, "TERM")
    Keeper.exit_status(coppice.keeper)
  end

  @doc "Ends it without a chance to say good-bye."
  def kill(coppice) do
    signal(coppice, "KILL")
    Keeper.exit_status(coppice.keeper)
    coppice.node
  end

  def signal(coppice, name), do: Story.signal(coppice.os_pid, name)

  defp finish(coppice) do
    unless Keeper.gone?(coppice.keeper) do
      status = stop(coppice)

      if status != 0 do
        flunk("exit #{inspect(status)}, see #{coppice.log}: #{log(coppice)}")
      end
    end
  after
    GenServer.stop(coppice.keeper)
  end

  @doc "Writes a configuration to a file of the story's."
  def config_file(text) do
    file = log_file("config#{System.unique_integer([:positive])}")
    File.write!(file, text)
    file
  end

  @doc "What it has said on standard error so far."
  def log(coppice), do: File.read!(coppice.log)

  @doc "What its own server says about it."
  def status(coppice) do
    {:ok, status} = GenServer.call({:coppice, coppice.node}, :status)
    status
  end

  @doc "How many structs that replica has refused."
  def refused(coppice, name), do: status(coppice).replicas[name].refused

  def start_replica(coppice, name, map) do
    GenServer.call({:coppice, coppice.node}, {:start_replica, name, map})
  end

  def stop_replica(coppice, name) do
    GenServer.call({:coppice, coppice.node}, {:stop_replica, name})
  end

  @doc "Runs a command to its end: `{exit status, standard output, standard error}`."
  def run(args, opts \\ []) do
    errors = log_file("command#{System.unique_integer([:positive])}")
    shell = ["-c", ~S(exec "$@" 2>"$0" </dev/null), errors | command(args)]
    {output, status} = System.cmd("/bin/sh", shell, env: env(opts))
    {status, output, File.read!(errors)}
  end

  @doc "Runs a command that has to fail, and say why: `{exit status, standard error}`."
  def fail(args, opts \\ []) do
    {status, output, errors} = run(args, opts)
    assert status != 0
    assert output == ""
    assert errors != ""
    {status, errors}
  end

  @doc "The program and its arguments, with what is to stand before them."
  def command(args) do
    program = Path.expand(System.get_env("COPPICE", "priv/coppice"))
    wrap = String.split(System.get_env("COPPICE_WRAP", ""))
    wrap ++ [program | Enum.map(args, &to_string/1)]
  end

  @doc "The environment of a coppice: it knows the suites' cookie unless told otherwise."
  def env(opts) do
    [{"COPPICE_COOKIE", to_string(opts[:cookie] || Node.get_cookie())} | opts[:env] || []]
  end

  @doc "A file for what `name` says, in the folder of the story that is being told."
  def log_file(name) do
    {module, story} = Process.get(:story, {"demo", "demo"})
    folder = Enum.map([inspect(module), story], &String.replace("#{&1}", ~r/[^a-z0-9]+/i, "_"))
    ebin = __MODULE__ |> :code.which() |> Path.dirname()
    path = Path.join([ebin, "../log" | folder] ++ ["#{name}.log"])
    File.mkdir_p!(Path.dirname(path))
    File.touch!(path)
    Path.expand(path)
  end
end
