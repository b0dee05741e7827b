defmodule DiscoveryTest do
  @moduledoc """
  Finding peers by DNS: BEAMs and coppices that are called `app@ADDRESS`, as Phoenix applications
  are, at one port.  One address of the loopback network is one host.
  """
  use TestCase

  @moduletag skip: NameServer.skip()

  # No epmd listens there.
  @nowhere {"ERL_EPMD_PORT", "1"}

  setup do
    {:ok, names: NameServer.start(), port: Epmd.free_port(), app: fresh("app")}
  end

  defp host, do: "127.#{:rand.uniform(50)}.#{:rand.uniform(250)}.#{:rand.uniform(250)}"

  defp beam(world, host, opts \\ []) do
    {:ok, address} = :inet.parse_address(to_charlist(host))
    interface = :io_lib.format("~0p", [address])
    family = if tuple_size(address) == 8, do: ~w(-proto_dist inet6_tcp), else: []

    Beam.start(
      [
        name: world.app,
        host: host,
        kernel: [inet_dist_use_interface: interface],
        args: ~w(-erl_epmd_port #{world.port}) ++ family
      ] ++ opts
    )
  end

  defp coppice(world, settings \\ [], map \\ %{}) do
    host = host()
    map = Map.merge(%{name: world.app, interval: 100}, map)

    defaults = [
      node: :"#{fresh("c")}@#{host}",
      epmd: false,
      listen: %{port: world.port, address: to_charlist(host)},
      connect: {:dns, NameServer.host(), map}
    ]

    opts = [env: [@nowhere], wrap: NameServer.ask(world.names)]
    Coppice.start(Keyword.merge(defaults, settings), opts)
  end

  defp connected?(beam, c), do: c.node in Beam.nodes(beam)

  defp peers(world, c) do
    args = ["call", "#{c.node}:#{world.port}", "coppice", "peers"]
    {0, text, _} = Coppice.run(args, env: [@nowhere])
    for [_, name] <- Regex.scan(~r/'([^']+)'/, text), do: name
  end

  defp lines(c, text), do: c |> Coppice.log() |> String.split(text) |> length() |> Kernel.-(1)

  test "all addresses are dialled, and new ones soon", world do
    [one, two, three] = hosts = for _ <- 1..3, do: host()
    [a, b] = for host <- [one, two], do: beam(world, host)
    NameServer.answer(world.names, [one, two])
    c = coppice(world, replicas: [views: counter()])
    eventually(fn -> connected?(a, c) and connected?(b, c) end)
    assert Beam.call(a, GenServer, :call, [{:views, c.node}, :value]) == {:ok, 0}
    d = beam(world, three)
    NameServer.answer(world.names, hosts)
    eventually(fn -> connected?(d, c) end)
  end

  test "IPv4 and IPv6 addresses of one name are dialled", world do
    host = host()
    [four, six] = [beam(world, host), beam(world, "::1")]
    NameServer.answer(world.names, [host, "::1"])
    c = coppice(world)
    eventually(fn -> connected?(four, c) and connected?(six, c) end)
  end

  test "coppices find each other, and do not dial themselves", world do
    [one, two] = hosts = for _ <- 1..2, do: host()
    NameServer.answer(world.names, hosts)

    [c, d] =
      for host <- [one, two] do
        listen = %{port: world.port, address: to_charlist(host)}
        coppice(world, node: :"#{world.app}@#{host}", listen: listen, connect: {:dns, "app.test"})
      end

    eventually(fn -> peers(world, c) == ["#{d.node}"] and peers(world, d) == ["#{c.node}"] end)
    for node <- [c, d], do: refute(Coppice.log(node) =~ "connect to #{node.node}")
  end

  test "a node that leaves the answer stays while it is connected, then is forgotten", world do
    [gone, stays] = hosts = for _ <- 1..2, do: host()
    a = beam(world, gone)
    b = beam(world, stays)
    NameServer.answer(world.names, hosts)
    c = coppice(world)
    eventually(fn -> connected?(a, c) and connected?(b, c) end)

    NameServer.answer(world.names, [stays])
    asked = NameServer.questions(world.names)
    eventually(fn -> NameServer.questions(world.names) > asked + 6 end)
    assert connected?(a, c)
    Beam.signal(a, "KILL")
    Coppice.logs(c, "#{a.node} is forgotten: app.test does not have its address")
    assert peers(world, c) == ["#{b.node}"]

    again = beam(world, gone)
    NameServer.answer(world.names, hosts)
    eventually(fn -> connected?(again, c) end)
  end

  test "a look-up that fails is logged once, and forgets nobody", world do
    host = host()
    a = beam(world, host)
    NameServer.answer(world.names, :servfail)
    c = coppice(world)
    Coppice.logs(c, "cannot look up app.test: temporary failure; trying again every 100 ms")
    NameServer.answer(world.names, [host])
    eventually(fn -> connected?(a, c) end)
    Coppice.logs(c, "app.test has addresses again")

    NameServer.answer(world.names, :servfail)
    eventually(fn -> lines(c, "cannot look up") == 2 end)
    Beam.signal(a, "KILL")
    asked = NameServer.questions(world.names)
    eventually(fn -> NameServer.questions(world.names) > asked + 10 end)
    again = beam(world, host)
    eventually(fn -> connected?(again, c) end)
    assert lines(c, "cannot look up") == 2
    assert lines(c, "forgotten") == 0
  end

  test "a name that does not exist is logged once, and found when it does", world do
    host = host()
    a = beam(world, host)
    NameServer.answer(world.names, :nxdomain)
    c = coppice(world)
    Coppice.logs(c, "app.test has no address; looking it up every 100 ms")
    asked = NameServer.questions(world.names)
    eventually(fn -> NameServer.questions(world.names) > asked + 6 end)
    NameServer.answer(world.names, [host])
    eventually(fn -> connected?(a, c) end)
    assert lines(c, "no address") == 1
    NameServer.answer(world.names, :nxdomain)
    Beam.signal(a, "KILL")
    Coppice.logs(c, "#{a.node} is forgotten")
  end

  test "a name server that does not answer holds up nothing else", world do
    NameServer.answer(world.names, :silent)
    stored = counter(storage: %{file: to_charlist(Table.path())})
    c = coppice(world, replicas: [views: stored])
    at = "#{c.node}:#{world.port}"

    for n <- 1..20 do
      assert {0, "ok\n", _} = Coppice.run(["mutate", at, "views", "increment"], env: [@nowhere])
      assert {0, value, _} = Coppice.run(["value", at, "views"], env: [@nowhere])
      assert value == "#{n}\n"
    end
  end

  describe "an orderly stop does not wait for a name server" do
    setup world do
      NameServer.answer(world.names, :silent)
      {:ok, wrap: NameServer.ask(world.names, 30)}
    end

    test "that is asked for peers", world do
      c = Coppice.start([connect: {:dns, "app.test"}], wrap: world.wrap)
      eventually(fn -> NameServer.questions(world.names) > 0 end)
      assert Coppice.stop(c) == 0
    end

    test "that is asked for the host of a peer", world do
      c = Coppice.start([connect: [:"web1@app.test"]], wrap: world.wrap)
      eventually(fn -> NameServer.questions(world.names) > 0 end)
      assert Coppice.stop(c) == 0
    end

    test "nor does a command", world do
      [command | args] = world.wrap ++ Coppice.command(~w(ping web1@app.test --timeout 100))
      opts = [env: Coppice.env([]), stderr_to_stdout: true]
      task = Task.async(fn -> System.cmd(command, args, opts) end)
      assert {text, 69} = Task.await(task, 20_000)
      assert text =~ "pang"
    end
  end

  test "what one of them follows is found, too", world do
    host = host()
    hub = beam(world, host)
    other = beam(%{world | app: fresh("other")}, host())
    :pong = Beam.ping(hub, other.node)
    NameServer.answer(world.names, [host])
    c = coppice(world, follow: true)
    eventually(fn -> connected?(hub, c) and connected?(other, c) end)
  end

  test "several names, beside nodes", world do
    host = host()
    a = beam(world, host)
    b = beam(%{world | app: fresh("b")}, host())
    NameServer.answer(world.names, [host])
    dns = fn name -> {:dns, name, %{name: String.to_atom(world.app), interval: 100}} end
    c = coppice(world, connect: [dns.("other.test"), b.node, dns.("app.test")])
    eventually(fn -> connected?(a, c) and connected?(b, c) end)
    Coppice.logs(c, "other.test has no address")
  end

  test "by epmd, and by a port in the map", world do
    beam = Beam.start()
    [name, "127.0.0.1"] = String.split("#{beam.node}", "@")
    NameServer.answer(world.names, ["127.0.0.1"])
    at = %{name: name, interval: 100}
    wrap = NameServer.ask(world.names)
    c = Coppice.start([connect: [{:dns, "app.test", at}]], wrap: wrap)
    eventually(fn -> connected?(beam, c) end)

    host = host()
    other = beam(world, host)
    NameServer.answer(world.names, [host])
    map = %{name: world.app, interval: 100, port: world.port}
    d = Coppice.start([connect: {:dns, "app.test", map}], wrap: wrap)
    eventually(fn -> connected?(other, d) end)
  end

  test "a node that was asked for by {connect, Node} is not forgotten", world do
    host = host()
    a = beam(world, host)
    NameServer.answer(world.names, [host])
    c = coppice(world)
    eventually(fn -> connected?(a, c) end)
    :ok = Beam.call(a, GenServer, :call, [{:coppice, c.node}, {:connect, a.node}])
    NameServer.answer(world.names, [])
    Beam.signal(a, "KILL")
    asked = NameServer.questions(world.names)
    eventually(fn -> NameServer.questions(world.names) > asked + 6 end)
    again = beam(world, host)
    eventually(fn -> connected?(again, c) end)
    refute Coppice.log(c) =~ "is forgotten"
  end
end
