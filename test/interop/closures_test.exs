defmodule ClosuresTest do
  @moduledoc """
  Closures of many callers at once: those that wait are sent to their node in one question, and
  each is answered as if it had been alone.
  """
  use TestCase

  # How long it may take until a fun that does not return has been noticed.
  @noticed 30_000

  defp alone(replica \\ []) do
    c = Coppice.start(replicas: [views: counter(replica)])
    {c, {:views, c.node}}
  end

  # Asks for all while another closure is being applied, so that they wait together; returns the
  # replies in order.
  defp together(c, here, funs) do
    test = self()

    first =
      ask(here, fn counter ->
        send(test, {:applying, self()})
        receive do: (:return -> counter)
      end)

    gate = receive do: ({:applying, pid} -> pid)

    asked =
      for {fun, i} <- Enum.with_index(funs, 1) do
        id = ask(here, fun)
        eventually(fn -> Coppice.status(c).replicas.views.waiting == 1 + i end)
        id
      end

    send(gate, :return)
    assert reply(first) == :ok
    Enum.map(asked, &reply/1)
  end

  defp ask(here, fun), do: :gen_server.send_request(here, {:mutate, fun})

  defp reply(id) do
    {:reply, reply} = :gen_server.wait_response(id, @noticed * slowdown())
    reply
  end

  defp add(n), do: &GCounter.increment(&1, n)

  test "are applied in order, each to the state that the one before has made" do
    {c, here} = alone()
    test = self()

    funs =
      for i <- 0..9 do
        fn counter ->
          send(test, {:applied, i, GCounter.value(counter)})
          GCounter.increment(counter)
        end
      end

    assert together(c, here, funs) == List.duplicate(:ok, 10)
    for i <- 0..9, do: assert_received({:applied, ^i, ^i})
    refute_received {:applied, _, _}
    assert value(here) == 10
  end

  test "are answered as each would be alone, whatever they do" do
    bad = [
      fn _ -> raise "oops" end,
      fn _ -> throw(:ball) end,
      fn _ -> exit(:left) end,
      fn _ -> exit({:shutdown, [1, 2]}) end,
      fn _ -> :erlang.error(:badarg, [1]) end,
      fn _ -> {:ok, 7} end,
      fn _ -> {:EXIT, :looks_like_one} end,
      fn _ -> PNCounter.new("c") end,
      fn _ -> nil end,
      fn _ -> apply(NoSuchModule, :f, []) end,
      fn c -> apply(NoSuchModule, :f, [c]) end,
      fn -> :wrong_arity end,
      fn _ -> raise String.duplicate("a long message ", 1000) end,
      fn c -> GCounter.increment(c, -1) end
    ]

    {c, here} = alone()
    expected = Enum.map(bad, &(ask(here, &1) |> reply()))
    assert Enum.all?(expected, &match?({:error, _}, &1))
    funs = Enum.flat_map(bad, &[add(1), &1])
    replies = together(c, here, funs ++ [add(1)])
    assert Enum.take_every(replies, 2) == List.duplicate(:ok, length(bad) + 1)
    assert replies |> Enum.drop(1) |> Enum.take_every(2) |> normal() == normal(expected)
    assert value(here) == length(bad) + 1
  end

  # Of the arguments, the state differs.
  defp normal(replies) do
    for {:error, why} <- replies do
      case why do
        {:badarity, {fun, [_state]}} -> {:badarity, fun}
        %{term: _} = exception -> %{exception | term: nil}
        _ -> why
      end
    end
  end

  test "cost only their callers an invalid state, or the end of their process" do
    invalid = [
      &%{&1 | counts: %{"c" => -1}},
      &Map.delete(&1, :counts),
      fn _ -> Process.exit(self(), :kill) end,
      fn c ->
        :erlang.erase()
        c
      end
    ]

    for fun <- invalid do
      {c, here} = alone()
      [:ok, _, :ok] = together(c, here, [add(1), fun, add(2)])
      assert value(here) == 3
    end
  end

  test "that are slow are answered one after the other" do
    {c, here} = alone()

    slow = fn counter ->
      Process.sleep(100)
      GCounter.increment(counter)
    end

    assert together(c, here, List.duplicate(slow, 6)) == List.duplicate(:ok, 6)
    assert value(here) == 6
  end

  test "that hang do not keep those before them from being applied" do
    {c, here} = alone()
    test = self()

    hang = fn _ ->
      send(test, {:hangs, self()})
      Process.sleep(:infinity)
    end

    assert [:ok, :ok, {:error, :timeout}, {:error, :unresponsive}] =
             together(c, here, [add(1), add(2), hang, add(4)])

    assert_received {:hangs, pid}
    eventually(fn -> not Process.alive?(pid) end)
    refute_received {:hangs, _}
    assert value(here) == 3
    assert GenServer.call(here, {:mutate, :increment}) == :ok
  end

  test "of a large set are merged with every change" do
    {c, here} = alone(crdt: :or_set)
    many = Enum.map(1..2000, &"element #{&1}")
    :ok = GenServer.call(here, {:mutate, for(element <- many, do: {:add, [element]})})
    removed = Enum.take_every(many, 100)
    adds = for i <- 1..20, do: &ORSet.add(&1, {:late, i})
    removals = for element <- removed, do: &ORSet.remove(&1, element)
    funs = adds |> Enum.zip(removals) |> Enum.flat_map(&Tuple.to_list/1)
    assert together(c, here, funs) == List.duplicate(:ok, 40)
    expected = MapSet.new((many -- removed) ++ for(i <- 1..20, do: {:late, i}))
    assert MapSet.equal?(value(here), expected)
  end

  test "reach the other members of the group, once each" do
    group = {:counter, fresh("g")}
    beam = Beam.start(grove: true)
    there = Beam.replica(beam, actor: "b", group: group)
    replicas = [views: counter(group: group)]
    c = Coppice.start(scope: :grove, connect: [beam.node], replicas: replicas)
    here = {:views, c.node}
    eventually(fn -> length(Beam.members(beam, :grove, group)) == 2 end)
    assert together(c, here, Enum.map(1..8, &add/1)) == List.duplicate(:ok, 8)
    :ok = Server.sync_now(here)
    all_reach([here, there], 36)
  end

  # Some of them fail, some are operations.
  defp change(here, i) do
    case rem(i, 7) do
      0 -> {0, Server.mutate(here, fn _ -> raise "oops" end)}
      1 -> {0, Server.mutate(here, fn _ -> throw(i) end)}
      2 -> {1, GenServer.call(here, {:mutate, :increment}, @noticed)}
      _ -> {i, GenServer.call(here, {:mutate, add(i)}, @noticed)}
    end
  end

  test "of 64 callers are counted once each" do
    {c, here} = alone()

    sum =
      1..64
      |> Task.async_stream(
        fn caller ->
          Enum.sum(
            for i <- 1..20 do
              case change(here, caller + i) do
                {n, :ok} -> n
                {0, {:error, _}} -> 0
              end
            end
          )
        end,
        max_concurrency: 64,
        timeout: 60_000
      )
      |> Enum.map(fn {:ok, sum} -> sum end)
      |> Enum.sum()

    assert value(here) == sum
    assert Coppice.status(c).replicas.views.waiting == 0
  end

  test "of a node that is killed meanwhile are made or not made, and nobody waits for them" do
    replicas = [views: counter(storage: %{file: Table.path()})]
    settings = [node: Coppice.name(), replicas: replicas]
    c = Coppice.start(settings)
    here = {:views, c.node}
    beam = Beam.start(grove: true)
    Beam.run(beam, fn -> for _ <- 1..64, do: spawn(fn -> increment_forever(here) end) end)
    eventually(fn -> value(here) > 200 end)
    Beam.signal(beam, "KILL")
    assert GenServer.call(here, {:mutate, :increment}, @noticed) == :ok
    assert together(c, here, [add(1), add(2)]) == [:ok, :ok]
    before = value(here)
    Coppice.kill(c)
    c = Coppice.start(settings)
    assert value({:views, c.node}) == before
  end

  def increment_forever(here) do
    one = 1
    GenServer.call(here, {:mutate, &GCounter.increment(&1, one)}, 60_000)
    increment_forever(here)
  end
end
