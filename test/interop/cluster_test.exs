defmodule ClusterTest do
  @moduledoc "A coppice as a node of a cluster: names, cookies, ticks, lost connections."
  use TestCase

  # Monitors the connections of a BEAM from inside it.  Keeps the lost nodes, so
  # that a lost and restored connection is noticed.
  defp watch_connections(beam) do
    Beam.run(beam, fn ->
      spawn(fn ->
        Process.register(self(), :watcher)
        :ok = :net_kernel.monitor_nodes(true, node_type: :all)
        lost([])
      end)

      wait_for_name(:watcher)
    end)
  end

  defp lost(nodes) do
    receive do
      {:nodedown, node, _} ->
        lost([node | nodes])

      {:nodeup, _, _} ->
        lost(nodes)

      {from, :lost?} ->
        send(from, {:lost, nodes})
        lost(nodes)
    end
  end

  defp wait_for_name(name), do: Process.whereis(name) || wait_for_name(name)

  defp lost_by(beam) do
    Beam.run(beam, fn ->
      send(:watcher, {self(), :lost?})
      receive do: ({:lost, nodes} -> nodes)
    end)
  end

  defp connected?(beam, c), do: c.node in Beam.nodes(beam, :connected)

  defp works?(c), do: match?({:ok, _}, GenServer.call({:coppice, c.node}, :replicas))

  describe "a coppice" do
    test "answers net_adm:ping and is hidden" do
      c = Coppice.start()
      beam = Beam.start()
      assert Beam.ping(beam, c.node) == :pong
      assert Beam.nodes(beam, :hidden) == [c.node]
      assert Beam.nodes(beam, :visible) == []
    end

    test "may be visible" do
      c = Coppice.start(visible: true)
      beam = Beam.start()
      assert Beam.ping(beam, c.node) == :pong
      assert Beam.nodes(beam, :visible) == [c.node]
    end

    test "dials the nodes of `connect` once they are up" do
      name = fresh("b")
      c = Coppice.start(connect: [:"#{name}@127.0.0.1"])
      beam = Beam.start(name: name)
      eventually(fn -> connected?(beam, c) end)
    end

    test "dials a node on a caller's request" do
      c = Coppice.start()
      beam = Beam.start()
      assert GenServer.call({:coppice, c.node}, {:connect, beam.node}) == :ok
      eventually(fn -> connected?(beam, c) end)
    end

    test "connects to another coppice" do
      one = Coppice.start()
      two = Coppice.start(connect: [one.node])
      eventually(fn -> Coppice.status(two) |> inspect() =~ "#{one.node}" end)
      assert works?(one) and works?(two)
    end
  end

  # Only localhost is sure to be another name of this host.
  test "a node that is dialled by another name of its host is named" do
    for node <- [Coppice.start().node, Beam.start().node] do
      [name, _] = String.split("#{node}", "@")
      {_, "pang\n", errors} = Coppice.run(["ping", "#{name}@localhost"])
      assert errors =~ "the node there is called #{node}"
    end
  end

  describe "with another cookie" do
    @secret "not_the_cookie_of_the_others"

    test "a BEAM is refused, with its name but no cookie in the log" do
      c = Coppice.start()
      stranger = Beam.start(cookie: @secret)
      assert Beam.ping(stranger, c.node) == :pang
      eventually(fn -> Coppice.log(c) =~ "#{stranger.node}" end)
      refute Coppice.log(c) =~ @secret
      refute Coppice.log(c) =~ "#{Node.get_cookie()}"
      assert works?(c)
    end

    test "a coppice is refused, logs it, and keeps serving" do
      beam = Beam.start()
      stranger = Coppice.start([connect: [beam.node]], cookie: @secret)
      eventually(fn -> Coppice.log(stranger) =~ "#{beam.node}" end)
      assert Beam.nodes(beam, :connected) == []
      refute Coppice.log(stranger) =~ @secret

      friend = Beam.start(cookie: @secret)
      assert Beam.ping(friend, stranger.node) == :pong
    end
  end

  describe "junk on the port" do
    setup do
      {:ok, c: Coppice.start()}
    end

    junk = [
      {"a web browser", "GET / HTTP/1.1\r\nHost: coppice\r\n\r\n"},
      {"zeros", :binary.copy(<<0>>, 100_000)},
      {"a length without that many bytes", <<0xFF, 0xFF, ?N>>},
      {"an old handshake", <<10::16, ?n, 5::16, 0::32, "a@b">>},
      {"an invalid name", Raw.name_message("no-host", 0x1070F94)},
      {"a very long name", Raw.name_message(String.duplicate("x", 2000) <> "@y", 0x1070F94)},
      {"no mandatory flag", Raw.name_message("poor@127.0.0.1", 0)}
    ]

    for {what, bytes} <- junk do
      test "(#{what}) closes that connection only", %{c: c} do
        socket = Raw.connect(c.port)
        Raw.write(socket, unquote(bytes))
        assert Raw.closed?(socket)
        assert works?(c)
      end
    end

    test "(random bytes) closes that connection only", %{c: c} do
      for size <- [1, 2, 3, 10, 1_000, 100_000] do
        socket = Raw.connect(c.port)
        Raw.write(socket, :rand.bytes(size))
        :gen_tcp.shutdown(socket, :write)
        assert Raw.closed?(socket)
      end

      assert works?(c)
    end

    frames = [
      {"an impossible length", <<0xFFFFFFFF::32, "p">>},
      {"an unknown frame type", Raw.long("what is this?")},
      {"an unknown control message", Raw.frame({99, "what"})},
      {"a control message without its fields", Raw.frame({6})},
      {"a control message that is no tuple", Raw.frame(:hello)},
      {"a truncated term", Raw.long(["p", <<131, 104, 3, 97, 6, 103>>])},
      {"a list longer than the frame", Raw.long(["p", <<131, 104, 1, 108, 0xFFFFFFFF::32>>])},
      {"a fragment without a first one", Raw.long([<<131, 70, 1::64, 1::64, "rest">>])},
      {"a fragment with number 0", Raw.long([<<131, 69, 1::64, 0::64, 0, 131, 97, 1>>])},
      {"deeply nested lists", Raw.long(["p", 131, :binary.copy(<<108, 1::32>>, 1_000_000)])}
    ]

    for {what, frame} <- frames do
      test "(after a good handshake, #{what}) closes that connection only", %{c: c} do
        name = "#{fresh("junk")}@127.0.0.1"
        socket = Raw.handshake(c.port, name)
        Raw.write(socket, unquote(IO.iodata_to_binary(frame)))
        assert Raw.closed?(socket)
        eventually(fn -> Coppice.log(c) =~ name end)
        assert works?(c)
      end
    end

    test "(a silent connection) is closed after a timeout", %{c: c} do
      silent = for _ <- 1..20, do: Raw.connect(c.port)
      assert works?(c)
      for socket <- silent, do: assert(Raw.closed?(socket, 15_000))
    end
  end

  describe "with a net_ticktime of 4 s" do
    @ticktime 4

    # Casts as long as the node lives, so that the BEAM never sends ticks.
    defp keep_talking(beam, c) do
      Beam.run(beam, fn -> spawn(fn -> talk({:views, c.node}) end) end)
    end

    defp talk(server) do
      GenServer.cast(server, :idle_words)
      Process.sleep(20)
      talk(server)
    end

    test "connections stay up, idle or busy, hidden or visible" do
      beam = Beam.start(kernel: [net_ticktime: @ticktime])
      settings = [net_ticktime: @ticktime, replicas: [views: counter()]]

      nodes =
        for visible <- [false, true], busy <- [false, true] do
          c = Coppice.start([visible: visible] ++ settings)
          :pong = Beam.ping(beam, c.node)
          if busy, do: keep_talking(beam, c)
          c.node
        end

      watch_connections(beam)
      # Nothing may happen in this time.
      Process.sleep(:timer.seconds(3 * @ticktime))
      assert lost_by(beam) == []
      assert Enum.sort(nodes) == Enum.sort(Beam.nodes(beam, :connected))
    end

    test "a silent peer is disconnected, and connected again when it resumes" do
      beam = Beam.start(kernel: [net_ticktime: @ticktime])
      c = Coppice.start(net_ticktime: @ticktime, connect: [beam.node])
      eventually(fn -> connected?(beam, c) end)
      watch_connections(beam)
      Beam.freeze(beam)
      eventually(fn -> Coppice.log(c) =~ "#{beam.node} disconnected: silent" end, 15_000)
      Beam.thaw(beam)
      eventually(fn -> c.node in lost_by(beam) and connected?(beam, c) end, 20_000)
    end
  end

  describe "epmd" do
    test "that is killed and restarted lists the coppice again" do
      port = Epmd.start()
      # With this PATH the coppice cannot start epmd itself.
      c = Coppice.start([], env: [{"PATH", "/nowhere"} | at_epmd(port)])
      assert registered?(port, c)

      Epmd.kill(port)
      Epmd.start(port)
      eventually(fn -> registered?(port, c) end, 15_000)
      beam = Beam.start(epmd: port)
      assert Beam.ping(beam, c.node) == :pong
    end

    # A service manager restarts it, and would find its port in use.
    test "that is killed is not started by the coppice, which registers when it is back" do
      port = Epmd.start()
      c = Coppice.start([], env: at_epmd(port))
      Epmd.kill(port)
      eventually(fn -> Coppice.log(c) =~ "no epmd answers at localhost port #{port}" end)
      assert Epmd.names(port) == :none
      Epmd.start(port)
      eventually(fn -> registered?(port, c) end, 15_000)
    end

    test "is not needed for existing connections" do
      port = Epmd.start()
      c = Coppice.start([replicas: [views: counter()]], env: [{"PATH", "/nowhere"} | at_epmd(port)])
      beam = Beam.start(epmd: port)
      :pong = Beam.ping(beam, c.node)
      Epmd.kill(port)
      assert Beam.call(beam, GenServer, :call, [{:views, c.node}, :value]) == {:ok, 0}
    end

    test "is started if there is none" do
      port = Epmd.free_port()
      Epmd.kill_at_end(port)
      c = Coppice.start([], env: at_epmd(port))
      assert registered?(port, c)
      Coppice.logs(c, "started epmd on port #{port}")
    end

    # Each is a coppice that waits; the epmd that it needs is started once it has said so.
    for {what, settings, path, line} <- [
          {"not on the PATH", [], "/nowhere", "cannot start epmd: no such file or directory"},
          {"with start_epmd false", [start_epmd: false], System.get_env("PATH"), "no epmd answers"}
        ] do
      test "that is missing is named in a warning, #{what}" do
        port = Epmd.free_port()
        Epmd.kill_at_end(port)
        node = Coppice.name()
        log = Coppice.log_file(node)
        path = unquote(path)

        late =
          Task.async(fn ->
            eventually(fn -> File.read!(log) =~ "no epmd answers at localhost port #{port}: " end)
            System.cmd("epmd", ["-daemon", "-port", "#{port}", "-address", "127.0.0.1"])
          end)

        settings = [node: node] ++ unquote(settings)
        c = Coppice.start(settings, env: [{"PATH", path} | at_epmd(port)])
        Task.await(late, 15_000)
        assert registered?(port, c)
        Coppice.logs(c, unquote(line))
        refute Coppice.log(c) =~ "started epmd"
      end
    end

    test "that is something else is named in a warning" do
      {:ok, listener} = :gen_tcp.listen(0, [:binary, active: false, ip: {127, 0, 0, 1}])
      {:ok, port} = :inet.port(listener)
      node = Coppice.name()
      log = Coppice.log_file(node)
      Epmd.kill_at_end(port)

      other =
        Task.async(fn ->
          {:ok, socket} = :gen_tcp.accept(listener)
          :gen_tcp.send(socket, "HTTP/1.1 400 Bad Request\r\n\r\n")
          line = "what answers at localhost port #{port} is not epmd"
          eventually(fn -> File.read!(log) =~ line end)
          :gen_tcp.close(socket)
          :gen_tcp.close(listener)
          eventually(fn -> Epmd.names(port) == :none end)
        end)

      :gen_tcp.controlling_process(listener, other.pid)
      c = Coppice.start([node: node], env: at_epmd(port))
      Task.await(other, 15_000)
      assert registered?(port, c)
      refute Coppice.log(c) =~ "taken"
    end

    test "no longer lists a stopped coppice" do
      port = Epmd.start()
      c = Coppice.start([], env: at_epmd(port))
      assert Coppice.stop(c) == 0
      eventually(fn -> Epmd.names(port) == [] end)
    end
  end

  defp at_epmd(port), do: [{"ERL_EPMD_PORT", "#{port}"}]

  defp registered?(port, c) do
    [name, _host] = String.split("#{c.node}", "@")
    names = Epmd.names(port)
    names != :none and name in names
  end

  describe "a node that restarts under its old name" do
    test "is a coppice: the BEAM connects to it" do
      c = Coppice.start(replicas: [views: counter()])
      beam = Beam.start()
      :pong = Beam.ping(beam, c.node)
      Coppice.kill(c)
      eventually(fn -> Beam.nodes(beam, :connected) == [] end)

      Coppice.start(node: c.node, replicas: [views: counter()])
      assert Beam.ping(beam, c.node) == :pong
      assert Beam.call(beam, GenServer, :call, [{:views, c.node}, :value]) == {:ok, 0}
    end

    test "is a BEAM: the coppice connects to it" do
      name = fresh("b")
      beam = Beam.start(name: name)
      c = Coppice.start(connect: [beam.node])
      eventually(fn -> connected?(beam, c) end)
      Beam.signal(beam, "KILL")
      eventually(fn -> name not in Epmd.names(epmd_port()) end)

      again = Beam.start(name: name)
      eventually(fn -> connected?(again, c) end)
    end

    test "while its old connection still seems up: the new one replaces it" do
      port = Epmd.start()
      name = fresh("b")
      old = Beam.start(name: name, epmd: port)
      c = Coppice.start([replicas: [views: counter()]], env: at_epmd(port))
      :pong = Beam.ping(old, c.node)
      Beam.freeze(old)

      # A new epmd does not know the old node, so the name is free again.
      Epmd.kill(port)
      Epmd.start(port)
      eventually(fn -> registered?(port, c) end, 15_000)
      new = Beam.start(name: name, epmd: port)
      assert Beam.ping(new, c.node) == :pong
      assert Beam.call(new, GenServer, :call, [{:views, c.node}, :value]) == {:ok, 0}
      Beam.signal(old, "KILL")
      assert Beam.call(new, GenServer, :call, [{:views, c.node}, :value]) == {:ok, 0}
    end
  end

  defp epmd_port, do: String.to_integer(System.fetch_env!("ERL_EPMD_PORT"))

  describe "a connection" do
    # The order of the two names decides whose dial wins.
    for {who, prefix} <- [{"lesser", "a"}, {"greater", "z"}] do
      test "that both dial at once is one connection; the coppice has the #{who} name" do
        c = Coppice.start(node: :"#{fresh(unquote(prefix))}@127.0.0.1")
        beam = Beam.start()

        for _ <- 1..25 do
          dial = Task.async(fn -> GenServer.call({:coppice, c.node}, {:connect, beam.node}) end)
          # Refused before the other's dial reaches it, a BEAM says pang at once.
          eventually(fn -> Beam.ping(beam, c.node) == :pong end)
          assert Task.await(dial) == :ok
          assert connected?(beam, c)
          Beam.disconnect(beam, c.node)
        end
      end
    end

    test "that is closed is made again" do
      beam = Beam.start()
      c = Coppice.start(connect: [beam.node])

      for _ <- 1..3 do
        eventually(fn -> connected?(beam, c) end)
        assert Beam.disconnect(beam, c.node)
      end

      eventually(fn -> connected?(beam, c) end)
    end
  end
end
