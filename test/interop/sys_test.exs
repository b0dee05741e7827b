defmodule SysTest do
  @moduledoc "A replica as an OTP process: sys, GenServer.stop, monitors, links."
  use TestCase

  setup do
    c = Coppice.start(replicas: [views: counter()])
    {:ok, pid} = Coppice.start_replica(c, :another, counter())
    {:ok, c: c, views: {:views, c.node}, pid: pid}
  end

  # Links to it and traps exits.
  defp linked(pid) do
    Process.flag(:trap_exit, true)
    Process.link(pid)
    {:ok, 0} = GenServer.call(pid, :value)
    pid
  end

  describe "sys" do
    test "shows the state", %{views: views} do
      :ok = GenServer.call(views, {:mutate, {:increment, [5]}})
      assert %Server{crdt_state: crdt} = :sys.get_state(views)
      assert GCounter.value(crdt) == 5
    end

    test "shows the status", %{pid: pid} do
      assert {:status, ^pid, {:module, module}, [pdict, :running, _, _, _]} = :sys.get_status(pid)
      assert is_atom(module)
      assert is_list(pdict)
    end

    test "suspends: calls wait until the replica is resumed", %{views: views} do
      :ok = :sys.suspend(views)
      assert {:status, _, _, [_, :suspended | _]} = :sys.get_status(views)
      call = Task.async(fn -> GenServer.call(views, {:mutate, :increment}) end)
      refute Task.yield(call, 100)

      :ok = :sys.resume(views)
      assert Task.await(call) == :ok
      assert value(views) == 1
    end

    test "may suspend and resume twice", %{views: views} do
      for _ <- 1..2, do: :ok = :sys.suspend(views)
      for _ <- 1..2, do: :ok = :sys.resume(views)
      assert value(views) == 0
    end

    test "terminates with the given reason", %{pid: pid} do
      ref = Process.monitor(pid)
      assert :sys.terminate(pid, {:enough, [1, "two"]}) == :ok
      assert_receive {:DOWN, ^ref, :process, ^pid, {:enough, [1, "two"]}}, 5_000
    end

    test "refuses an unknown system message", %{views: views} do
      assert {:error, _} = :gen.call(views, :system, :sing) |> elem(1)
      assert value(views) == 0
    end
  end

  describe "GenServer.stop" do
    test "stops a replica with reason normal", %{pid: pid} do
      ref = Process.monitor(pid)
      assert GenServer.stop(pid) == :ok
      assert_receive {:DOWN, ^ref, :process, ^pid, :normal}, 5_000
      assert {:noproc, _} = exit_of(fn -> GenServer.call(pid, :value) end)
    end

    test "stops it by name, with any reason", %{c: c} do
      whom = {:another, c.node}
      ref = Process.monitor(whom)
      assert GenServer.stop(whom, {:shutdown, "tired"}) == :ok
      assert_receive {:DOWN, ^ref, :process, ^whom, {:shutdown, "tired"}}, 5_000
    end

    test "exits with noproc for an unknown replica", %{c: c} do
      assert {:noproc, _} = exit_of(fn -> GenServer.stop({:nobody, c.node}) end)
    end

    test "works through Grove's Server.stop", %{pid: pid} do
      assert Server.stop(pid) == :ok
    end
  end

  describe "a monitor" do
    test "fires with noconnection when the node is killed", %{c: c, pid: pid} do
      by_pid = Process.monitor(pid)
      by_name = Process.monitor({:views, c.node})
      assert value(pid) == 0
      Coppice.kill(c)
      assert_receive {:DOWN, ^by_pid, :process, ^pid, :noconnection}, 5_000
      assert_receive {:DOWN, ^by_name, :process, {:views, _}, :noconnection}, 5_000
    end

    test "fires before the connection is closed when the node stops", %{c: c, pid: pid} do
      ref = Process.monitor(pid)
      assert value(pid) == 0
      assert Coppice.stop(c) == 0
      assert_receive {:DOWN, ^ref, :process, ^pid, reason}, 5_000
      assert reason != :noconnection
    end

    test "on an unknown name fires at once with noproc", %{c: c} do
      ref = Process.monitor({:nobody, c.node})
      assert_receive {:DOWN, ^ref, :process, {:nobody, _}, :noproc}, 5_000
    end

    test "that was removed does not fire", %{pid: pid} do
      kept = Process.monitor(pid)
      gone = Process.monitor(pid)
      Process.demonitor(gone)
      :ok = GenServer.stop(pid)
      assert_receive {:DOWN, ^kept, _, _, :normal}, 5_000
      refute_received {:DOWN, ^gone, _, _, _}
    end

    test "made many times fires as often", %{pid: pid} do
      refs = for _ <- 1..50, do: Process.monitor(pid)
      :ok = GenServer.stop(pid)
      for ref <- refs, do: assert_receive({:DOWN, ^ref, _, _, :normal}, 5_000)
    end
  end

  describe "a link" do
    test "exits with the reason of a stop", %{pid: pid} do
      linked(pid)
      :sys.terminate(pid, :enough)
      assert_receive {:EXIT, ^pid, :enough}, 5_000
    end

    test "exits with noconnection when the node is killed", %{c: c, pid: pid} do
      linked(pid)
      Coppice.kill(c)
      assert_receive {:EXIT, ^pid, :noconnection}, 5_000
    end

    test "that was removed sends no exit", %{pid: pid} do
      linked(pid)
      Process.unlink(pid)
      ref = Process.monitor(pid)
      :ok = GenServer.stop(pid)
      assert_receive {:DOWN, ^ref, _, _, :normal}, 5_000
      refute_received {:EXIT, _, _}
    end

    test "can be removed and made again many times", %{pid: pid} do
      for _ <- 1..20 do
        linked(pid)
        Process.unlink(pid)
      end

      linked(pid)
      :sys.terminate(pid, :enough)
      assert_receive {:EXIT, ^pid, :enough}, 5_000
      refute_received {:EXIT, _, _}
    end

    test "to a dead process exits with noproc", %{pid: pid} do
      :ok = GenServer.stop(pid)
      Process.flag(:trap_exit, true)
      Process.link(pid)
      assert_receive {:EXIT, ^pid, :noproc}, 5_000
    end

    test "of a caller that dies does not affect the node", %{c: c, pid: pid} do
      {caller, ref} = spawn_monitor(fn -> pid |> linked() |> exit() end)
      assert_receive {:DOWN, ^ref, :process, ^caller, _}, 5_000
      assert value({:views, c.node}) == 0
    end
  end
end
