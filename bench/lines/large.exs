# Rows 10 and 11: replicas of a million elements.

# Its code runs on the other BEAM, too.
{:module, _, code, _} =
  defmodule Large do
    import Servers
    alias Grove.Set.GSet

    @elements 1_000_000
    @batch 10_000
    @differing 100
    @minute 60_000
    @never 86_400_000
    @quiet %{crdt: :gset, anti_entropy_interval: @never, sync_interval: @never}

    def elements, do: @elements

    # --- the whole state ---------------------------------------------------------------

    @sizes [1_000, 10_000, 100_000, @elements]

    def states do
      sets = for n <- @sizes, do: {:"many_#{n}", @quiet}
      c = coppice("bench_large", replicas: [{:views, %{crdt: :gcounter}} | sets])
      for n <- @sizes, do: add(c, :"many_#{n}", 1..n)
      c
    end

    @doc "Of a state that was not encoded since its last change, and then of the same."
    def state(c) do
      name = :"many_#{@elements}"
      add(c, name, [1])
      [first, again] = for _ <- 1..2, do: load(:state, c, server: name, depth: 1, ms: 0)
    true = first.bytes == again.bytes and first.bytes > 15 * @elements
      %{first: first.ms, again: again.ms, bytes: first.bytes}
    end

    def curve(c) do
      for n <- @sizes do
        {"state", n,
         fn ->
           add(c, :"many_#{n}", [1])
           load(:state, c, server: :"many_#{n}", depth: 1, ms: 0).ms
         end}
      end
    end

    @doc "Calls to another replica while such a state is asked for again and again."
    def meanwhile(c) do
      name = :"many_#{@elements}"
      states = Task.async(fn -> load(:state, c, server: name, depth: 1, ms: Bench.ms() + 500) end)
      Process.sleep(200)
      others = load(:value, c, depth: 1)
      Task.await(states, @minute)
      %{p99: others.p99 / 1000, longest: others.longest / 1000}
    end

    def alone(c) do
      calls = load(:value, c, depth: 1)
      %{p99: calls.p99 / 1000, longest: calls.longest / 1000}
    end

    def term_to_binary(beam) do
      count = @elements

      us =
        Beam.run(beam, fn ->
          set = :persistent_term.get(:large_set)
          start = System.monotonic_time(:microsecond)
          bytes = :erlang.term_to_binary(set)
          took = System.monotonic_time(:microsecond) - start
          true = byte_size(bytes) > 15 * count
          took
        end)

      %{first: us / 1000, again: us / 1000}
    end

    def keep_set(beam) do
      count = @elements

      Beam.run(beam, fn ->
        elements = for i <- 1..count, do: "element-#{i}"
        :persistent_term.put(:large_set, %GSet{elements: MapSet.new(elements)})
      end)
    end

    def copy(bytes) do
      {ms, 0} = System.cmd(Path.expand("build/bench/copy"), ["#{bytes}"])
      ms = String.to_float(String.trim(ms))
      %{first: ms, again: ms}
    end

    # --- two that differ ------------------------------------------------------------------

    def first_of_two do
      one = two_of(1, Relay.behind())
      # Nobody can call it before.
      relay = Relay.start(one)
      add(one, :many, 1..@elements)
      {one, relay}
    end

    @doc "Until two are equal that differ in so many elements, others in each round."
    def differing({one, relay}, round) do
      shared = @elements + round * @differing
      {mine, all} = {shared + div(@differing, 2), shared + @differing}
      two = two_of(2, [])
      add(two, :many, 1..shared)
      add(one, :many, (shared + 1)..mine)
      add(two, :many, (mine + 1)..all)
      meet({one, relay}, two)
    end

    def empty({one, relay}) do
      three = two_of(3, [])
      meet({one, relay}, three)
    end

    defp meet({one, relay}, other) do
      before = Relay.bytes(relay, other.node)

      {ms, _} =
        Bench.timed(fn ->
          :ok = GenServer.call({:coppice, other.node}, {:connect, one.node})
          TestCase.eventually(fn -> sum(one) == sum(other) end, @minute)
        end)

      kb = (Relay.bytes(relay, other.node) - before) / 1024
      stop(other)
      %{ms: ms, kb: kb}
    end

    defp two_of(n, settings) do
      many = Map.merge(@quiet, %{group: "many", actor: "c#{n}"})
      coppice("bench_h#{n}", [scope: :grove, replicas: [many: many]] ++ settings)
    end

    # The digest of the whole state: the sum of the digests that it replies to a digest of 0.
    defp sum(c) do
      case call(c, {:digest, 0}) do
        {:ok, {:ranges, ranges}} -> rem(Enum.sum(for <<x::64 <- ranges>>, do: x), 2 ** 64)
        {:ok, _little} -> c.node
      end
    end

    # --- shared ---------------------------------------------------------------------------

    @doc "Adds numbered elements, and has no delta left to be sent."
    def add(c, name, numbers) do
      for some <- Enum.chunk_every(numbers, @batch) do
        :ok = call(c, name, {:mutate, for(i <- some, do: {:add, ["element-#{i}"]})})
      end

      :ok = call(c, name, :sync_now)
    end

    defp call(c, name \\ :many, request), do: GenServer.call({name, c.node}, request, @minute)
  end

import Servers

Beam.keep_code([{Large, code}])
c = Large.states()
b = beam()
Large.keep_set(b)
bytes = Large.state(c).bytes

lines = [
  {:first, "`state` of #{Large.elements()} elements, first", "ms", :less},
  {:again, "the same, repeated", "ms", :less}
]

Bench.lines(10, lines, [
  {:coppice, nil, fn -> Large.state(c) end},
  {:beam, "term_to_binary", fn -> Large.term_to_binary(b) end},
  {:limit, "memcpy", fn -> Large.copy(bytes) end}
])

lines = [
  {:p99, "other calls meanwhile: p99", "ms", :less},
  {:longest, "other calls meanwhile: the longest", "ms", :less}
]

Bench.lines(10, lines, [
  {:coppice, nil, fn -> Large.meanwhile(c) end},
  {:limit, "at rest", fn -> Large.alone(c) end}
])

Bench.curve("elements", Large.curve(c))
stop(c)
stop(b)

pair = {one, _relay} = Large.first_of_two()
rounds = :counters.new(1, [])

next = fn ->
  :counters.add(rounds, 1, 1)
  :counters.get(rounds, 1) - 1
end

lines = [
  {:ms, "#{Large.elements()} elements, 100 differ: until equal", "ms", :less},
  {:kb, "#{Large.elements()} elements, 100 differ: sent", "kB", :less}
]

Bench.lines(11, lines, [
  {:coppice, nil, fn -> Large.differing(pair, next.()) end},
  {:limit, "all sent", fn -> Large.empty(pair) end}
])

stop(one)
