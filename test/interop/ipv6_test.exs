defmodule IPv6Test do
  @moduledoc """
  Nodes that reach each other by IPv6, or by whichever family answers.  The suites' epmd listens
  on both loopback addresses.
  """
  use TestCase

  @four {127, 0, 0, 1}
  @six {0, 0, 0, 0, 0, 0, 0, 1}

  defp six_beam(opts \\ []), do: Beam.start([host: "::1", args: ~w(-proto_dist inet6_tcp)] ++ opts)

  defp six_coppice(settings \\ [], opts \\ []) do
    defaults = [node: :"#{fresh("c")}@::1", listen: %{port: 0}]
    Coppice.start(Keyword.merge(defaults, settings), opts)
  end

  defp open?(address, port) do
    case :gen_tcp.connect(address, port, []) do
      {:ok, socket} -> :gen_tcp.close(socket) == :ok
      {:error, :econnrefused} -> false
    end
  end

  defp connected?(beam, c), do: c.node in Beam.nodes(beam)

  test "a BEAM with inet6_tcp and a coppice connect, whichever dials" do
    beam = six_beam()
    dialled = six_coppice(replicas: [views: counter()])
    assert Beam.ping(beam, dialled.node) == :pong
    assert Beam.call(beam, GenServer, :call, [{:views, dialled.node}, :value]) == {:ok, 0}
    dials = six_coppice(connect: [beam.node])
    eventually(fn -> connected?(beam, dials) end)
  end

  test "commands reach nodes by IPv6" do
    assert {0, "pong\n", _} = Coppice.run(["ping", six_beam().node])
    assert {0, "pong\n", _} = Coppice.run(["ping", six_coppice().node])
  end

  describe "the listener" do
    test "is on both families" do
      c = six_coppice()
      assert open?(@four, c.port) and open?(@six, c.port)
      Coppice.logs(c, "listening on :: port #{c.port}")
    end

    test "is on the address of `listen` alone" do
      four = six_coppice(listen: %{address: ~c"0.0.0.0"})
      assert open?(@four, four.port) and not open?(@six, four.port)
      six = six_coppice(listen: %{address: ~c"::1"})
      assert open?(@six, six.port) and not open?(@four, six.port)
    end

    test "serves BEAMs of both families at once" do
      four = Beam.start()
      six = six_beam()
      c = six_coppice(connect: [four.node, six.node])
      eventually(fn -> connected?(four, c) and connected?(six, c) end)
    end
  end

  # As where the system has no IPv4.
  defp epmd_on_six_alone do
    {:ok, listener} = :gen_tcp.listen(0, [:inet6, :binary, ip: @six, active: false])
    {:ok, port} = :inet.port(listener)
    epmd = String.to_integer(System.fetch_env!("ERL_EPMD_PORT"))
    spawn_link(fn -> forward_all(listener, epmd) end)
    port
  end

  defp forward_all(listener, port) do
    {:ok, near} = :gen_tcp.accept(listener)
    {:ok, far} = :gen_tcp.connect(@four, port, [:binary, active: false])
    for {from, to} <- [{near, far}, {far, near}], do: spawn_link(fn -> forward(from, to) end)
    forward_all(listener, port)
  end

  defp forward(from, to) do
    with {:ok, bytes} <- :gen_tcp.recv(from, 0), :ok <- :gen_tcp.send(to, bytes) do
      forward(from, to)
    else
      _ -> for socket <- [from, to], do: :gen_tcp.close(socket)
    end
  end

  test "an epmd on ::1 alone registers the coppice and finds its peers" do
    env = [{"ERL_EPMD_PORT", "#{epmd_on_six_alone()}"}]
    beam = six_beam()
    c = six_coppice([connect: [beam.node]], env: env)
    eventually(fn -> connected?(beam, c) end)
    assert Beam.ping(beam, c.node) == :pong
    refute Coppice.log(c) =~ "no epmd"
  end

  # What connects to it is neither accepted nor refused: a host behind a firewall that drops.
  defp silent(port) do
    {:ok, listener} = :gen_tcp.listen(port, [:inet6, ip: @six, backlog: 0, ipv6_v6only: true])
    for _ <- 1..4, do: :gen_tcp.connect(@six, port, [], 50)
    {:error, :timeout} = :gen_tcp.connect(@six, port, [], 200)
    listener
  end

  defp epmd_on_four_alone do
    {:ok, listener} = :gen_tcp.listen(0, [:binary, ip: @four, active: false])
    {:ok, port} = :inet.port(listener)
    epmd = String.to_integer(System.fetch_env!("ERL_EPMD_PORT"))
    spawn_link(fn -> forward_all(listener, epmd) end)
    port
  end

  @tag skip: HostsFile.skip()
  test "a host with a dead IPv6 address is reached by IPv4" do
    port = epmd_on_four_alone()
    silent(port)
    beam = Beam.start(host: "two.test")
    hosts = HostsFile.with(%{"/etc/hosts" => "127.0.0.1 localhost two.test\n::1 two.test\n"})
    opts = [wrap: hosts, env: [{"ERL_EPMD_PORT", "#{port}"}]]
    c = Coppice.start([connect: [beam.node]], opts)
    eventually(fn -> connected?(beam, c) end)
    refute Coppice.log(c) =~ "cannot connect"
  end
end
