defmodule Coppice.PortOwner do
  @moduledoc """
  Owns the port of one coppice, so that the port's messages do not end up in the
  mailbox of a test.  Standard error goes to a file: a port has no second stream.
  """
  use GenServer

  defstruct [:port, :os_pid, :ready, :exit, waiting: []]

  @doc "`{:ready, node, port, os_pid}`, or `{:exit, status}` if it ended before that."
  def ready(owner), do: GenServer.call(owner, :ready, 20_000 * TestCase.slowdown())

  @doc "Waits for its exit status; `:still_running` after a timeout."
  def exit_status(owner) do
    GenServer.call(owner, :exit, 10_000 * TestCase.slowdown())
  catch
    :exit, {:timeout, _} -> :still_running
  end

  def gone?(owner), do: GenServer.call(owner, :gone?)

  @impl true
  def init({command, env, log}) do
    env = for {name, value} <- env, do: {String.to_charlist(name), String.to_charlist(value)}
    # exec, so that the process that the port knows and signals is the coppice.
    args = ["-c", ~S(exec "$@" 2>>"$0"), log | command]
    opts = [:binary, :exit_status, line: 4096, args: args, env: env]
    port = Port.open({:spawn_executable, "/bin/sh"}, opts)
    {:os_pid, os_pid} = Port.info(port, :os_pid)
    {:ok, %__MODULE__{port: port, os_pid: os_pid}}
  end

  @impl true
  def handle_call(:gone?, _from, state), do: {:reply, state.exit != nil, state}

  def handle_call(what, from, state) do
    {:noreply, answer(%{state | waiting: [{what, from} | state.waiting]})}
  end

  @impl true
  def handle_info({port, {:data, {:eol, "ready " <> rest}}}, %{port: port} = state) do
    [node, number] = String.split(rest)
    node = node |> String.trim("'") |> String.to_atom()
    {:noreply, answer(%{state | ready: {:ready, node, String.to_integer(number), state.os_pid}})}
  end

  def handle_info({port, {:exit_status, status}}, %{port: port} = state) do
    {:noreply, answer(%{state | exit: status})}
  end

  def handle_info({port, {:data, _other}}, %{port: port} = state), do: {:noreply, state}

  defp answer(state) do
    {answered, waiting} = Enum.split_with(state.waiting, fn {what, _} -> known(what, state) end)
    for {what, from} <- answered, do: GenServer.reply(from, known(what, state))
    %{state | waiting: waiting}
  end

  defp known(:ready, %{ready: nil, exit: status}) when status != nil, do: {:exit, status}
  defp known(:ready, state), do: state.ready
  defp known(:exit, state), do: state.exit

  # A failed test leaves no process behind.
  @impl true
  def terminate(_reason, %{exit: nil, os_pid: os_pid}) do
    TestCase.signal(os_pid, "KILL")
  end

  def terminate(_reason, _state), do: :ok
end
