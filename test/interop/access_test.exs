defmodule AccessTest do
  @moduledoc "Who may connect to a coppice (`allow`), and who may only read (`read_only`)."
  use TestCase

  # This node and those that a test has named; tests run at the same time under one cookie.
  defp allow(names), do: {:allow, [node() | names]}

  defp coppice(settings, replicas \\ [views: counter()]) do
    Coppice.start([replicas: replicas] ++ settings)
  end

  defp here(c), do: {:views, c.node}
  defp count(c, key), do: Coppice.status(c)[key]

  describe "allow" do
    test "refuses other nodes, with one line" do
      [one, two] = for _ <- 1..2, do: Beam.start()
      c = coppice([allow([one.node])])
      assert Beam.ping(one, c.node) == :pong
      assert Beam.ping(two, c.node) == :pang
      assert Coppice.logs(c, "#{two.node} disconnected: it is not among the nodes of allow")
      assert count(c, :not_allowed) >= 1
      assert Map.keys(Coppice.status(c).peers) |> Enum.sort() == Enum.sort([one.node, node()])
    end

    test "takes patterns" do
      [one, two] = for _ <- 1..2, do: Beam.start()
      [local | _] = String.split("#{one.node}", "@")
      c = coppice([allow([:"#{local}@*"])])
      assert Beam.ping(one, c.node) == :pong
      assert Beam.ping(two, c.node) == :pang
      c = coppice(allow: [:"*@127.0.0.1"])
      assert Beam.ping(two, c.node) == :pong
    end

    test "holds for commands, too" do
      c = coppice([allow([])])
      assert {_, errors} = Coppice.fail(["value", c.node, "views"])
      assert errors =~ "refuses"
      c = coppice([allow([:"-coppice_*@127.0.0.1"])])
      assert {0, "0\n", ""} = Coppice.run(["value", c.node, "views"])
    end

    test "holds for the nodes that it dials" do
      beam = Beam.start()
      c = coppice([allow([])])
      call = &GenServer.call({:coppice, c.node}, {:connect, &1})
      assert call.(beam.node) == {:error, :not_allowed}
      config = "{node, 'c1@127.0.0.1'}. {connect, ['web1@h']}. {allow, ['web2@h']}."
      assert {78, error} = Coppice.fail(["config", "check", Coppice.config_file(config)])
      assert error =~ "connect: 'web1@h' is not among the nodes of allow"
    end

    test "holds for the nodes that it follows" do
      [hub, other, friend] = for _ <- 1..3, do: Beam.start()
      for beam <- [other, friend], do: assert(Beam.ping(hub, beam.node) == :pong)
      names = [hub.node, friend.node]
      c = coppice([allow(names), connect: [hub.node], follow: true])
      eventually(fn -> Map.has_key?(Coppice.status(c).peers, friend.node) end)
      refute Map.has_key?(Coppice.status(c).peers, other.node)
    end
  end

  describe "a read-only node" do
    setup do
      reader = Beam.start(grove: true)
      c = coppice(read_only: [reader.node], scope: :grove)
      {:ok, reader: reader, c: c}
    end

    defp from(beam, message, c, name \\ :views) do
      Beam.call(beam, GenServer, :call, [{name, c.node}, message])
    end

    test "may read, and is shown as such", %{reader: reader, c: c} do
      :ok = GenServer.call(here(c), {:mutate, :increment})
      assert from(reader, :value, c) == {:ok, 1}
      assert {:ok, %GCounter{}} = from(reader, :state, c)
      assert from(reader, :sync_now, c) == :ok
      assert {:ok, _} = from(reader, :status, c, :coppice)
      assert %{actor: "c"} = Beam.call(reader, :sys, :get_state, [here(c)])
      assert count(c, :read_only) == 0
      assert Coppice.status(c).peers[reader.node].read_only
      refute Coppice.status(c).peers[node()].read_only
    end

    test "makes no mutations", %{reader: reader, c: c} do
      refused = {:error, :read_only}
      assert from(reader, {:mutate, :increment}, c) == refused
      assert from(reader, {:batch, [:increment]}, c) == refused
      assert from(reader, {:mutate_reply, :increment}, c) == refused
      assert from(reader, {:mutate, &GCounter.increment/1}, c) == refused
      assert from(reader, {:mutate, &GCounter.increment(&1, 5)}, c) == refused
      Beam.call(reader, GenServer, :cast, [here(c), {:mutate, :increment}])
      assert from(reader, :value, c) == {:ok, 0}
      eventually(fn -> count(c, :read_only) == 6 end)
    end

    test "sends no deltas", %{reader: reader, c: c} do
      delta = %{GCounter.new("x") | counts: %{"x" => 1}}

      Beam.run(reader, fn ->
        for message <- [
              {:grove_delta, delta, self()},
              {:grove_delta, delta},
              {:delta, delta},
              {:delta, delta, self()},
              {:"$gen_cast", {:grove_delta, delta, self()}}
            ] do
          send({:views, c.node}, message)
        end
      end)

      eventually(fn -> count(c, :read_only) == 5 end)
      assert from(reader, :value, c) == {:ok, 0}
      log = Coppice.logs(c, "may only read")
      assert length(String.split(log, "#{reader.node} may only read")) == 2
    end

    test "starts and stops nothing", %{reader: reader, c: c} do
      refused = {:error, :read_only}
      assert from(reader, {:start_replica, :x, counter()}, c, :coppice) == refused
      assert from(reader, {:stop_replica, :views}, c, :coppice) == refused
      assert from(reader, {:connect, :a@b}, c, :coppice) == refused
      assert Coppice.status(c).replicas |> Map.keys() == [:views]
      assert count(c, :read_only) == 3
    end

    test "controls no process", %{reader: reader, c: c} do
      pid = pid_of(c, :views)
      refused = {:error, :read_only}
      assert Beam.call(reader, :sys, :suspend, [here(c)]) == refused
      assert Beam.call(reader, :sys, :resume, [here(c)]) == refused
      assert Beam.call(reader, :sys, :terminate, [here(c), :normal]) == refused
      assert Beam.run(reader, fn -> raises?(fn -> GenServer.stop(here(c)) end) end)
      assert Beam.run(reader, fn -> raises?(fn -> :sys.replace_state(here(c), & &1) end) end)
      assert count(c, :read_only) >= 4
      assert pid == pid_of(c, :views)
      assert :ok = GenServer.call(here(c), {:mutate, :increment})
    end

    defp raises?(fun) do
      fun.()
      false
    catch
      _, _ -> true
    end

    test "ends no process", %{reader: reader, c: c} do
      names = [:views, :coppice, :net_kernel, :grove]
      pids = for name <- names, do: pid_of(c, name)

      Beam.run(reader, fn ->
        for pid <- pids, reason <- [:kill, :shutdown, :normal], do: Process.exit(pid, reason)
        # A process that is linked to one that traps no exits.
        spawn(fn ->
          for pid <- pids, do: Process.link(pid)
          exit(:crash)
        end)
      end)

      assert from(reader, :value, c) == {:ok, 0}
      assert pids == for(name <- names, do: pid_of(c, name))
    end

    defp pid_of(c, name) do
      {:status, pid, _, _} = :sys.get_status({name, c.node})
      pid
    end

    test "is sent the state, and not asked for its own", %{reader: reader} do
      group = {:counter, fresh("g")}
      there = Beam.replica(reader, actor: "reader", group: group)
      :ok = Beam.call(reader, Server, :mutate, [there, &GCounter.increment(&1, 7)])
      replicas = [views: counter(group: group, anti_entropy_interval: 100)]
      settings = [connect: [reader.node], read_only: [reader.node], scope: :grove]
      c = coppice(settings, replicas)
      :ok = GenServer.call(here(c), {:mutate, :increment})
      :ok = Server.sync_now(here(c))
      eventually(fn -> Beam.call(reader, Server, :value, [there]) == {:ok, 8} end)
      :ok = Beam.call(reader, Server, :sync_now, [there])
      eventually(fn -> count(c, :read_only) >= 1 end)
      eventually(fn -> Coppice.status(c).replicas.views.repairs >= 2 end)
      assert value(here(c)) == 1
    end

    test "may be a coppice" do
      group = {:counter, fresh("g")}
      options = %{group: group, sync_interval: 50, anti_entropy_interval: 100}
      reader = coppice([], views: counter(Map.put(options, :actor, "r")))
      :ok = GenServer.call(here(reader), {:mutate, {:increment, [7]}})
      settings = [connect: [reader.node], read_only: [reader.node]]
      c = coppice(settings, views: counter(options))
      :ok = GenServer.call(here(c), {:mutate, :increment})
      eventually(fn -> value(here(reader)) == 8 end)
      :ok = GenServer.call(here(reader), {:mutate, :increment})
      eventually(fn -> count(c, :read_only) >= 1 end)
      eventually(fn -> Coppice.status(c).replicas.views.repairs >= 2 end)
      assert value(here(c)) == 1
    end

    test "is heard on no topic" do
      pubsub = Module.concat(fresh("App"), "PubSub")
      id = fresh("g")
      reader = Beam.start(grove: true)
      Beam.start_pubsub(reader, pubsub)
      there = Beam.replica(reader, actor: "r", group: {:counter, id}, pubsub: pubsub)
      :ok = Beam.call(reader, Server, :mutate, [there, &GCounter.increment(&1, 7)])
      settings = [connect: [reader.node], read_only: [reader.node]]
      c = coppice(settings, views: counter(group: {:counter, id}, pubsub: pubsub))
      eventually(fn -> Coppice.status(c).replicas.views.peers == 1 end)
      :ok = Beam.call(reader, Server, :sync_now, [there])
      eventually(fn -> count(c, :read_only) >= 1 end)
      :ok = GenServer.call(here(c), {:mutate, :increment})
      :ok = Server.sync_now(here(c))
      eventually(fn -> Beam.call(reader, Server, :value, [there]) == {:ok, 8} end)
      assert value(here(c)) == 1
    end

    test "may be a shell's" do
      c = coppice(read_only: [:"-coppice_*@127.0.0.1"])
      assert {0, "0\n", ""} = Coppice.run(["value", c.node, "views"])
      assert {1, _, errors} = Coppice.run(["mutate", c.node, "views", "increment"])
      assert errors =~ "read_only"
      assert value(here(c)) == 0
    end
  end

  test "patterns are checked" do
    for wrong <- ["allow, 7", "allow, [web1]", "read_only, [\"\"]", "allow, ['a@b@c']"] do
      config = "{node, 'c1@127.0.0.1'}. {#{wrong}}."
      assert {78, error} = Coppice.fail(["config", "check", Coppice.config_file(config)])
      assert error =~ "node names"
    end
  end
end
