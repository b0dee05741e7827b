defmodule EjabberdTest do
  @moduledoc """
  ejabberd, as Debian has it, started with folders and a name of its own.  Its checks
  are in order: the later ones stop it, start it again, and kill it.
  """
  use TestCase
  import ApplicationNode, only: [call!: 4]

  @moduletag Needs.met("ejabberd")

  @users for i <- 1..7, do: "user#{i}"
  @messages 119

  setup_all do
    Process.put(:test_name, {__MODULE__, :server})
    node = :"#{fresh("ejabberd")}@127.0.0.1"
    folder = ApplicationNode.folder("ejabberd")
    {:ok, owner} = Agent.start_link(fn -> start(node, folder) end, timeout: 60_000)
    {:ok, node: node, folder: folder, owner: owner}
  end

  # The agent outlives each test, so what it starts does as well.
  defp stop(owner), do: Agent.update(owner, &ApplicationNode.stop/1, 60_000)
  defp kill(owner), do: Agent.update(owner, &ApplicationNode.kill/1, 60_000)

  defp start_again(owner, node, folder) do
    Agent.update(owner, fn _ -> start(node, folder) end, 90_000)
  end

  defp start(node, folder) do
    root = Needs.folder("ejabberd")
    [libraries] = Path.wildcard(root <> "/usr/lib/*-linux-*")

    File.write!(folder <> "/ejabberd.yml", """
    hosts: [localhost]
    listen: []
    modules:
      mod_offline: {}
      mod_mam:
        default: always
        assume_mam_usage: true
    """)

    env = [
      {"HOME", folder},
      {"ERL_LIBS", "#{root}/usr/lib/erlang/lib:#{libraries}"},
      {"LD_LIBRARY_PATH", libraries},
      {"EJABBERD_CONFIG_PATH", folder <> "/ejabberd.yml"},
      {"EJABBERD_LOG_PATH", folder <> "/ejabberd.log"}
    ]

    command =
      ~w(erl -noinput -start_epmd false -name #{node} -setcookie #{Node.get_cookie()}) ++
        ~w(-kernel inet_dist_use_interface {127,0,0,1}) ++
        ["-mnesia", "dir", inspect(mnesia(folder)), "-s", "ejabberd"]

    log = Path.join(folder, "output.log")
    ApplicationNode.start(node, command, env, log, &running?/1)
  end

  # Whether it has started; before that it knows no such function, or not its modules.
  defp running?(node) do
    Enum.all?([:mod_mam, :mod_offline], fn module ->
      ApplicationNode.call(node, :gen_mod, :is_loaded, ["localhost", module]) == {:ok, true}
    end)
  end

  defp mnesia(folder), do: folder <> "/mnesia"
  defp table(folder, name), do: "#{mnesia(folder)}/#{name}.DAT"

  # An offline message, with a body of some size.
  defp message(i) do
    to = Enum.at(@users, rem(i, length(@users))) <> "@localhost"
    body = String.duplicate("x", rem(i * 7919, 3000))
    ["chat", "somebody@localhost", to, "message #{i}", body]
  end

  defp send_message(node, i) do
    assert call!(node, :mod_admin_extra, :send_message, message(i)) == :ok
  end

  # The numbers of the messages in what a command printed, or in objects.
  defp numbers(text) do
    for [_, n] <- Regex.scan(~r/<<"message (\d+)">>/, text), do: String.to_integer(n)
  end

  defp numbers_in(objects), do: numbers(IO.chardata_to_string(:io_lib.format("~0tp", [objects])))

  defp all?(found), do: Enum.to_list(1..@messages) -- found == []

  # The numbers of the messages that can be salvaged from a file.
  defp salvaged(file) do
    report = DetsFiles.salvage(file)
    {0, out, _comments} = Coppice.run(["dets", "dump", report.file])
    {report, numbers(out)}
  end

  test "ping", %{node: node} do
    assert {0, "pong\n", ""} = Coppice.run(["ping", node])
  end

  test "a coppice beside it, hidden or visible, is no member of its cluster", %{node: node} do
    for visible <- [false, true] do
      c = Coppice.start(visible: visible, connect: [node], replicas: [views: counter()])
      eventually(fn -> Map.has_key?(Coppice.status(c).peers, node) end)
      assert call!(node, :ejabberd_cluster, :get_known_nodes, []) == [node]
      assert call!(node, :mnesia, :system_info, [:running_db_nodes]) == [node]
      assert c.node in call!(node, :erlang, :nodes, [:connected])
      assert Coppice.stop(c) == 0
    end
  end

  test "users are registered by coppice call", %{node: node} do
    for user <- @users do
      assert call!(node, :ejabberd_auth, :try_register, [user, "localhost", "secret"]) == :ok
    end

    for {password, right?} <- [{"secret", true}, {"wrong", false}] do
      arguments = ["user1", "", "localhost", password]
      assert call!(node, :ejabberd_auth, :check_password, arguments) == right?
    end
  end

  test "its DETS files are read as OTP reads them", context do
    %{node: node, folder: folder, owner: owner} = context
    stop(owner)
    files = DetsFiles.below(mnesia(folder))
    counts = Map.new(files, &{Path.basename(&1, ".DAT"), DetsFiles.same(&1)})
    assert counts["passwd"] == length(@users)
    assert counts["schema"] > 5
    # Bags, empty so far.
    assert %{"offline_msg" => 0, "archive_msg" => 0} = counts
    start_again(owner, node, folder)
  end

  test "killed under load: salvage has every message that was in its files", context do
    %{node: node, folder: folder, owner: owner} = context
    for i <- 1..@messages, do: send_message(node, i)
    eventually(fn -> call!(node, :mnesia, :table_info, [:offline_msg, :size]) == @messages end)
    assert call!(node, :mnesia, :dump_log, []) == :dumped

    # `dets` writes what it was given after a few seconds.
    copy = table(folder, "copy")

    eventually(
      fn ->
        for name <- ["offline_msg", "archive_msg"] do
          File.cp!(table(folder, name), copy)
          {_report, found} = salvaged(copy)
          assert all?(found)
        end
      end,
      20_000
    )

    # Mnesia has these in its log, and not yet in the tables.
    load = spawn_link(fn -> more_messages(node, @messages + 1) end)
    eventually(fn -> call!(node, :mnesia, :table_info, [:offline_msg, :size]) > 2 * @messages end)
    kill(owner)
    Process.unlink(load)
    Process.exit(load, :kill)

    for name <- ["offline_msg", "archive_msg"] do
      file = table(folder, name)
      repaired = file |> DetsFiles.repaired() |> numbers_in()
      {report, found} = salvaged(file)
      assert report.type == :bag
      assert all?(found)
      assert repaired -- found == []
      kept = @messages - length(Enum.to_list(1..@messages) -- repaired)

      IO.puts(
        "        #{name}: salvage has #{@messages} of #{@messages} messages, " <>
          "the repair of OTP #{System.otp_release()} #{kept}"
      )

      File.rename!(report.file, file)
    end
  end

  # Until the node is killed.
  defp more_messages(node, i) do
    :ok = :erpc.call(node, :mod_admin_extra, :send_message, message(i))
    more_messages(node, i + 1)
  catch
    _, _ -> :ok
  end

  test "it works on with the salvaged files", %{node: node, folder: folder, owner: owner} do
    start_again(owner, node, folder)

    for {user, i} <- Enum.with_index(@users) do
      # What came after the files were written is in Mnesia's log.
      sent = Enum.count(1..@messages, &(rem(&1, length(@users)) == i))
      assert call!(node, :mod_offline, :count_offline_messages, [user, "localhost"]) >= sent
    end

    size = call!(node, :mnesia, :table_info, [:offline_msg, :size])
    send_message(node, 1)
    eventually(fn -> call!(node, :mnesia, :table_info, [:offline_msg, :size]) == size + 1 end)
    stop(owner)
    assert DetsFiles.same(table(folder, "offline_msg")) == size + 1
  end
end
