defmodule NotifyTest do
  @moduledoc "What a service manager such as systemd is told on the socket in NOTIFY_SOCKET."
  use TestCase
  alias Grove.Set.GSet

  # A manager's socket; the environment that it gives to a service.
  defp manager do
    path = Path.join(System.tmp_dir!(), fresh("notify_#{System.pid()}_"))
    {:ok, socket} = :gen_udp.open(0, [:binary, :local, active: false, ifaddr: {:local, path}])
    on_exit(fn -> File.rm(path) end)
    {socket, [{"NOTIFY_SOCKET", path}]}
  end

  defp next(socket) do
    {:ok, {_, _, text}} = :gen_udp.recv(socket, 0, 60_000)
    text
  end

  # While it starts, it may already feed the watchdog.
  defp ready(socket) do
    case next(socket) do
      "READY=1" <> _ -> :ok
      "WATCHDOG=1" -> ready(socket)
    end
  end

  test "a node is ready, and then stops" do
    {socket, env} = manager()
    c = Coppice.start([], env: env)
    assert next(socket) == "READY=1\nSTATUS=ready #{c.node} #{c.port}"
    assert Coppice.stop(c) == 0
    assert next(socket) == "STOPPING=1\nSTATUS=saving"
  end

  test "a loop that turns feeds the watchdog" do
    {socket, env} = manager()
    c = Coppice.start([], env: [{"WATCHDOG_USEC", "100000"} | env])
    ready(socket)
    for _ <- 1..3, do: assert(next(socket) == "WATCHDOG=1")
    # The loop hangs: what was sent before is read, and then there is nothing more.
    Coppice.signal(c, "STOP")
    eventually(fn -> assert :gen_udp.recv(socket, 0, 300) == {:error, :timeout} end)
    Coppice.signal(c, "CONT")
    assert next(socket) == "WATCHDOG=1"
  end

  test "the watchdog is fed while a large table is loaded" do
    {socket, env} = manager()
    state = Enum.reduce(1..20, GSet.new("a"), &GSet.add(&2, {&1, String.duplicate("x", 1_000_000)}))
    file = Table.make([{:tags, state}])
    tags = %{crdt: :gset, storage: %{file: to_charlist(file)}}
    c = Coppice.start([replicas: [tags: tags]], env: [{"WATCHDOG_USEC", "20000"} | env])
    ready(socket)
    value = Task.async(fn -> GenServer.call({:tags, c.node}, :value, 60_000) end)
    assert next(socket) == "WATCHDOG=1"
    assert Task.yield(value, 0) == nil
    assert {:ok, tags} = Task.await(value, 60_000)
    assert MapSet.size(tags) == 20
  end

  test "SIGHUP reloads, and the node is ready again" do
    {socket, env} = manager()
    ca = Authority.start()
    c = Coppice.start([tls: Tls.tls(ca, Authority.issue(ca, "c"))], env: env)
    assert "READY=1" <> _ = next(socket)
    Coppice.signal(c, "HUP")
    assert "RELOADING=1\nMONOTONIC_USEC=" <> us = next(socket)
    assert String.to_integer(us) > 0
    assert next(socket) == "READY=1"
  end

  test "nobody has to listen, and a command tells nothing" do
    {socket, env} = manager()
    c = Coppice.start([], env: [{"NOTIFY_SOCKET", "/nobody/is/here"}])
    assert {0, "pong\n", ""} = Coppice.run(["ping", c.node], env: env)
    assert :gen_udp.recv(socket, 0, 0) == {:error, :timeout}
  end
end
