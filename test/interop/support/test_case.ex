defmodule TestCase do
  @moduledoc "The case template of the suites: waiting, unique names, short forms of calls."

  alias Grove.Replication.Server

  defmacro __using__(_opts) do
    quote do
      use ExUnit.Case, async: true
      import TestCase

      alias Grove.Cluster.Membership, warn: false
      alias Grove.Counter.{GCounter, PNCounter}, warn: false
      alias Grove.Map.ORMap, warn: false
      alias Grove.Register.{LWWRegister, MVRegister}, warn: false
      alias Grove.Replication.Server, warn: false
      alias Grove.Sequence.RGA, warn: false
      alias Grove.Set.{DVVSet, GSet, ORSet, TwoPSet}, warn: false

      setup context do
        Process.put(:test_name, {context.module, context.test})
        :ok
      end
    end
  end

  @doc "The factor for time limits: a wrapper such as valgrind slows the program down."
  def slowdown, do: if(System.get_env("COPPICE_WRAP", "") == "", do: 1, else: 10)

  @doc "Waits until `fun` returns neither nil nor false and no assertion in it fails."
  def eventually(fun, limit_ms \\ 8_000) do
    poll(fun, now() + limit_ms * slowdown(), 5)
  end

  defp poll(fun, deadline, pause) do
    case attempt(fun) do
      {:ok, result} when result not in [nil, false] ->
        result

      failed ->
        if now() > deadline, do: give_up(failed)
        Process.sleep(pause)
        poll(fun, deadline, min(2 * pause, 100))
    end
  end

  defp attempt(fun) do
    {:ok, fun.()}
  rescue
    error in ExUnit.AssertionError -> {:raised, error}
  catch
    :exit, reason -> {:exited, reason}
  end

  defp give_up({:raised, error}), do: raise(error)
  defp give_up({_, last}), do: ExUnit.Assertions.flunk("timeout; the last result: #{inspect(last)}")

  @doc "The milliseconds that `fun` took, and its result."
  def timed(fun) do
    start = now()
    answer = fun.()
    {now() - start, answer}
  end

  @doc "The reason with which `fun` exits."
  def exit_of(fun) do
    fun.()
  catch
    :exit, reason -> reason
  else
    result -> ExUnit.Assertions.flunk("no exit, but #{inspect(result)}")
  end

  defp now, do: System.monotonic_time(:millisecond)

  @doc "A unique name for a node, group or scope."
  def fresh(prefix), do: "#{prefix}#{System.unique_integer([:positive])}"

  def fresh_atom(prefix), do: String.to_atom(fresh(prefix))

  @doc "The options of a replica that is alone in its group and syncs only on request."
  def counter(extra \\ []) do
    Map.merge(
      %{crdt: :gcounter, actor: "c", group: {:counter, fresh("g")}, sync_interval: 60_000},
      Map.new(extra)
    )
  end

  def value(server) do
    {:ok, value} = Server.value(server)
    value
  end

  def state(server) do
    {:ok, state} = Server.state(server)
    state
  end

  @doc "Waits until all of them have this value."
  def all_reach(servers, value) do
    eventually(fn -> Enum.map(servers, &value/1) == Enum.map(servers, fn _ -> value end) end)
  end

  @doc "Sends a Unix signal; by the shell, since not every system has kill as a program."
  def signal(os_pid, name) do
    System.cmd("/bin/sh", ["-c", "kill -#{name} #{os_pid}"], stderr_to_stdout: true)
  end

  @doc false
  def out_of_time(limit) do
    IO.puts(:stderr, "the suites took more than #{limit} seconds")
    System.halt(1)
  end
end
