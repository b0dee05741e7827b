defmodule ReloadTest do
  @moduledoc "SIGHUP: the configuration is read again."
  use TestCase

  # A coppice with its configuration in a file that change/2 writes anew.
  defp start(settings, opts \\ []) do
    settings = Keyword.put_new_lazy(settings, :node, &Coppice.name/0)
    file = settings |> Coppice.config_text() |> Coppice.config_file()
    c = Coppice.launch_file(file, Coppice.log_file(settings[:node]), opts)
    on_exit(fn -> Coppice.finish(c) end)
    {c, file, settings}
  end

  defp change({c, file, settings}, changes) do
    {gone, changes} = Enum.split_with(changes, fn {_, value} -> value == nil end)
    settings = settings |> Keyword.drop(Keyword.keys(gone)) |> Keyword.merge(changes)
    File.write!(file, Coppice.config_text(settings))
    again({c, file, settings})
    {c, file, settings}
  end

  # Counts the last lines, since a log may have them from before.
  defp again({c, _, _}) do
    before = endings(c)
    Coppice.signal(c, "HUP")
    eventually(fn -> endings(c) > before end)
  end

  defp endings(c) do
    length(Regex.scan(~r/the configuration was read again|; nothing is changed/, Coppice.log(c)))
  end

  defp said({c, _, _}, text), do: assert(Coppice.log(c) =~ text)

  defp peers({c, _, _}), do: Map.keys(Coppice.status(c).peers)

  describe "connect" do
    test "a node that is added is dialled, and one that is removed stays connected" do
      other = Coppice.start()
      running = start([])
      refute other.node in peers(running)
      running = change(running, connect: [other.node])
      said(running, "info connect: #{other.node} is new")
      said(running, "info the configuration was read again: 1 change\n")
      eventually(fn -> other.node in peers(running) end)
      running = change(running, connect: [])
      said(running, "info connect: #{other.node} is gone, and is not dialled again")
      assert other.node in peers(running)
      Coppice.stop(other)
      eventually(fn -> other.node not in peers(running) end)
    end

    test "a port may change" do
      other = Coppice.start()
      running = start(connect: [:"#{other.node}:1"])
      {c, _, _} = running
      Coppice.logs(c, "cannot connect to #{other.node}")
      running = change(running, connect: [:"#{other.node}:#{other.port}"])
      said(running, "connect: #{other.node} is dialled at another port from now on")
      eventually(fn -> other.node in peers(running) end)
    end

    test "names that are looked up change, too" do
      running = start(connect: [{:dns, ~c"a.invalid"}, {:dns, ~c"b.invalid"}])
      running = change(running, connect: [{:dns, ~c"b.invalid"}, {:dns, ~c"c.invalid"}])
      said(running, "info connect: a.invalid is no longer looked up")
      said(running, "info connect: c.invalid is looked up from now on")
      said(running, "read again: 2 changes\n")
    end
  end

  describe "allow" do
    test "ends the connection of a node that is not in it, and lets it in again" do
      other = Coppice.start()
      running = start(connect: [other.node])
      eventually(fn -> other.node in peers(running) end)
      running = change(running, connect: nil, allow: [:"nobody@*", :"-coppice_*@*", node()])
      said(running, "info allow: 3 names and patterns from now on")
      said(running, "#{other.node} disconnected: it is not among the nodes of allow")
      refute other.node in peers(running)
      {c, _, _} = running
      :ok = GenServer.call({:coppice, other.node}, {:connect, c.node})
      Coppice.logs(other, "cannot connect to #{c.node}: the peer refuses this node")
      running = change(running, connect: [other.node], allow: nil)
      said(running, "info allow: every node from now on")
      eventually(fn -> other.node in peers(running) end)
    end

    test "read_only applies to the next change" do
      running = start(replicas: [views: counter()])
      {c, _, _} = running
      mutate = fn -> GenServer.call({:views, c.node}, {:mutate, :increment}) end
      assert mutate.() == :ok
      running = change(running, read_only: [node()])
      assert mutate.() == {:error, :read_only}
      change(running, read_only: [])
      assert mutate.() == :ok
    end
  end

  describe "replica" do
    test "one that is added joins its group, one that is removed leaves, and its file stays" do
      {views, stored} = {counter(), counter(storage: %{file: Table.path()})}
      beam = Beam.start()
      scope = fresh_atom("scope")
      Beam.run(beam, fn -> {:ok, _} = :pg.start(scope) end)
      members = fn -> length(Beam.members(beam, scope, stored.group)) end
      running = start(replicas: [views: views], connect: [beam.node], scope: scope)
      {c, _, _} = running
      running = change(running, replicas: [views: views, visits: stored])
      said(running, "info replica visits: is new")
      eventually(fn -> members.() == 1 end)
      :ok = GenServer.call({:visits, c.node}, {:mutate, :increment})
      running = change(running, replicas: [views: views])
      said(running, "info replica visits: is gone; its files, if it has any, stay")
      eventually(fn -> members.() == 0 end)
      assert {:ok, 0} = GenServer.call({:views, c.node}, :value)
      # Under another name, from the same file.
      running = change(running, replicas: [again: stored])
      assert {:ok, 1} = GenServer.call({:again, c.node}, :value)
      said(running, "info replica views: is gone")
    end

    test "one with other options goes on with those from before, which is said each time" do
      views = counter()
      running = start(replicas: [views: views])
      {c, file, _} = running
      :ok = GenServer.call({:views, c.node}, {:mutate, :increment})
      running = change(running, replicas: [views: Map.put(views, :sync_interval, 77)])
      line = "warning #{file}:3:1: replica views: these options cannot change while it runs"
      said(running, line)
      again(running)
      assert length(String.split(Coppice.log(c), line)) == 3
      assert {:ok, 1} = GenServer.call({:views, c.node}, :value)
      change(running, replicas: [views: views])
      said(running, "read again: nothing has changed")
    end

    test "one that has all in its files is restarted with other options" do
      stored = counter(storage: %{file: Table.path()}, snapshot_interval: 100)
      running = start(replicas: [views: stored])
      {c, file, _} = running

      for interval <- 1001..1010 do
        :ok = GenServer.call({:views, c.node}, {:mutate, :increment})
        change(running, replicas: [views: Map.put(stored, :sync_interval, interval)])
        assert {:ok, value} = GenServer.call({:views, c.node}, :value)
        assert value == interval - 1000
      end

      said(running, "info replica views: is restarted with other options")
      refute Coppice.log(c) =~ "cannot change"
      change(running, replicas: [views: %{stored | actor: "another"}])
      said(running, "warning #{file}:3:1: replica views: these options cannot change while it")
      assert {:ok, 10} = GenServer.call({:views, c.node}, :value)
    end

    test "one that was stopped by a request stays so" do
      views = counter()
      running = start(replicas: [views: views])
      {c, _, _} = running
      :ok = Coppice.stop_replica(c, :views)
      change(running, replicas: [views: Map.put(views, :sync_interval, 77)])
      said(running, "nothing has changed")
      assert GenServer.call({:coppice, c.node}, :replicas) == {:ok, []}
    end

    test "one whose name is taken is refused, and started once it is free" do
      running = start([])
      {c, file, _} = running
      {:ok, _} = Coppice.start_replica(c, :views, counter())
      running = change(running, replicas: [views: counter()])
      said(running, "error #{file}:3:1: replica views: it cannot start: a process of")
      :ok = Coppice.stop_replica(c, :views)
      again(running)
      said(running, "info replica views: is new")
    end
  end

  test "what cannot change is said, with its line, and goes on" do
    running = start(net_ticktime: 60)
    {c, file, _} = running
    changes = [node: :other@localhost, net_ticktime: 8, visible: true, cookie_file: ~c"/dev/null"]
    running = change(running, changes)
    text = "cannot change while the node runs; it goes on as before until it is restarted"

    for key <- [:node, :net_ticktime, :visible] do
      assert Coppice.log(c) =~ ~r/warning #{file}:\d+:1: #{key}: #{text}/, "#{key}"
    end

    said(running, "warning the configuration was read again: 0 changes, and 3 not made")
    assert Coppice.status(c).node == c.node
  end

  test "another cookie is said" do
    cookie = Coppice.config_file(Atom.to_string(Node.get_cookie()))
    File.chmod!(cookie, 0o600)
    settings = [cookie_file: String.to_charlist(cookie)]
    running = start(settings, wrap: ["env", "-u", "COPPICE_COOKIE"])
    File.write!(cookie, "another")
    again(running)
    said(running, ~r/warning .*: cookie_file: cannot change/)
  end

  describe "a file with an error" do
    test "changes nothing, and is said with its line" do
      other = Coppice.start()
      running = start(replicas: [views: counter()])
      {c, file, settings} = running
      text = Coppice.config_text([connect: [other.node]] ++ Keyword.delete(settings, :replicas))
      File.write!(file, [text, "{replica, visits, \#{crdt => nothing}}.\n"])
      again(running)
      said(running, ~r/error SIGHUP: #{file}:4:1: replica visits: crdt: .*; nothing is changed\n/)
      refute other.node in peers(running)
      assert {:ok, 0} = GenServer.call({:views, c.node}, :value)
      File.rm!(file)
      again(running)
      said(running, "error SIGHUP: #{file}: No such file or directory; nothing is changed")
      change(running, connect: [other.node])
      eventually(fn -> other.node in peers(running) end)
    end
  end

  test "options override the file again, and add to it" do
    other = Coppice.start()
    args = ["--net-ticktime=20", "--connect", other.node, "--log-level", "debug"]
    running = start([net_ticktime: 60, log_level: :error], args: args)
    eventually(fn -> other.node in peers(running) end)
    running = change(running, net_ticktime: 30, connect: [])
    said(running, "read again: nothing has changed")
    eventually(fn -> other.node in peers(running) end)
  end

  test "standard input is read once" do
    config = Coppice.config_file(Coppice.config_text(node: Coppice.name()))
    log = Coppice.log_file("input")
    shell = ~S(exec "$@" <"$0")
    command = ["/bin/sh", "-c", shell, config | Coppice.command(["run", "-c", "-"])]
    {:ok, owner} = GenServer.start(Coppice.PortOwner, {command, Coppice.env([]), log})
    {:ready, node, port, os_pid} = Coppice.PortOwner.ready(owner)
    c = %Coppice{node: node, port: port, owner: owner, os_pid: os_pid, log: log}
    on_exit(fn -> Coppice.finish(c) end)
    again({c, nil, nil})
    assert Coppice.log(c) =~ "read again: nothing has changed"
  end
end
