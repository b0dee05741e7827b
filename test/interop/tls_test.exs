defmodule TlsTest do
  use TestCase
  import Tls

  defp call(beam, c, request), do: Beam.call(beam, GenServer, :call, [{:r, c.node}, request])

  defp add(beam, c, n), do: call(beam, c, {:mutate, {:increment, [n]}})

  describe "a BEAM with -proto_dist inet_tls" do
    test "that verifies nobody is dialled, and dials" do
      ca = Authority.start()
      own = Authority.issue(ca, "b")
      b = beam(Authority.option_file(ca, "b", own, verify: :verify_none))
      c = start(tls: tls(ca, Authority.issue(ca, "c"), fail_if_no_peer_cert: false))
      assert add(b, c, 1) == :ok
      d = start(tls: tls(ca, Authority.issue(ca, "d")), connect: [b.node])
      eventually(fn -> d.node in Beam.nodes(b) end)
    end

    test "has a coppice read its option file" do
      ca = Authority.start()
      file = both(ca, Authority.issue(ca, "b"))
      b = beam(file)
      c = start(tls: file, connect: [b.node])
      eventually(fn -> c.node in Beam.nodes(b) end)
    end

    test "exchanges states of 20 MB, and answers meanwhile" do
      ca = Authority.start()
      b = beam(both(ca, Authority.issue(ca, "b")))
      own = Authority.issue(ca, "c")
      c = Coppice.start(tls: tls(ca, own), replicas: [big: counter(crdt: :gset)])
      set = {:big, c.node}

      size =
        Beam.run(b, fn ->
          for i <- 1..2 do
            add = {:add, [:binary.copy(<<i>>, 10_000_000)]}
            :ok = GenServer.call(set, {:mutate, add}, 20_000)
          end

          {:ok, value} = GenServer.call(set, :value, 20_000)
          value |> Enum.map(&byte_size/1) |> Enum.sum()
        end)

      assert size == 20_000_000
      assert c.node in Beam.nodes(b, :hidden)
    end

    test "replicates with a coppice" do
      ca = Authority.start()
      b = beam(both(ca, Authority.issue(ca, "b")), grove: true)
      group = {:counter, fresh("g")}
      replicas = [s: counter(group: group, sync_interval: 50)]
      own = Authority.issue(ca, "c")
      c = Coppice.start(tls: tls(ca, own), connect: [b.node], replicas: replicas)
      there = Beam.replica(b, actor: "b", group: group, sync_interval: 50)
      eventually(fn -> c.node in Beam.nodes(b) end)
      assert Beam.call(b, GenServer, :call, [{:s, c.node}, {:mutate, {:increment, [4]}}]) == :ok
      eventually(fn -> Beam.call(b, GenServer, :call, [there, :value]) == {:ok, 4} end)
    end

    for versions <- [[:"tlsv1.2"], [:"tlsv1.3"]] do
      test "dials a coppice, #{inspect(versions)}" do
        ca = Authority.start()
        b = beam(both(ca, Authority.issue(ca, "b"), versions: unquote(versions)))
        c = start(tls: tls(ca, Authority.issue(ca, "c")))
        assert add(b, c, 3) == :ok
        assert call(b, c, :value) == {:ok, 3}
      end

      test "is dialled by a coppice, #{inspect(versions)}" do
        ca = Authority.start()
        b = beam(both(ca, Authority.issue(ca, "b"), versions: unquote(versions)))
        c = start(tls: tls(ca, Authority.issue(ca, "c")), connect: [b.node])
        eventually(fn -> c.node in Beam.nodes(b) end)
        assert add(b, c, 2) == :ok
      end
    end
  end

  describe "the Erlang application on a node with TLS" do
    # The first one compiles the last.
    @modules [:coppice_docs, :coppice_config, :coppice_log, :coppice_owner, :coppice]

    defp load(beam) do
      for module <- @modules do
        {:ok, ^module, code} = :compile.file(~c"src/#{module}.erl", [:binary])
        arguments = [module, ~c"#{module}", code]
        {:module, _} = Beam.call(beam, :code, :load_binary, arguments)
        if module == :coppice_docs, do: apply(:code, :load_binary, arguments)
      end
    end

    defp owned(beam, options) do
      load(beam)
      program = Path.expand(System.get_env("COPPICE", "priv/coppice"))
      defaults = %{node: Coppice.name(), program: program, replicas: %{r: %{crdt: :gcounter}}}
      options = Map.merge(defaults, options)

      started =
        Beam.run(beam, fn ->
          Process.flag(:trap_exit, true)
          with {:ok, pid} <- apply(:coppice, :start_link, [options]), do: Process.unlink(pid) && :ok
        end)

      {started, %{node: options.node}}
    end

    test "starts a coppice with its option file" do
      ca = Authority.start()
      b = beam(both(ca, Authority.issue(ca, "b")))
      {:ok, c} = owned(b, %{})
      eventually(fn -> c.node in Beam.nodes(b) end)
      assert add(b, c, 1) == :ok
    end

    test "or with a map" do
      ca = Authority.start()
      b = beam(both(ca, Authority.issue(ca, "b")))
      {:ok, c} = owned(b, %{tls: tls(ca, Authority.issue(ca, "c"))})
      eventually(fn -> c.node in Beam.nodes(b) end)
    end

    test "has to be told where there is no option file" do
      ca = Authority.start()
      own = Authority.issue(ca, "b")
      options = ~w(server_certfile #{own[:certfile]} server_keyfile #{own[:keyfile]})
      b = Beam.start(args: ["-proto_dist", "inet_tls", "-ssl_dist_opt" | options])
      assert {{:error, :no_tls}, _} = owned(b, %{})
      {:ok, c} = owned(b, %{tls: careless(own)})
      eventually(fn -> c.node in Beam.nodes(b) end)
    end
  end

  test "two coppices with TLS replicate, and are found again" do
    ca = Authority.start()
    group = {:counter, fresh("g")}
    r = fn actor -> [r: counter(group: group, actor: actor, sync_interval: 50)] end
    a = Coppice.start(tls: tls(ca, Authority.issue(ca, "a")), replicas: r.("a"))
    conf = both(ca, Authority.issue(ca, "b"))
    settings = [node: Coppice.name(), tls: conf, connect: [a.node], replicas: r.("b")]
    b = Coppice.start(settings)
    mutate = &Coppice.run(["mutate", &1.node, "r", "increment", &2, "--tls", conf])
    value = &Coppice.run(["value", &1.node, "r", "--tls", conf])
    assert {0, "ok\n", ""} = mutate.(a, 5)
    eventually(fn -> value.(b) == {0, "5\n", ""} end)
    Coppice.kill(b)
    b = Coppice.start(settings)
    eventually(fn -> value.(b) == {0, "5\n", ""} end)
  end

  describe "SIGHUP" do
    test "has certificates read again, and leaves connections alone" do
      ca = Authority.start()
      own = Authority.issue(ca, "c", san: "DNS:c.example.com")
      c = start(tls: tls(ca, own))
      b = beam(both(ca, Authority.issue(ca, "b")))
      one = Authority.issue(ca, "o")
      options = Authority.trust(ca, one, verify: :verify_none)
      careless = beam(Authority.option_file(ca, "o", one, options))
      assert add(careless, c, 1) == :ok
      assert Beam.ping(b, c.node) == :pang
      File.cp!(Authority.issue(ca, "c2")[:certfile], own[:certfile])
      File.cp!(Authority.path(ca, "c2.key"), own[:keyfile])
      Coppice.signal(c, "HUP")
      assert line(c, "SIGHUP: read again: TLS with certificate CN=c2, valid until ")
      assert add(b, c, 1) == :ok
      assert call(careless, c, :value) == {:ok, 2}
      refute Coppice.log(c) =~ "#{careless.node} closed"
    end

    test "with a broken file changes nothing" do
      ca = Authority.start()
      own = Authority.issue(ca, "c")
      c = start(tls: tls(ca, own))
      b = beam(both(ca, Authority.issue(ca, "b")))
      File.write!(own[:certfile], "no certificate")
      Coppice.signal(c, "HUP")
      line = line(c, "SIGHUP: tls: certfile: ")
      assert line =~ "no PEM block of this kind in it; nothing is changed"
      assert add(b, c, 1) == :ok
    end
  end

  describe "commands" do
    test "reach nodes with TLS, by an option file, a map or a configuration" do
      ca = Authority.start()
      own = Authority.issue(ca, "x")
      file = both(ca, own)
      b = beam(file)
      c = start(tls: file)
      assert {0, "pong\n", ""} = Coppice.run(["ping", b.node, "--tls", file])
      assert {0, "pong\n", ""} = Coppice.run(["ping", c.node, "--tls=#{file}"])
      rex = ["rex", "{call, erlang, node, [], user}"]
      assert {0, node, ""} = Coppice.run(["call", b.node | rex] ++ ["--tls", file])
      assert node == "'#{b.node}'\n"
      map = :io_lib.format("~0p", [tls(ca, own)])
      assert {0, "0\n", ""} = Coppice.run(["value", c.node, "r", "--tls", map])
      config = Coppice.config_file("{tls, \"#{file}\"}.")
      assert {0, "0\n", ""} = Coppice.run(["value", c.node, "r", "-c", config])
    end

    test "need no certificate of their own where none is asked for" do
      ca = Authority.start()
      c = start(tls: careless(Authority.issue(ca, "c")))
      map = "\#{cacertfile => \"#{ca.certificate}\"}"
      assert {0, "pong\n", ""} = Coppice.run(["ping", c.node, "--tls", map])
    end

    test "say why they cannot, once" do
      ca = Authority.start()
      c = start(tls: tls(ca, Authority.issue(ca, "c")))
      b = beam(both(ca, Authority.issue(ca, "b"), versions: [:"tlsv1.3"]))
      {69, "pang\n", why} = Coppice.run(["ping", c.node])
      assert why =~ "it speaks TLS, and this node does not"
      {69, "pang\n", why} = Coppice.run(["ping", b.node, "--tls", "\#{verify => verify_none}"])
      assert why =~ "the peer wants a certificate of this node: set certfile"
      other = Authority.start("other")
      file = both(other, Authority.issue(other, "x"))
      {69, "pang\n", why} = Coppice.run(["ping", c.node, "--tls", file])
      assert why =~ "CN=authority is not in cacertfile"
      # Neither is tried again under the other names for commands.
      assert length(String.split(Coppice.log(c), " is refused: ")) == 3
    end
  end

  test "handshakes that are never finished cost nobody else a connection" do
    ca = Authority.start()
    c = start(tls: tls(ca, Authority.issue(ca, "c")))
    b = beam(both(ca, Authority.issue(ca, "b")))
    # Whoever only looks whether somebody listens is not worth a line.
    for _ <- 1..3, do: :ok = :gen_tcp.close(Raw.connect(c.port))
    assert add(b, c, 1) == :ok
    refute Coppice.log(c) =~ "is refused"
    silent = for _ <- 1..200, do: Raw.connect(c.port)
    assert line(c, ~r/ is refused: /) =~ "too many connections are in the TLS handshake"
    assert Raw.closed?(hd(silent))
    assert add(b, c, 1) == :ok
    Raw.write(List.last(silent), "GET / HTTP/1.1\r\n\r\n")
    assert Raw.closed?(List.last(silent))
    assert call(b, c, :value) == {:ok, 2}
    # Nor may the others stay for ever.
    assert Raw.closed?(Enum.at(silent, 150))
  end

  test "a certificate that peers will refuse is a warning at the start" do
    ca = Authority.start()
    c = start(tls: tls(ca, Authority.issue(ca, "c", san: "DNS:c.example.com")))
    line = line(c, "warning TLS with certificate CN=c, valid until ")
    assert line =~ "it is not for 127.0.0.1, the host of this node's name"
    assert line =~ "it needs subjectAltName DNS:127.0.0.1"
    b = beam(both(ca, Authority.issue(ca, "b")))
    assert Beam.ping(b, c.node) == :pang
    old = Authority.issue(ca, "o", from: "20200101000000Z", until: "20210101000000Z")
    assert line(start(tls: tls(ca, old)), "warning TLS with certificate CN=o") =~ "not valid now"
  end
end
