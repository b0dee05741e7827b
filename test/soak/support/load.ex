defmodule Soak.Load do
  @moduledoc """
  A few hundred requests a second, from processes that live as long as the load, or come and go.
  Requests to a node that is down fail, and are made again.
  """

  alias Soak.{Cluster, Ledger, Replicas}

  @call_ms 5_000

  # What comes and goes is mostly at c1, whose memory is measured.
  @visit_ms [c1: 100, c2: 500, c3: 500]
  @command_ms [c1: 1_000, c2: 7_000]

  @doc "Starts the load; returns its processes."
  def start do
    places = for id <- Cluster.names(), name <- Replicas.names(), do: {name, id}
    writers = for {name, _} = place <- places, do: every(Replicas.pause_ms(name), &write/1, place)
    readers = for id <- Cluster.coppices(), _ <- 1..3, do: every(100, &read/1, id)
    visitors = for {id, ms} <- @visit_ms, do: every(ms, &visit/1, id)
    status = for id <- Cluster.coppices(), do: every(1_000, &status/1, id)
    commands = for {id, ms} <- @command_ms, do: every(ms, &command/1, id)
    writers ++ readers ++ visitors ++ status ++ commands
  end

  @doc "Ends them, each after its current request."
  def stop(load) do
    for pid <- load, do: send(pid, :stop)

    for pid <- load do
      ref = Process.monitor(pid)
      receive(do: ({:DOWN, ^ref, _, _, _} -> :ok))
    end
  end

  # Calls `fun` again and again, with pauses of `ms` on average.
  defp every(ms, fun, arg), do: spawn(fn -> repeat(ms, fun, arg) end)

  defp repeat(ms, fun, arg) do
    receive do
      :stop -> :ok
    after
      Enum.random(0..(2 * ms)) ->
        attempt(fun, arg)
        repeat(ms, fun, arg)
    end
  end

  defp attempt(fun, arg) do
    fun.(arg)
  catch
    :exit, _ -> Ledger.did(:failed_calls)
  end

  # --- one request each ---------------------------------------------------------

  defp write({name, id}) do
    server = {name, Cluster.node_of(id)}
    change = Replicas.change(name)
    Ledger.asked(server, change)

    case mutate(server, form(id, change)) do
      :ok -> Ledger.acknowledged(server, change)
      _ -> Ledger.unanswered(server)
    end
  end

  defp mutate(server, change) do
    GenServer.call(server, {:mutate, change}, @call_ms)
  catch
    :exit, _ -> :unanswered
  end

  # Grove takes funs only; a coppice gets some, too.
  defp form(:b, change), do: Replicas.closure(change)
  defp form(_, change), do: if(:rand.uniform(10) == 1, do: Replicas.closure(change), else: change)

  defp read(id) do
    server = {Enum.random(Replicas.names()), Cluster.node_of(id)}
    {:ok, _} = GenServer.call(server, Enum.random([:value, :value, :value, :state]), @call_ms)
    Ledger.did(:reads)
  end

  defp status(id) do
    {:ok, %{}} = GenServer.call({:coppice, Cluster.node_of(id)}, :status, @call_ms)
    Ledger.did(:status_requests)
  end

  # A process that links itself to a replica, monitors it, subscribes, and ends after a while.
  defp visit(id) do
    server = {Enum.random(Replicas.names()), Cluster.node_of(id)}
    spawn(fn -> attempt(&stay/1, server) end)
    Ledger.did(:visitors)
  end

  defp stay({name, node} = server) do
    Process.flag(:trap_exit, true)
    pid = :rpc.call(node, :erlang, :whereis, [name], @call_ms)
    if is_pid(pid), do: Process.link(pid)
    monitor = Process.monitor(server)
    {:ok, ref} = GenServer.call(server, {:subscribe, self()}, @call_ms)
    listen(System.monotonic_time(:millisecond) + Enum.random(0..5_000))

    # Half of them leave without a word.
    if :rand.uniform(2) == 1 do
      GenServer.call(server, {:unsubscribe, ref}, @call_ms)
      Process.demonitor(monitor)
    end
  end

  defp listen(until) do
    receive do
      {:coppice_changed, _, _, _} ->
        Ledger.did(:changes_told)
        listen(until)
    after
      max(0, until - System.monotonic_time(:millisecond)) -> :ok
    end
  end

  defp command(id) do
    {name, arguments} = Enum.random(status: [], status: [], value: [:gset], state: [:or_map])
    [program | args] = Coppice.command([name, Cluster.node_of(id) | arguments])
    {_, exit} = System.cmd(program, args, env: Coppice.env([]), stderr_to_stdout: true)
    Ledger.did(if exit == 0, do: :commands, else: :failed_commands)
  end
end
