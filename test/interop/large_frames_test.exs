defmodule LargeFramesTest do
  @moduledoc """
  One message of many megabytes, in and out: others are served meanwhile.  MEGABYTES is the size
  of the states (16).
  """
  use TestCase

  @megabytes String.to_integer(System.get_env("MEGABYTES", "16"))
  # Bytes of an element, about, in each type's encoding.
  @bytes %{GSet => 48, ORSet => 170, ORMap => 460, RGA => 330}

  defp text(n), do: String.pad_leading("#{n}", 40, "0")

  defp count(type), do: div(@megabytes * 1_048_576, @bytes[type])

  # Structs as Grove's functions make them, but without a call for each element.
  defp built(GSet, count) do
    %{GSet.new("b") | elements: MapSet.new(1..count, &text/1)}
  end

  defp built(ORSet, count) do
    entries = Map.new(1..count, &{text(&1), MapSet.new([{"b", &1}])})
    %{ORSet.new("b") | counter: count, entries: entries}
  end

  defp built(ORMap, count) do
    values = Map.new(1..count, &{text(&1), GSet.new("b")})
    %{ORMap.new("b") | keys: built(ORSet, count), values: values}
  end

  defp built(RGA, count) do
    time = %Grove.HybridLogicalClock{time: 1_700_000_000_000, counter: 0, node: "b"}

    elements =
      Map.new(1..count, fn n ->
        prev = if n == 1, do: :head, else: {"b", n - 1}
        {{"b", n}, %{id: {"b", n}, prev_id: prev, timestamp: time, value: text(n)}}
      end)

    %{RGA.new("b") | clock: count, elements: elements}
  end

  # Runs `fun`; prints its time and that of the longest call by `call` meanwhile.
  defp beside(what, call, fun) do
    calls = Task.async(fn -> calls(call, 0) end)
    {took, answer} = timed(fun)
    send(calls.pid, :enough)
    longest = Task.await(calls, 120_000)
    IO.puts("large frames: #{what}: #{took} ms, the longest call meanwhile #{longest} ms")
    answer
  end

  defp calls(call, longest) do
    receive do
      :enough -> longest
    after
      0 ->
        {took, _} = timed(call)
        calls(call, max(took, longest))
    end
  end

  defp other(c), do: fn -> :ok = GenServer.call({:other, c.node}, {:mutate, :increment}, 60_000) end

  for {type, crdt} <- [{GSet, :gset}, {ORSet, :or_set}, {ORMap, :or_map}, {RGA, :rga}] do
    @tag timeout: 240_000
    test "a BEAM sends a large #{crdt}, while others call; its own next call sees all of it" do
      count = count(unquote(type))
      options = counter(crdt: unquote(crdt), anti_entropy_interval: 86_400_000)
      c = Coppice.start(replicas: [many: options, other: counter()])
      beam = Beam.start(grove: true)
      :pong = Beam.ping(beam, c.node)
      Beam.run(beam, fn -> :persistent_term.put(:built, built(unquote(type), count)) end)

      beside("a BEAM sends #{@megabytes} MB of #{unquote(crdt)}", other(c), fn ->
        Beam.run(beam, fn ->
          delta = {:grove_delta, :persistent_term.get(:built), self()}
          spawn(fn -> send({:many, c.node}, delta) end)
          :ok
        end)

        eventually(fn -> Coppice.status(c).replicas.many.merges == 1 end, 120_000)
      end)

      # Once more; the same process calls, and counts there: the value is large, too.
      seen =
        Beam.run(beam, fn ->
          send({:many, c.node}, {:grove_delta, :persistent_term.get(:built), self()})
          {:ok, value} = GenServer.call({:many, c.node}, :value, 120_000)
          Enum.count(value)
        end)

      assert seen == count
      assert Coppice.status(c).replicas.many.merges == 2
    end
  end

  # Both on one connection.
  @tag timeout: 240_000
  test "a BEAM gets a large state, while others of its processes call" do
    replicas = [many: counter(crdt: :lww_register), other: counter()]
    c = Coppice.start(replicas: replicas)
    beam = Beam.start()
    text = String.duplicate(".", @megabytes * 1_048_576)
    :ok = GenServer.call({:many, c.node}, {:mutate, {:set, [text]}}, 60_000)
    :pong = Beam.ping(beam, c.node)

    {took, longest, bytes} =
      Beam.run(beam, fn ->
        calls = Task.async(fn -> calls(other(c), 0) end)
        get = fn -> GenServer.call({:many, c.node}, :value, 120_000) end
        {took, answers} = timed(fn -> for _ <- 1..5, do: get.() end)
        send(calls.pid, :enough)
        {took, Task.await(calls, 120_000), for({:ok, text} <- answers, do: byte_size(text))}
      end)

    assert bytes == List.duplicate(byte_size(text), 5)

    IO.puts(
      "large frames: #{@megabytes} MB five times to a BEAM: #{took} ms, " <>
        "the longest call of its other processes meanwhile #{longest} ms"
    )
  end

  @tag timeout: 240_000
  test "a request of more than 256 MB is refused, and costs its node nothing else" do
    c = Coppice.start(replicas: [many: counter(crdt: :lww_register), other: counter()])
    beam = Beam.start()
    :pong = Beam.ping(beam, c.node)

    answers =
      Beam.run(beam, fn ->
        Node.monitor(c.node, true)
        too_much = for _ <- 1..257, do: :binary.copy(".", 1_048_576)
        refused = GenServer.call({:many, c.node}, {:mutate, {:set, [too_much]}}, 60_000)
        other(c).()
        {refused, GenServer.call({:many, c.node}, :value), Process.info(self(), :messages)}
      end)

    assert answers == {{:error, {:bad_term, :too_large}}, {:ok, nil}, {:messages, []}}
    refute Coppice.log(c) =~ "disconnected"
  end
end
