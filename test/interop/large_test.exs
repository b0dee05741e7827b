defmodule LargeTest do
  @moduledoc "States of many megabytes, and peers that do not read."
  use TestCase

  @never 86_400_000
  @elements 500_000
  @batch 10_000
  @megabyte 1_048_576

  defp elements(first) do
    for i <- first..(first + @batch - 1), do: "element-#{String.pad_leading("#{i}", 32, "0")}"
  end

  defp add(c, elements) do
    ops = for x <- elements, do: {:add, [x]}
    :ok = GenServer.call({:many, c.node}, {:mutate, ops}, 20_000)
  end

  # The 1024 digests that coppices with large states compare.
  defp digests(c) do
    assert {:ok, {:ranges, digests}} = GenServer.call({:many, c.node}, {:digest, 0}, 20_000)
    digests
  end

  defp status(c), do: Coppice.status(c).replicas.many

  defp memory_mb(c) do
    [_, kb] = Regex.run(~r/VmRSS:\s+(\d+)/, File.read!("/proc/#{c.os_pid}/status"))
    div(String.to_integer(kb), 1024)
  end

  # Runs `fun`, and prints its time and that of the longest call to another replica meanwhile.
  defp beside(c, what, fun) do
    calls = Task.async(fn -> calls(c, 0) end)
    {took, answer} = timed(fun)
    send(calls.pid, :enough)
    longest = Task.await(calls, 60_000)
    IO.puts("large states: #{what}: #{took} ms, the longest call meanwhile #{longest} ms")
    assert longest < 2_000 * slowdown()
    answer
  end

  defp calls(c, longest) do
    receive do
      :enough -> longest
    after
      0 ->
        {took, :ok} = timed(fn -> GenServer.call({:other, c.node}, {:mutate, :increment}) end)
        calls(c, max(took, longest))
    end
  end

  describe "a set of #{@elements} elements" do
    setup do
      group = {:large, fresh("g")}
      many = counter(crdt: :gset, group: group, anti_entropy_interval: @never)
      replicas = [many: many, other: counter()]
      one = Coppice.start(Relay.behind() ++ [scope: :grove, replicas: replicas])
      relay = Relay.start(one)
      for first <- 1..@elements//@batch, do: add(one, elements(first))
      :ok = Server.sync_now({:many, one.node})
      {:ok, one: one, relay: relay, group: group, many: many}
    end

    @tag timeout: 90_000
    test "reaches a coppice that joins; a difference of ten elements costs little", world do
      %{one: one, relay: relay} = world
      many = %{world.many | actor: "d", anti_entropy_interval: 300}
      two = Coppice.start(scope: :grove, connect: [one.node], replicas: [many: many])

      beside(one, "a coppice that joins", fn ->
        eventually(fn -> digests(two) == digests(one) end, 20_000)
      end)

      assert MapSet.size(Canonical.of(GSet, value({:many, two.node}))) == @elements
      Relay.lose(relay, two.node, "grove_delta")
      before = Relay.bytes(relay, two.node)
      add(one, for(n <- 1..10, do: {:new, n}))
      :ok = Server.sync_now({:many, one.node})
      eventually(fn -> Relay.lost(relay, two.node) > 0 end)

      beside(one, "ten elements that differ", fn ->
        Relay.lose(relay, two.node, nil)
        eventually(fn -> digests(two) == digests(one) end, 20_000)
      end)

      # Some digests for each, and the fingerprints of its neighbours.
      kilobytes = div(Relay.bytes(relay, two.node) - before, 1024)
      IO.puts("large states: #{kilobytes} kB for ten elements that differ, of 20 MB")
      assert kilobytes < 128
    end

    @tag timeout: 90_000
    test "reaches a BEAM that joins, in pieces", world do
      %{one: one, group: group} = world
      beam = Beam.start(grove: true)
      there = Beam.replica(beam, actor: "b", group: group, crdt_module: GSet)
      member = Member.start(beam, :grove, group, GSet)
      :pong = Beam.ping(beam, one.node)

      beside(one, "a BEAM that joins", fn ->
        eventually(fn -> assert Beam.set_size(beam, there) == @elements end, 40_000)
      end)

      eventually(fn -> assert received_size(beam, member) == @elements end)
      pieces = pieces(beam, member)
      assert length(pieces) > 10
      assert Enum.max(pieces) < 4 * @megabyte
      assert status(one).refused == 0
    end

    defp received_size(beam, member) do
      Beam.run(beam, fn ->
        sets = for {:grove_delta, set, _} <- GenServer.call(member, :messages), do: set.elements
        sets |> Enum.reduce(MapSet.new(), &MapSet.union/2) |> MapSet.size()
      end)
    end

    defp pieces(beam, member) do
      Beam.run(beam, fn ->
        for {:grove_delta, set, _} <- GenServer.call(member, :messages),
            do: :erlang.external_size(set)
      end)
    end
  end

  describe "a peer that does not read" do
    # A register of a megabyte: each delta is as large as the state.
    defp register(settings) do
      group = {:large, fresh("g")}
      options = counter(crdt: :lww_register, group: group, anti_entropy_interval: @never)
      c = Coppice.start([scope: :grove, replicas: [many: options]] ++ settings)
      {c, group}
    end

    defp send_register(c, n) do
      :ok = GenServer.call({:many, c.node}, {:mutate, {:set, [text(n)]}})
      :ok = Server.sync_now({:many, c.node})
    end

    defp text(n), do: String.pad_leading("#{n}", @megabyte, ".")

    # A hundred megabytes of deltas, of which the coppice must queue a bounded part.
    defp send_much(c, peer) do
      for n <- 1..5, do: send_register(c, n)
      before = memory_mb(c)
      for n <- 6..100, do: send_register(c, n)
      grown = memory_mb(c) - before
      %{^peer => %{queued_bytes: queued}} = Coppice.status(c).peers
      IO.puts("large states: 100 MB unread: #{div(queued, 1024)} kB queued, #{grown} MB grown")
      assert queued in @megabyte..(10 * @megabyte)
      assert grown < 40 * slowdown()
      assert status(c).behind == 1
    end

    defp joined(beam, group) do
      there = Beam.replica(beam, actor: "b", group: group, crdt_module: LWWRegister)
      eventually(fn -> length(Beam.members(beam, :grove, group)) == 2 end)
      there
    end

    test "gets no more deltas, but the state when it reads again" do
      beam = Beam.start(grove: true)
      {c, group} = register(connect: [beam.node])
      there = joined(beam, group)
      Beam.freeze(beam)
      send_much(c, beam.node)
      Beam.thaw(beam)
      eventually(fn -> assert value(there) == text(100) end)
      eventually(fn -> status(c).behind == 0 end)
    end

    # Its node is alive and sends ticks; data to it is stuck in the relay.
    @tag timeout: 90_000
    test "for long is disconnected, and gets the state when it is back" do
      {c, group} = register(Relay.behind() ++ [net_ticktime: 4])
      relay = Relay.start(c)
      beam = Beam.start(grove: true, kernel: [net_ticktime: 60, net_tickintensity: 60])
      :pong = Beam.ping(beam, c.node)
      there = joined(beam, group)
      send_register(c, 0)
      eventually(fn -> assert value(there) == text(0) end)

      Relay.hold(relay, beam.node)
      send_much(c, beam.node)
      eventually(fn -> not Map.has_key?(Coppice.status(c).peers, beam.node) end, 30_000)
      Coppice.logs(c, "#{beam.node} disconnected: it reads nothing of what it is sent")
      eventually(fn -> c.node not in Beam.nodes(beam) end)

      Relay.release(relay, beam.node)
      :pong = Beam.ping(beam, c.node)
      eventually(fn -> assert value(there) == text(100) end)
    end
  end

  describe "sixty callers at once" do
    defp peak_mb(c) do
      [_, kb] = Regex.run(~r/VmHWM:\s+(\d+)/, File.read!("/proc/#{c.os_pid}/status"))
      div(String.to_integer(kb), 1024)
    end

    test "all get a value of five megabytes" do
      c = Coppice.start(replicas: [many: counter(crdt: :lww_register)])
      text = String.duplicate(".", 5 * @megabyte)
      :ok = GenServer.call({:many, c.node}, {:mutate, {:set, [text]}}, 20_000)
      before = peak_mb(c)
      caller = fn _ -> GenServer.call({:many, c.node}, :value, 60_000) end
      answers = Task.async_stream(1..60, caller, max_concurrency: 60, timeout: 60_000)
      assert Enum.all?(answers, &(&1 == {:ok, {:ok, text}}))
      grown = peak_mb(c) - before
      IO.puts("large states: 60 callers of 5 MB: #{grown} MB grown")
      assert grown < 60
      refute Coppice.log(c) =~ "disconnected"
    end
  end
end
