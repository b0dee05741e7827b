defmodule RabbitmqTest do
  @moduledoc "RabbitMQ, as Debian has it, started with folders, ports and a name of its own."
  use TestCase
  import ApplicationNode, only: [call!: 4]

  @moduletag Needs.met("rabbitmq")

  setup_all do
    Process.put(:test_name, {__MODULE__, :broker})
    node = :"#{fresh("rabbit")}@127.0.0.1"
    folder = ApplicationNode.folder("rabbitmq")
    {:ok, node: node, folder: folder, broker: start(node, folder)}
  end

  defp start(node, folder) do
    root = Needs.folder("rabbitmq")
    [script] = Path.wildcard(root <> "/usr/lib/rabbitmq/lib/*/sbin/rabbitmq-server")
    File.write!(folder <> "/rabbitmq.conf", "listeners.tcp = none\nlog.console = false\n")
    File.write!(folder <> "/plugins", "[].\n")

    env = [
      {"HOME", folder},
      {"ERL_LIBS", root <> "/usr/lib/erlang/lib"},
      # The script runs the node in its own process, without handling signals itself.
      {"RUNNING_UNDER_SYSTEMD", "true"},
      {"RABBITMQ_NODENAME", node},
      {"RABBITMQ_USE_LONGNAME", "true"},
      {"RABBITMQ_DIST_PORT", Epmd.free_port()},
      {"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
       "-setcookie #{Node.get_cookie()} -start_epmd false"},
      {"RABBITMQ_MNESIA_BASE", folder <> "/mnesia"},
      {"RABBITMQ_LOG_BASE", folder <> "/log"},
      {"RABBITMQ_PID_FILE", folder <> "/pid"},
      {"RABBITMQ_ENABLED_PLUGINS_FILE", folder <> "/plugins"},
      {"RABBITMQ_CONFIG_FILE", folder <> "/rabbitmq.conf"},
      {"RABBITMQ_ADVANCED_CONFIG_FILE", folder <> "/advanced.config"},
      {"RABBITMQ_CONF_ENV_FILE", "/dev/null"}
    ]

    ApplicationNode.start(node, ["/bin/sh", script], env, Coppice.log_file("rabbitmq"), fn node ->
      ApplicationNode.call(node, :rabbit, :is_running, []) == {:ok, true}
    end)
  end

  defp declare(node, name) do
    queue = {:resource, "/", :queue, name}
    # Durable, not deleted by itself, without arguments, an owner, or a user to log.
    arguments = [queue, true, false, [], :none, "suite"]
    assert {:new, _queue} = call!(node, :rabbit_amqqueue, :declare, arguments)
  end

  test "ping", %{node: node} do
    assert {0, "pong\n", ""} = Coppice.run(["ping", node])
  end

  test "a coppice beside it is no member of its cluster, hidden or visible", %{node: node} do
    for visible <- [false, true] do
      c = Coppice.start(visible: visible, connect: [node], replicas: [views: counter()])
      eventually(fn -> Map.has_key?(Coppice.status(c).peers, node) end)
      assert call!(node, :rabbit_nodes, :all, []) == [node]
      assert call!(node, :rabbit_nodes, :all_running, []) == [node]
      assert c.node in call!(node, :erlang, :nodes, [:connected])
      assert Coppice.status(c).replicas.views.peers == 0
      assert Coppice.stop(c) == 0
    end
  end

  test "queues are declared by coppice call, and its DETS files read", context do
    %{node: node, folder: folder, broker: broker} = context
    names = for i <- 1..20, do: "queue #{i} é"
    Enum.each(names, &declare(node, &1))
    queues = call!(node, :rabbit_amqqueue, :list_names, ["/"])
    assert Enum.sort(for {:resource, "/", :queue, name} <- queues, do: name) == Enum.sort(names)

    ApplicationNode.stop(broker)
    files = DetsFiles.below(folder)
    assert Enum.any?(files, &(Path.basename(&1) == "schema.DAT"))
    assert Enum.any?(files, &(Path.basename(&1) == "recovery.dets"))
    counts = Map.new(files, &{Path.basename(&1), DetsFiles.same(&1)})
    assert counts["schema.DAT"] > 10
    assert counts["recovery.dets"] == 20
  end
end
