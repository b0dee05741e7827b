# A benchmark; see test/bench/run.

defmodule Healing do
  import TestCase, only: [eventually: 2, timed: 1]

  alias Grove.Set.GSet

  @folder "build/bench/healing"
  @elements 1_000_000
  @batch 10_000
  @differing 100
  @minute 60_000
  @never 86_400_000
  # An element that is in all sets: adding it only makes their digests stale.
  @old "element-1"

  def run do
    File.rm_rf!(@folder)
    File.mkdir_p!(@folder)
    IO.puts("\nSyncing a gset of #{@elements} elements; call: the longest other call meanwhile")
    IO.puts(:io_lib.format("~77s ~10s ~8s", ["ms", "kB", "call, ms"]))
    one = start(1, Relay.behind())
    relay = Relay.start(one)
    load(one, 1..@elements)
    by_comparing(one, relay)
    whole_state(one)
    a_beam(one, relay)
    Coppice.stop(one)
  end

  defp by_comparing(one, relay) do
    two = start(2, [], anti_entropy_interval: 1000, anti_entropy_jitter: 0)
    half = div(@differing, 2)
    load(two, (1 + half)..(@elements + half))
    meet("a coppice that differs in #{@differing} elements: until equal", one, two, relay)
    equal(one, two, relay)
    Coppice.stop(two)
    three = start(3, [])
    meet("an empty coppice: until it has all", one, three, relay)
    Coppice.stop(three)
  end

  defp meet(what, one, other, relay) do
    row(what, one, relay, other.node, fn ->
      :ok = GenServer.call({:coppice, other.node}, {:connect, one.node})
      eventually(fn -> sum(one) == sum(other) end, @minute)
    end)
  end

  defp equal(one, two, relay) do
    sum = sum(one)
    add(one, [@old])
    {took, longest, {:ok, :equal}} = beside(one, fn -> many(one, {:digest, sum}) end)
    repairs = fn -> Coppice.status(two).replicas.many.repairs end
    {before, bytes} = {repairs.(), Relay.bytes(relay, two.node)}
    eventually(fn -> repairs.() >= before + 5 end, @minute)
    each = (Relay.bytes(relay, two.node) - bytes) / (repairs.() - before)
    line("a coppice that is equal: until known, digests not cached", took, each, longest)
    {took, {:ok, :equal}} = timed(fn -> many(one, {:digest, sum}) end)
    line("the same, digests cached", took, each, took)
  end

  defp whole_state(one) do
    for moment <- ["not cached", "cached"] do
      if moment == "not cached", do: add(one, [@old])
      {took, longest, {:ok, state}} = beside(one, fn -> many(one, :state) end)
      what = "a BEAM that asks for the whole state, encoding #{moment}"
      line(what, took, :erlang.external_size(state), longest)
    end
  end

  defp a_beam(one, relay) do
    beam = Beam.start(grove: true)
    there = Beam.replica(beam, actor: "b", group: "many", crdt_module: GSet)

    row("an empty BEAM: until it has all, in pieces", one, relay, beam.node, fn ->
      :pong = Beam.ping(beam, one.node)
      eventually(fn -> Beam.set_size(beam, there) >= @elements end, @minute)
    end)
  end

  # --- measuring --------------------------------------------------------------------------

  defp row(what, one, relay, dialler, fun) do
    {took, longest, _} = beside(one, fun)
    line(what, took, Relay.bytes(relay, dialler), longest)
  end

  # The time of `fun`, the longest call to another replica meanwhile, and the result of `fun`.
  defp beside(one, fun) do
    calls = Task.async(fn -> calls(one, 0) end)
    {took, answer} = timed(fun)
    send(calls.pid, :enough)
    {took, Task.await(calls, @minute), answer}
  end

  defp calls(one, longest) do
    receive do
      :enough -> longest
    after
      0 ->
        call = fn -> GenServer.call({:other, one.node}, {:mutate, :increment}, @minute) end
        {took, :ok} = timed(call)
        calls(one, max(took, longest))
    end
  end

  defp line(what, ms, bytes, longest) do
    IO.puts(:io_lib.format("  ~-66ts ~8w ~10.1f ~8w", [what, ms, bytes / 1024, longest]))
  end

  # --- coppices ------------------------------------------------------------------------------

  defp start(n, settings, replica \\ []) do
    quiet = [anti_entropy_interval: @never, sync_interval: @never]
    many = [crdt: :gset, group: "many", actor: "c#{n}"] ++ Keyword.merge(quiet, replica)
    replicas = [many: Map.new(many), other: %{crdt: :gcounter, group: "other #{n}"}]
    settings = Keyword.put_new(settings, :node, :"bench_h#{n}@127.0.0.1")
    config = Coppice.config_text([scope: :grove, replicas: replicas] ++ settings)
    File.write!("#{@folder}/config#{n}", config)
    Coppice.launch_file("#{@folder}/config#{n}", "#{@folder}/log#{n}")
  end

  # Synced at the end, so that no delta is left to be sent.
  defp load(c, elements) do
    for some <- Enum.chunk_every(elements, @batch), do: add(c, for(i <- some, do: "element-#{i}"))
    :ok = many(c, :sync_now)
  end

  defp add(c, elements), do: :ok = many(c, {:mutate, for(x <- elements, do: {:add, [x]})})

  defp many(c, request), do: GenServer.call({:many, c.node}, request, @minute)

  # The digest of the whole state: the sum of the digests that it replies to a digest of 0.
  defp sum(c) do
    case many(c, {:digest, 0}) do
      {:ok, {:ranges, ranges}} -> rem(Enum.sum(for <<x::64 <- ranges>>, do: x), 2 ** 64)
      {:ok, _little} -> c.node
    end
  end
end

Healing.run()
