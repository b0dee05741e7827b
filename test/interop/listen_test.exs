defmodule ListenTest do
  @moduledoc "The ports on which a coppice listens."
  use TestCase

  # A port whose successor is free as well, and the socket that holds it.
  defp taken_port do
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)

    case :gen_tcp.listen(port + 1, ip: {127, 0, 0, 1}) do
      {:ok, next} when port < 65_535 ->
        :gen_tcp.close(next)
        port

      _ ->
        taken_port()
    end
  end

  defp listen(port), do: %{port: port, address: ~c"127.0.0.1"}

  defp refused(port) do
    config = Coppice.config_text(node: Coppice.name(), listen: listen(port))
    Coppice.fail(["run", "-c", Coppice.config_file(config)])
  end

  test "the first free port of a range is used" do
    port = taken_port()
    c = Coppice.start(listen: listen({port, port + 1}))
    assert c.port == port + 1
    assert Beam.ping(Beam.start(), c.node) == :pong
  end

  test "a range of which no port is free is refused" do
    port = taken_port()
    first = Coppice.start(listen: listen({port, port + 1}))
    {71, error} = refused({port, first.port})
    assert error =~ "cannot listen on 127.0.0.1 ports #{port} to #{port + 1}: all are in use; "
  end

  test "a port in use is refused" do
    port = taken_port()
    {71, error} = refused(port)
    assert error =~ "cannot listen on 127.0.0.1 port #{port}: address already in use; "
  end

  test "an epmd that it starts listens at $ERL_EPMD_ADDRESS" do
    port = Epmd.free_port()
    Epmd.kill_at_end(port)
    env = [{"ERL_EPMD_PORT", "#{port}"}, {"ERL_EPMD_ADDRESS", "127.0.0.1"}]
    c = Coppice.start([], env: env)
    Coppice.logs(c, "started epmd on port #{port}")
    assert Epmd.names(port) != :none
    # Every address of this network is the loopback interface's.
    assert {:error, :econnrefused} = :gen_tcp.connect({127, 0, 0, 9}, port, [])
  end

  test "an address of another host is refused" do
    config = Coppice.config_text(node: Coppice.name(), listen: %{address: ~c"192.0.2.1"})
    {71, error} = Coppice.fail(["run", "-c", Coppice.config_file(config)])
    assert error =~ "cannot listen on 192.0.2.1 port 0: address not available; "
  end
end
