defmodule WithoutEpmdTest do
  @moduledoc """
  Nodes at fixed ports, which no epmd knows: BEAMs of `-start_epmd false -erl_epmd_port PORT`, and
  coppices of `{epmd, false}`.  One address of the loopback network is one host.
  """
  use TestCase

  # No epmd listens there.
  @nowhere [{"ERL_EPMD_PORT", "1"}]

  defp host, do: "127.#{:rand.uniform(250)}.#{:rand.uniform(250)}.#{:rand.uniform(250)}"

  # One port on any number of hosts.
  defp beam(port, opts \\ []) do
    host = host()
    address = "{#{String.replace(host, ".", ",")}}"
    kernel = [inet_dist_use_interface: address]
    Beam.start([host: host, kernel: kernel, args: ~w(-erl_epmd_port #{port})] ++ opts)
  end

  defp coppice(settings, opts \\ []) do
    host = host()
    defaults = [node: :"#{fresh("c")}@#{host}", epmd: false]
    {port, settings} = Keyword.pop(settings, :port, 0)
    listen = [listen: %{port: port, address: to_charlist(host)}]
    settings = defaults |> Keyword.merge(listen) |> Keyword.merge(settings)
    Coppice.start(settings, [env: @nowhere] ++ opts)
  end

  defp at(node, port), do: :"#{node}:#{port}"

  defp connected?(beam, c), do: c.node in Beam.nodes(beam)

  test "a coppice and BEAMs at one port find each other by name, as with -erl_epmd_port" do
    port = Epmd.free_port()
    beam = beam(port)
    c = coppice(port: port, connect: [beam.node], replicas: [views: counter()])
    eventually(fn -> connected?(beam, c) end)
    assert Beam.call(beam, GenServer, :call, [{:views, c.node}, :value]) == {:ok, 0}
    assert Beam.ping(beam(port), c.node) == :pong
    other = coppice(port: port, connect: [c.node])
    eventually(fn -> other.node in peers(beam, c) end)
    refute Coppice.log(c) =~ " epmd "
  end

  defp peers(beam, c) do
    {:ok, peers} = Beam.call(beam, GenServer, :call, [{:coppice, c.node}, :peers])
    peers
  end

  test "peers have a port of their own, in their names" do
    one = beam(port = Epmd.free_port())
    two = beam(other = Epmd.free_port())
    c = coppice(connect: [at(one.node, port), at(two.node, other)])
    eventually(fn -> connected?(one, c) and connected?(two, c) end)
    # A BEAM that was dialled counts the connection before the coppice does.
    eventually(fn -> Enum.sort(peers(one, c)) == Enum.sort([one.node, two.node]) end)
  end

  test "peer_port is that of the peers that have none" do
    one = beam(port = Epmd.free_port())
    c = coppice(peer_port: port, connect: [one.node])
    eventually(fn -> connected?(one, c) end)
  end

  test "a port in a name is used beside an epmd, too" do
    one = beam(port = Epmd.free_port())
    two = Beam.start()
    c = Coppice.start(connect: [at(one.node, port), two.node])
    eventually(fn -> connected?(one, c) and connected?(two, c) end)
  end

  test "an IPv6 address with a port is written in brackets" do
    port = Epmd.free_port()
    args = ~w(-proto_dist inet6_tcp -erl_epmd_port #{port})
    beam = Beam.start(host: "::1", args: args)
    [name, _] = String.split("#{beam.node}", "@")
    c = coppice(connect: [:"#{name}@[::1]:#{port}"])
    eventually(fn -> connected?(beam, c) end)
    assert {0, "pong\n", _} = Coppice.run(["ping", "#{name}@[::1]:#{port}"], env: @nowhere)
  end

  test "a lost peer is dialled again at its port, and {connect, Node} takes one" do
    port = Epmd.free_port()
    beam = beam(port)
    c = coppice(replicas: [views: counter()])
    connect = fn node -> ask(c, "coppice", "{connect, '#{node}'}") end
    assert {0, "ok\n", _} = connect.(at(beam.node, port))
    eventually(fn -> connected?(beam, c) end)
    Beam.disconnect(beam, c.node)
    eventually(fn -> connected?(beam, c) end)
    assert {1, "{error,bad_node}\n", _} = connect.(at(beam.node, "http"))
  end

  defp ask(c, server, term) do
    Coppice.run(["call", "#{c.node}:#{c.port}", server, term], env: @nowhere)
  end

  test "each start has another creation, above those that an old epmd gives" do
    creations =
      for _ <- 1..5 do
        c = coppice([])
        {0, text, _} = Coppice.run(["status", "--term", "#{c.node}:#{c.port}"], env: @nowhere)
        [_, number] = Regex.run(~r/creation => (\d+)/, text)
        assert text =~ ~r/registered => false/
        String.to_integer(number)
      end

    assert length(Enum.uniq(creations)) == 5
    assert Enum.all?(creations, &(&1 > 3 and &1 < 0x100000000))
  end

  test "a node that restarts at its port replaces the one before" do
    port = Epmd.free_port()
    beam = beam(port)
    settings = [node: :"c@#{host()}", port: port, connect: [beam.node]]
    c = coppice(settings)
    eventually(fn -> connected?(beam, c) end)
    Coppice.kill(c)
    again = coppice(settings)
    eventually(fn -> connected?(beam, again) end)
  end

  test "two coppices that dial each other at once have one connection" do
    port = Epmd.free_port()
    [one, two] = for name <- ~w(one two), do: :"#{name}@#{host()}"

    coppices =
      for {node, other} <- [{one, two}, {two, one}] do
        [_, host] = String.split("#{node}", "@")
        listen = %{port: port, address: to_charlist(host)}
        coppice(node: node, listen: listen, connect: [other])
      end

    for {c, other} <- Enum.zip(coppices, [two, one]) do
      eventually(fn -> match?({0, _, _}, ask(c, "coppice", "peers")) end)

      eventually(fn ->
        {0, text, _} = ask(c, "coppice", "peers")
        text == "{ok,['#{other}']}\n"
      end)
    end
  end

  describe "commands" do
    test "reach a node at the port in its name, without an epmd" do
      beam = beam(port = Epmd.free_port())
      c = coppice(replicas: [views: counter()])
      run = fn args -> Coppice.run(args, env: @nowhere) end
      assert {0, "pong\n", _} = run.(["ping", at(beam.node, port)])
      assert {0, "ok\n", _} = run.(["mutate", at(c.node, c.port), "views", "increment", "2"])
      assert {0, "2\n", _} = run.(["value", at(c.node, c.port), "views"])
    end

    test "reach a node at peer_port, or at the port of `listen`" do
      beam = beam(port = Epmd.free_port())
      run = fn args -> Coppice.run(["ping", beam.node, "--epmd", "false" | args], env: @nowhere) end
      assert {0, "pong\n", _} = run.(["--peer-port", "#{port}"])
      assert {0, "pong\n", _} = run.(["--listen", "\#{port => #{port}}"])
      {69, "pang\n", error} = run.([])
      assert error =~ "no port is known for it: add one to its name (name@host:PORT), or set "
    end

    test "say when nobody is at that port, or another node" do
      port = Epmd.free_port()
      {69, "pang\n", error} = Coppice.run(["ping", "web1@127.0.0.1:#{port}"])
      assert error =~ "its port cannot be reached (connection refused)"
      beam = beam(port)
      [_, host] = String.split("#{beam.node}", "@")
      {69, "pang\n", error} = Coppice.run(["ping", "web1@#{host}:#{port}"])
      assert error =~ "closed by the peer in the handshake" or error =~ "is called #{beam.node}"
    end

    test "refuse what is no port" do
      for port <- ["http", "0", "65536", "", "-1", "9100x"] do
        {64, error} = Coppice.fail(["ping", "web1@127.0.0.1:#{port}"])
        assert error =~ "NODE: expected name@host, or name@host:PORT with a port from 1 to 65535"
      end
    end
  end

  describe "a configuration" do
    defp check(settings) do
      config = [node: Coppice.name(), epmd: false] ++ settings
      Coppice.run(["config", "check", Coppice.config_file(Coppice.config_text(config))])
    end

    test "without a port for a node of `connect` is refused" do
      {78, "", error} = check(connect: [:"a@h:9100", :b@h])
      assert error =~ "connect: no port is known for b@h: with epmd false, add one "
      assert {0, _, _} = check(connect: [:b@h], peer_port: 9100)
      assert {0, _, _} = check(connect: [:b@h], listen: %{port: 9100})
      {78, "", _} = check(connect: [:b@h], listen: %{port: {9100, 9101}})
    end

    test "with a port in the name of the node itself is refused" do
      text = Coppice.config_text(node: :"c1@127.0.0.1:9100")
      {78, error} = Coppice.fail(["config", "check", Coppice.config_file(text)])
      assert error =~ "node: expected a name without a port, which belongs into listen"
    end
  end
end
