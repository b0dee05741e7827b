defmodule Coppice do
  @moduledoc """
  A coppice process: starting it from a configuration, stopping, killing, and
  the commands.  One that a test leaves running is stopped by SIGTERM when the
  test ends, and must then exit with 0.
  """

  import ExUnit.Assertions

  alias Coppice.PortOwner

  defstruct [:node, :port, :owner, :os_pid, :log]

  @doc """
  Starts one and waits until it is ready.  Settings are those of the
  configuration, with `replicas: [name: map]` for its replicas.  Options: `env`,
  `cookie`, `args`, `wrap` (a command prefix).
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

  @doc "A unique node name, for a coppice that is started more than once."
  def name, do: :"#{TestCase.fresh("c")}@127.0.0.1"

  @doc "Starts one from a file, outside a test: the caller must stop it."
  def launch_file(config, log, opts \\ []) do
    args = ["run", "-c", config, "--owned" | opts[:args] || []]
    command = (opts[:wrap] || []) ++ command(args)
    {:ok, owner} = GenServer.start(PortOwner, {command, env(opts), log})

    case PortOwner.ready(owner) do
      {:ready, node, port, os_pid} ->
        %Coppice{node: node, port: port, owner: owner, os_pid: os_pid, log: log}

      {:exit, status} ->
        flunk("exit #{status} before it was ready: #{File.read!(log)}")
    end
  end

  @doc "The configuration as text, one term per line."
  def config_text(settings) do
    settings = Keyword.put_new(settings, :listen, %{port: 0, address: ~c"127.0.0.1"})
    {replicas, settings} = Keyword.pop(settings, :replicas, [])
    terms = settings ++ for {name, map} <- replicas, do: {:replica, name, map}
    Enum.map(terms, &:io_lib.format("~0p.~n", [&1]))
  end

  @doc "Stops it by SIGTERM and returns its exit status."
  def stop(coppice) do
    signal(coppice, "TERM")
    PortOwner.exit_status(coppice.owner)
  end

  @doc "Kills it by SIGKILL and returns its node name."
  def kill(coppice) do
    signal(coppice, "KILL")
    PortOwner.exit_status(coppice.owner)
    coppice.node
  end

  def signal(coppice, name), do: TestCase.signal(coppice.os_pid, name)

  @doc "Stops it, at the end of a test."
  def finish(coppice) do
    unless PortOwner.gone?(coppice.owner) do
      status = stop(coppice)

      if status != 0 do
        flunk("exit #{inspect(status)}, see #{coppice.log}: #{log(coppice)}")
      end
    end
  after
    GenServer.stop(coppice.owner)
  end

  @doc "Writes a configuration to a file in the test's folder."
  def config_file(text) do
    file = log_file("config#{System.unique_integer([:positive])}")
    File.write!(file, text)
    file
  end

  @doc "Its standard error so far, without lines that it has not written yet."
  def log(coppice), do: File.read!(coppice.log)

  @doc "Waits until its standard error contains a text or matches a pattern; returns all of it."
  def logs(coppice, wanted) do
    TestCase.eventually(fn ->
      log = log(coppice)
      assert log =~ wanted
      log
    end)
  end

  @doc "The reply of its `coppice` server to `:status`."
  def status(coppice) do
    {:ok, status} = GenServer.call({:coppice, coppice.node}, :status)
    status
  end

  @doc "How many structs the replica has refused."
  def refused(coppice, name), do: status(coppice).replicas[name].refused

  def start_replica(coppice, name, map) do
    GenServer.call({:coppice, coppice.node}, {:start_replica, name, map})
  end

  def stop_replica(coppice, name) do
    GenServer.call({:coppice, coppice.node}, {:stop_replica, name})
  end

  @doc "Runs a command: `{exit status, standard output, standard error}`."
  def run(args, opts \\ []) do
    errors = log_file("command#{System.unique_integer([:positive])}")
    shell = ["-c", ~S(exec "$@" 2>"$0" </dev/null), errors | command(args)]
    {output, status} = System.cmd("/bin/sh", shell, env: env(opts))
    {status, output, File.read!(errors)}
  end

  @doc "Runs a command that must fail with a message: `{exit status, standard error}`."
  def fail(args, opts \\ []) do
    {status, output, errors} = run(args, opts)
    assert status != 0
    assert output == ""
    assert errors != ""
    {status, errors}
  end

  @doc "The program and its arguments, after COPPICE_WRAP."
  def command(args) do
    program = Path.expand(System.get_env("COPPICE", "priv/coppice"))
    wrap = String.split(System.get_env("COPPICE_WRAP", ""))
    wrap ++ [program | Enum.map(args, &to_string/1)]
  end

  @doc "The environment of a coppice, with the suites' cookie by default."
  def env(opts) do
    [{"COPPICE_COOKIE", to_string(opts[:cookie] || Node.get_cookie())} | opts[:env] || []]
  end

  @doc "A file for the output of `name`, in the folder of the current test."
  def log_file(name) do
    {module, test} = Process.get(:test_name, {"demo", "demo"})
    folder = Enum.map([inspect(module), test], &String.replace("#{&1}", ~r/[^a-z0-9]+/i, "_"))
    ebin = __MODULE__ |> :code.which() |> Path.dirname()
    path = Path.join([ebin, "../log" | folder] ++ ["#{name}.log"])
    File.mkdir_p!(Path.dirname(path))
    File.touch!(path)
    Path.expand(path)
  end
end
