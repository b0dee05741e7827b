defmodule RestartTest do
  @moduledoc "What happens to a replica that ends, and to its node."
  use TestCase

  alias Coppice.PortOwner

  @software 70

  # With storage, so that the state is still there after a restart.
  setup do
    group = {:counter, fresh("g")}
    storage = %{file: Coppice.log_file("views") <> ".dets"}
    map = counter(group: group, storage: storage)
    c = Coppice.start(replicas: [views: map])
    {:ok, c: c, map: map, views: {:views, c.node}}
  end

  defp add(server, n), do: GenServer.call(server, {:mutate, {:increment, [n]}})
  defp whereis(server), do: server |> :sys.get_status() |> elem(1)

  defp kill(server) do
    pid = whereis(server)
    ref = Process.monitor(pid)
    Process.exit(pid, :kill)
    assert_receive {:DOWN, ^ref, :process, ^pid, :killed}, 5_000
    pid
  end

  describe "a replica that is killed" do
    test "is restarted with its storage, and that is logged", %{c: c, views: views} do
      :ok = add(views, 5)
      pid = kill(views)
      assert value(views) == 5
      assert whereis(views) != pid
      :ok = add(views, 2)
      assert value(views) == 7
      Coppice.logs(c, "warning views ended: killed; restarting it")
      assert Coppice.status(c).stopped == []
      assert Coppice.status(c).replicas.views.storage == :ready
    end

    test "is restarted if start_replica started it", %{c: c} do
      {:ok, pid} = Coppice.start_replica(c, :another, counter())
      Process.exit(pid, :kill)
      eventually(fn -> whereis({:another, c.node}) != pid end)
      assert value({:another, c.node}) == 0
    end

    test "loses nothing that was acknowledged while callers write", %{views: views} do
      writers = for _ <- 1..4, do: Task.async(fn -> write(views, 0, 0) end)
      eventually(fn -> value(views) > 0 end)
      kill(views)
      for w <- writers, do: send(w.pid, :stop)
      results = for w <- writers, do: Task.await(w, 20_000)
      acknowledged = results |> Enum.map(&elem(&1, 0)) |> Enum.sum()
      unanswered = results |> Enum.map(&elem(&1, 1)) |> Enum.sum()
      assert acknowledged > 0
      assert value(views) in acknowledged..(acknowledged + unanswered)
    end

    test "is a member of its group again", %{map: map} do
      beam = Beam.start(grove: :grove)

      settings = [
        scope: :grove,
        connect: [beam.node],
        replicas: [views: Map.delete(map, :storage)]
      ]

      c = Coppice.start(settings)
      views = {:views, c.node}
      there = Beam.replica(beam, actor: "b", group: map.group)
      :ok = add(views, 5)
      :ok = Server.sync_now(views)
      eventually(fn -> Beam.run(beam, fn -> value(there) == 5 end) end)
      # Without storage, what it had comes back from its peers.
      kill(views)
      eventually(fn -> value(views) == 5 end)
      :ok = add(views, 2)
      :ok = Server.sync_now(views)
      eventually(fn -> Beam.run(beam, fn -> value(there) == 7 end) end)
    end

    test "too often ends the node", %{c: c, views: views} do
      for _ <- 1..3, do: kill(views)
      assert value(views) == 0
      Process.exit(whereis(views), :kill)
      assert PortOwner.exit_status(c.owner) == @software
      Coppice.logs(c, ~r/ error views ended: killed; .*3 times.* 5 seconds/)
    end
  end

  # How many increments were acknowledged, and how many not answered.
  defp write(views, acknowledged, unanswered) do
    receive do
      :stop -> {acknowledged, unanswered}
    after
      0 ->
        try do
          :ok = add(views, 1)
          write(views, acknowledged + 1, unanswered)
        catch
          :exit, _ -> write(views, acknowledged, unanswered + 1)
        end
    end
  end

  describe "a replica that is stopped" do
    for {what, reason} <- [{"normal", :normal}, {"shutdown", :shutdown}, {"why", {:shutdown, 1}}] do
      test "by GenServer.stop, #{what}, stays stopped", %{c: c, views: views} do
        :ok = GenServer.stop(views, unquote(Macro.escape(reason)))
        stays_stopped(c)
      end
    end

    test "by stop_replica stays stopped until start_replica", %{c: c, map: map, views: views} do
      :ok = add(views, 5)
      :ok = Coppice.stop_replica(c, :views)
      stays_stopped(c)
      {:ok, _} = Coppice.start_replica(c, :views, map)
      assert Coppice.status(c).stopped == []
      assert value(views) == 5
    end

    test "by sys:terminate with another reason is restarted", %{c: c, views: views} do
      :sys.terminate(views, {:enough, 1})
      assert value(views) == 0
      Coppice.logs(c, "views ended: {enough,1}; restarting it")
    end

    test "with its node is not restarted", %{c: c} do
      assert Coppice.stop(c) == 0
      refute Coppice.log(c) =~ "views" |> then(&"#{&1} stopped")
      refute Coppice.log(c) =~ "restarting"
    end
  end

  defp stays_stopped(c) do
    assert Coppice.status(c).stopped == [:views]
    assert Coppice.status(c).replicas == %{}
    assert {:noproc, _} = exit_of(fn -> value({:views, c.node}) end)
    Coppice.logs(c, "info views stopped: ")
    refute Coppice.log(c) =~ "restarting"
  end

  describe "exit signals do not end a replica" do
    test "from a linked process that crashes", %{c: c, views: views} do
      pid = whereis(views)

      {crashing, ref} =
        spawn_monitor(fn ->
          Process.link(pid)
          value(pid)
          exit(:crash)
        end)

      assert_receive {:DOWN, ^ref, :process, ^crashing, :crash}, 5_000
      unharmed(c, views, pid)
    end

    test "from exit/2, but for kill", %{c: c, views: views} do
      pid = whereis(views)
      for reason <- [:shutdown, :boom, :normal, {:kill}], do: Process.exit(pid, reason)
      unharmed(c, views, pid)
    end

    test "while it is suspended", %{c: c, views: views} do
      pid = whereis(views)
      :ok = :sys.suspend(views)
      Process.exit(pid, :boom)
      :ok = :sys.resume(views)
      unharmed(c, views, pid)
      :ok = :sys.suspend(views)
      kill(views)
      assert value(views) == 0
    end
  end

  test "net_kernel and coppice are restarted as well", %{c: c} do
    for name <- [:net_kernel, :coppice], do: kill({name, c.node})
    assert Coppice.status(c).replicas.views
    Node.disconnect(c.node)
    assert :net_adm.ping(c.node) == :pong
  end

  # They are messages to it, which it ignores.
  defp unharmed(c, views, pid) do
    eventually(fn -> Coppice.status(c).replicas.views.ignored > 0 end)
    assert value(views) == 0
    assert whereis(views) == pid
  end
end
