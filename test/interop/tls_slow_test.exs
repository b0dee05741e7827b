defmodule TlsSlowTest do
  @moduledoc "Peers with TLS that stop reading: as large_test.exs has them without."
  use TestCase

  @never 86_400_000
  @megabyte 1_048_576

  # A register of a megabyte, which each delta is as large as, and a BEAM that changes it.
  setup do
    ca = Authority.start()
    group = {:large, fresh("g")}
    options = counter(crdt: :lww_register, group: group, anti_entropy_interval: @never)
    {:ok, ca: ca, group: group, options: options}
  end

  defp coppice(world, settings) do
    own = Authority.issue(world.ca, "c")
    replicas = [many: world.options]
    Coppice.start([tls: Tls.tls(world.ca, own), scope: :grove, replicas: replicas] ++ settings)
  end

  defp beam(ca, name, opts \\ []), do: Tls.beam(Tls.both(ca, Authority.issue(ca, name)), opts)

  defp joined(beam, group) do
    there = Beam.replica(beam, actor: "b", group: group, crdt_module: Grove.Register.LWWRegister)
    eventually(fn -> length(Beam.members(beam, :grove, group)) == 2 end)
    there
  end

  defp status(driver, c) do
    {:ok, status} = Beam.call(driver, GenServer, :call, [{:coppice, c.node}, :status])
    status
  end

  defp text(n), do: String.pad_leading("#{n}", @megabyte, ".")

  defp has?(beam, there, n) do
    Beam.run(beam, fn -> GenServer.call(there, :value) == {:ok, text(n)} end)
  end

  defp send_registers(driver, c, numbers) do
    Beam.run(driver, fn ->
      for n <- numbers do
        :ok = GenServer.call({:many, c.node}, {:mutate, {:set, [text(n)]}})
        :ok = GenServer.call({:many, c.node}, :sync_now)
      end
    end)
  end

  defp memory_mb(c) do
    [_, kb] = Regex.run(~r/VmRSS:\s+(\d+)/, File.read!("/proc/#{c.os_pid}/status"))
    div(String.to_integer(kb), 1024)
  end

  # A hundred megabytes of deltas, of which the coppice must queue a bounded part.
  defp send_much(driver, c, peer) do
    send_registers(driver, c, 1..5)
    before = memory_mb(c)
    send_registers(driver, c, 6..100)
    grown = memory_mb(c) - before
    %{peers: %{^peer => %{queued_bytes: queued}}, replicas: replicas} = status(driver, c)
    IO.puts("with TLS: 100 MB unread: #{div(queued, 1024)} kB queued, #{grown} MB grown")
    assert queued in @megabyte..(10 * @megabyte)
    assert grown < 40 * slowdown()
    assert replicas.many.behind == 1
  end

  test "it gets no more deltas, but the state when it reads again", %{ca: ca} = world do
    beam = beam(ca, "b", grove: true)
    driver = beam(ca, "d")
    c = coppice(world, connect: [beam.node])
    there = joined(beam, world.group)
    assert Beam.ping(driver, c.node) == :pong
    Beam.freeze(beam)
    send_much(driver, c, beam.node)
    Beam.thaw(beam)
    eventually(fn -> has?(beam, there, 100) end)
    eventually(fn -> status(driver, c).replicas.many.behind == 0 end)
  end

  # Whatever passes is TLS; a small receive buffer, so that what is not read stays in the coppice.
  defp tunnel(c) do
    {:ok, listening} = :gen_tcp.listen(0, [:binary, ip: {127, 0, 0, 1}, active: false])
    {:ok, port} = :inet.port(listening)
    Epmd.register(c.node, port)
    held = :atomics.new(1, [])
    spawn_link(fn -> accept(listening, c.port, held, 1) end)
    held
  end

  # held: the number of the connection to whose node nothing passes any more; 0: none.
  defp accept(listening, port, held, number) do
    {:ok, near} = :gen_tcp.accept(listening)
    options = [:binary, active: false, recbuf: 65_536]
    {:ok, far} = :gen_tcp.connect({127, 0, 0, 1}, port, options)
    spawn_link(fn -> forward(near, far, fn -> false end) end)
    spawn_link(fn -> forward(far, near, fn -> :atomics.get(held, 1) == number end) end)
    accept(listening, port, held, number + 1)
  end

  defp forward(from, to, held) do
    if held.(), do: Process.sleep(:infinity)

    with {:ok, bytes} <- :gen_tcp.recv(from, 0), :ok <- :gen_tcp.send(to, bytes) do
      forward(from, to, held)
    else
      _ -> for socket <- [from, to], do: :gen_tcp.close(socket)
    end
  end

  # Its node is alive and sends ticks; data to it is stuck in the tunnel.
  @tag timeout: 90_000
  test "for long, it is disconnected, and gets the state when it is back", %{ca: ca} = world do
    often = [net_ticktime: 60, net_tickintensity: 60]
    driver = beam(ca, "d", kernel: often)
    c = coppice(world, Relay.behind() ++ [net_ticktime: 4])
    held = tunnel(c)
    assert Beam.ping(driver, c.node) == :pong
    beam = beam(ca, "b", grove: true, kernel: often)
    assert Beam.ping(beam, c.node) == :pong
    there = joined(beam, world.group)
    send_registers(driver, c, [0])
    eventually(fn -> has?(beam, there, 0) end)
    :atomics.put(held, 1, 2)
    send_much(driver, c, beam.node)
    eventually(fn -> not Map.has_key?(status(driver, c).peers, beam.node) end, 30_000)
    Coppice.logs(c, "#{beam.node} disconnected: it reads nothing of what it is sent")
    eventually(fn -> c.node not in Beam.nodes(beam) end)
    assert Beam.ping(beam, c.node) == :pong
    eventually(fn -> has?(beam, there, 100) end)
  end
end
