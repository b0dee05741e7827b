defmodule ApplicationNode do
  @moduledoc """
  A real application on a BEAM of its own, as its Debian package has it: started from
  the folder in which that was unpacked, with its data in a folder of this run.
  """
  use GenServer
  import ExUnit.Assertions

  @enforce_keys [:owner, :node]
  defstruct [:owner, :node]

  @doc """
  Starts the command and waits until `up?` is true of its node, for at most a minute.
  It ends with the caller.
  """
  def start(node, command, env, log, up?) do
    File.touch!(log)
    {:ok, owner} = GenServer.start_link(__MODULE__, {command, env, log})
    application = %ApplicationNode{owner: owner, node: node}

    TestCase.eventually(
      fn ->
        unless GenServer.call(owner, :running?), do: raise("#{node} ended: #{File.read!(log)}")
        up?.(node)
      end,
      60_000
    )

    application
  end

  @doc "Kills it by SIGKILL."
  def kill(application), do: finish(application, "KILL")

  @doc "Stops it by SIGTERM."
  def stop(application), do: finish(application, "TERM")

  defp finish(application, signal) do
    TestCase.signal(GenServer.call(application.owner, :os_pid), signal)
    :ok = GenServer.call(application.owner, :await_end, 30_000)
    :ok = GenServer.stop(application.owner)
  end

  @doc "`coppice call` of `rex` there: what the function returns."
  def call(node, module, function, arguments) do
    request = :io_lib.format("~0tp", [{:call, module, function, arguments, :user}])
    args = ["call", node, "rex", IO.chardata_to_string(request), "--timeout", "20000"]
    {status, out, err} = Coppice.run(args)
    if status == 0, do: {:ok, Terms.read(out)}, else: {:error, err}
  end

  @doc "The same of a call that must succeed."
  def call!(node, module, function, arguments) do
    assert {:ok, result} = call(node, module, function, arguments)
    result
  end

  @doc "The folder of `name` in this run, emptied."
  def folder(name) do
    folder = Path.expand("build/peers/data/#{name}")
    File.rm_rf!(folder)
    File.mkdir_p!(folder)
    folder
  end

  @impl true
  def init({command, env, log}) do
    Process.flag(:trap_exit, true)
    env = for {name, value} <- env, do: {to_charlist(name), to_charlist(value)}
    # A signal at the end of the suites' own node, however it ends.
    script = ~S(exec setpriv --pdeathsig KILL "$@" >>"$0" 2>&1)
    opts = [:binary, :exit_status, args: ["-c", script, log | command], env: env]
    port = Port.open({:spawn_executable, "/bin/sh"}, opts)
    {:os_pid, os_pid} = Port.info(port, :os_pid)
    {:ok, %{os_pid: os_pid, running: true, waiting: []}}
  end

  @impl true
  def handle_call(:os_pid, _from, state), do: {:reply, state.os_pid, state}
  def handle_call(:running?, _from, state), do: {:reply, state.running, state}
  def handle_call(:await_end, _from, %{running: false} = state), do: {:reply, :ok, state}

  def handle_call(:await_end, from, state) do
    {:noreply, %{state | waiting: [from | state.waiting]}}
  end

  @impl true
  def handle_info({_port, {:exit_status, _}}, state) do
    for from <- state.waiting, do: GenServer.reply(from, :ok)
    {:noreply, %{state | running: false, waiting: []}}
  end

  def handle_info(_other, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, state) do
    if state.running, do: TestCase.signal(state.os_pid, "KILL")
  end
end
