defmodule ReplicationTest do
  @moduledoc "Replication of counters between a coppice and Grove."
  use TestCase
  import Bitwise

  setup do
    {:ok, group: {:counter, fresh("g")}}
  end

  # A Grove replica and a coppice's of the same group, which know each other; neither syncs
  # unless asked to.
  defp pair(group, opts \\ []) do
    module = Keyword.get(opts, :module, GCounter)
    beam = Beam.start(grove: true)
    there = Beam.replica(beam, actor: "b", group: group, crdt_module: module)
    c = coppice(group, [beam], crdt: module)
    here = {:views, c.node}
    eventually(fn -> length(Beam.members(beam, :grove, group)) == 2 end)
    {c, beam, here, there}
  end

  defp coppice(group, beams, replica \\ [], extra \\ []) do
    replicas = [views: counter([group: group] ++ replica)]
    connect = Enum.map(beams, & &1.node)
    Coppice.start([scope: :grove, connect: connect, replicas: replicas] ++ extra)
  end

  # A replica that is alone in its group.
  defp alone(replica \\ []) do
    c = Coppice.start(replicas: [views: counter(replica)])
    {c, {:views, c.node}}
  end

  describe "deltas" do
    test "go both ways on request", %{group: group} do
      {_c, _beam, here, there} = pair(group)
      :ok = Server.mutate(here, &GCounter.increment(&1, 5))
      :ok = Server.mutate(there, &GCounter.increment(&1, 2))
      for server <- [here, there], do: :ok = Server.sync_now(server)
      all_reach([here, there], 7)
      assert state(here).counts == %{"c" => 5, "b" => 2}
      assert state(there).counts == %{"c" => 5, "b" => 2}
    end

    test "go both ways at each sync interval", %{group: group} do
      beam = Beam.start(grove: true)
      there = Beam.replica(beam, actor: "b", group: group, sync_interval: 50)
      c = coppice(group, [beam], sync_interval: 50)
      here = {:views, c.node}
      eventually(fn -> length(Beam.members(beam, :grove, group)) == 2 end)
      :ok = Server.mutate(here, &GCounter.increment(&1, 5))
      :ok = Server.mutate(there, &GCounter.increment(&1, 2))
      all_reach([here, there], 7)
    end

    test "are sent on a cast of sync_now", %{group: group} do
      {_c, _beam, here, there} = pair(group)
      :ok = Server.mutate(here, &GCounter.increment/1)
      GenServer.cast(here, :sync_now)
      all_reach([there], 1)
    end

    test "contain the change, once, and the sender's pid", %{group: group} do
      beam = Beam.start(grove: true)
      member = Member.start(beam, :grove, group)
      c = coppice(group, [beam])
      here = {:views, c.node}
      eventually(fn -> length(Beam.members(beam, :grove, group)) == 2 end)
      [pid] = Beam.members(beam, :grove, group) -- [member]
      full = %GCounter{actor: "x", counts: %{"x" => 4}}
      send(pid, {:grove_delta, full, member})
      :ok = Server.mutate(here, &GCounter.increment(&1, 3))
      assert value(here) == 7
      Member.flush(beam, member)

      for _ <- 1..3, do: :ok = Server.sync_now(here)
      eventually(fn -> Member.messages(beam, member) != [] end)
      assert [{:grove_delta, delta, ^pid}] = Member.messages(beam, member)
      assert delta == %GCounter{actor: "c", counts: %{"c" => 3}}
    end

    test "of a pncounter with a value of 0 are sent all the same", %{group: group} do
      {_c, _beam, here, there} = pair(group, module: PNCounter)
      :ok = GenServer.call(here, {:mutate, [{:increment, [4]}, {:decrement, [4]}]})
      :ok = Server.sync_now(here)
      eventually(fn -> state(there).positive.counts == %{"c" => 4} end)
      assert value(there) == 0
    end

    test "are accepted in each form that peers may use" do
      {_c, here} = alone()
      struct = fn n -> %GCounter{actor: "x", counts: %{"x" => n}, delta_buffer: %{"y" => 99}} end
      send(here, {:grove_delta, struct.(1), self()})
      assert value(here) == 1
      send(here, {:grove_delta, struct.(2)})
      assert value(here) == 2
      send(here, {:delta, struct.(3)})
      assert value(here) == 3
      send(here, {:delta, struct.(4), self()})
      assert value(here) == 4
      GenServer.cast(here, {:grove_delta, struct.(5), self()})
      assert value(here) == 5
    end

    test "that are old or duplicates change nothing" do
      {_c, here} = alone()

      for n <- [3, 3, 1, 2],
          do: send(here, {:grove_delta, %GCounter{counts: %{"x" => n}}, self()})

      assert value(here) == 3
    end

    test "make three nodes converge, two of them coppices", %{group: group} do
      beam = Beam.start(grove: true)
      there = Beam.replica(beam, actor: "b", group: group)
      one = coppice(group, [beam], actor: "c1")
      two = coppice(group, [beam, one], actor: "c2")
      servers = [there, {:views, one.node}, {:views, two.node}]
      eventually(fn -> length(Beam.members(beam, :grove, group)) == 3 end)

      for {server, n} <- Enum.zip(servers, [1, 10, 100]) do
        :ok = Server.mutate(server, &GCounter.increment(&1, n))
        eventually(fn -> Server.sync_now(server) == :ok end)
      end

      all_reach(servers, 111)
    end
  end

  describe "a fun" do
    test "of a known module (an export) is applied", %{group: group} do
      {_c, _beam, here, _there} = pair(group)
      assert Server.mutate(here, &GCounter.increment/1) == :ok
      assert value(here) == 1
    end

    test "that is a closure is applied, from any node", %{group: group} do
      {_c, beam, here, there} = pair(group)
      n = 5
      :ok = Server.mutate(here, &GCounter.increment(&1, n))

      Beam.run(beam, fn ->
        :ok =
          Server.mutate(here, fn counter ->
            once = GCounter.increment(counter)
            if GCounter.value(once) > 5, do: GCounter.increment(once, 100), else: once
          end)
      end)

      assert value(here) == 106
      :ok = Server.sync_now(here)
      all_reach([there], 106)
    end

    test "is applied in a batch", %{group: group} do
      {_c, _beam, here, _there} = pair(group)
      assert Server.batch(here, &(&1 |> GCounter.increment() |> GCounter.increment(4))) == :ok
      assert value(here) == 5
    end

    test "that raises returns its exception as an error", %{group: group} do
      {_c, _beam, here, _there} = pair(group)
      oops = fn counter -> raise "oops at #{GCounter.value(counter)}" end
      assert Server.mutate(here, oops) == {:error, %RuntimeError{message: "oops at 0"}}
      assert Server.batch(here, oops) == {:error, %RuntimeError{message: "oops at 0"}}
      assert value(here) == 0
    end

    test "that throws or exits returns an error" do
      {_c, here} = alone()
      assert {:error, _} = Server.mutate(here, fn _ -> throw(:ball) end)
      assert {:error, _} = Server.mutate(here, fn _ -> exit(:left) end)
      assert value(here) == 0
    end

    test "that returns anything but a valid state changes nothing" do
      {_c, here} = alone()

      for other <- [PNCounter.new("c"), %{}, nil, 7, "text", {:ok, GCounter.new("c")}] do
        assert {:error, _} = Server.mutate(here, fn _ -> other end)
      end

      assert {:error, _} = Server.mutate(here, &%{&1 | counts: %{"c" => -1}})
      assert {:error, _} = Server.mutate(here, &Map.delete(&1, :counts))
      assert {:error, _} = Server.mutate(here, fn _, _ -> :two_arguments end)
      assert value(here) == 0
    end

    test "that returns an older state changes nothing" do
      {_c, here} = alone()
      :ok = Server.mutate(here, &GCounter.increment(&1, 5))
      Server.mutate(here, fn _ -> GCounter.new("c") end)
      assert value(here) == 5
    end

    test "whose node dies is abandoned, and the next request served at once" do
      {_c, here} = alone()
      beam = Beam.start()

      waiting =
        Beam.run(beam, fn ->
          parent = self()
          spawn(fn -> GenServer.call(here, {:mutate, started_then_stuck(parent)}, 60_000) end)
          receive do: (:applied -> true)
        end)

      assert waiting

      next =
        Task.async(fn -> timed(fn -> Server.mutate(here, &GCounter.increment(&1, 1)) end) end)

      assert value(here) == 0
      Beam.signal(beam, "KILL")
      assert {took, :ok} = Task.await(next, 20_000)
      assert took < 3_000 * slowdown()
      assert value(here) == 1
    end

    test "that takes too long is abandoned before its call times out; reads do not wait" do
      {_c, here} = alone()
      me = self()

      slow = fn counter ->
        send(me, :applied)
        Process.sleep(60_000)
        counter
      end

      call = Task.async(fn -> Server.mutate(here, slow) end)
      assert_receive :applied, 5_000
      {took, 0} = timed(fn -> value(here) end)
      assert took < 1_000 * slowdown()
      send(here, {:grove_delta, %GCounter{counts: %{"x" => 3}}, self()})
      assert value(here) == 3
      assert {:error, _} = Task.await(call, 10_000 * slowdown())
      assert Server.mutate(here, &GCounter.increment/1) == :ok
      assert value(here) == 4
    end

    test "sees what was merged before it" do
      {_c, here} = alone()
      send(here, {:grove_delta, %GCounter{counts: %{"x" => 3}}, self()})
      :ok = Server.mutate(here, &GCounter.increment(&1, GCounter.value(&1)))
      assert value(here) == 6
    end

    test "from each of 50 concurrent callers counts, mixed with operations as data",
         %{group: group} do
      {_c, beam, here, there} = pair(group)

      add = fn n ->
        case rem(n, 3) do
          0 -> Server.mutate(here, &GCounter.increment(&1, n))
          1 -> Beam.run(beam, fn -> Server.mutate(here, &GCounter.increment(&1, n)) end)
          2 -> GenServer.call(here, {:mutate, {:increment, [n]}})
        end
      end

      answers = 1..50 |> Enum.map(&Task.async(fn -> add.(&1) end)) |> Task.await_many(30_000)
      assert Enum.uniq(answers) == [:ok]
      assert value(here) == Enum.sum(1..50)
      :ok = Server.sync_now(here)
      all_reach([there], Enum.sum(1..50))
    end
  end

  defp started_then_stuck(parent) do
    fn counter ->
      send(parent, :applied)
      Process.sleep(:infinity)
      counter
    end
  end

  describe "a batch" do
    test "is all or nothing, as data and as a fun" do
      {_c, here} = alone()
      :ok = Server.mutate(here, &GCounter.increment/1)
      assert {:error, _} = GenServer.call(here, {:batch, [{:increment, [5]}, :shrink]})
      assert {:error, _} = GenServer.call(here, {:batch, [{:increment, [5]}, {:increment, [-5]}]})

      assert {:error, %RuntimeError{message: "half way"}} =
               Server.batch(here, fn counter ->
                 _lost = GCounter.increment(counter, 5)
                 raise "half way"
               end)

      assert state(here) == %GCounter{actor: "c", counts: %{"c" => 1}}
    end
  end

  describe "catching up:" do
    test "a Grove replica that joins late gets the whole state", %{group: group} do
      beam = Beam.start(grove: true)
      c = coppice(group, [beam])
      here = {:views, c.node}
      :ok = Server.mutate(here, &GCounter.increment(&1, 7))
      :ok = Server.sync_now(here)
      there = Beam.replica(beam, actor: "b", group: group)
      all_reach([there], 7)
    end

    test "a coppice that joins late gets the whole state", %{group: group} do
      beam = Beam.start(grove: true)
      there = Beam.replica(beam, actor: "b", group: group)
      :ok = Server.mutate(there, &GCounter.increment(&1, 7))
      :ok = Server.sync_now(there)
      c = coppice(group, [beam])
      all_reach([{:views, c.node}], 7)
    end

    test "both sides get what they missed while disconnected", %{group: group} do
      {c, beam, here, there} = pair(group)
      Beam.freeze(beam)
      kept = Task.async(fn -> Server.mutate(here, &GCounter.increment(&1, 1)) end)
      assert Task.await(kept) == :ok
      Beam.thaw(beam)
      Beam.disconnect(beam, c.node)

      :ok = Server.mutate(here, &GCounter.increment(&1, 4))
      :ok = Server.mutate(there, &GCounter.increment(&1, 2))
      for server <- [here, there], do: :ok = Server.sync_now(server)
      all_reach([here, there], 7)
    end

    test "a coppice restarted without storage continues from its old count", %{group: group} do
      {c, beam, here, there} = pair(group)
      :ok = Server.mutate(here, &GCounter.increment(&1, 5))
      :ok = Server.sync_now(here)
      all_reach([there], 5)
      Coppice.kill(c)

      Beam.freeze(beam)
      coppice(group, [beam], [], node: c.node)
      call = Task.async(fn -> GenServer.call(here, {:mutate, {:increment, [5]}}) end)
      refute Task.yield(call, 200)
      Beam.thaw(beam)
      assert Task.await(call) == :ok
      assert value(here) == 10
      :ok = Server.sync_now(here)
      all_reach([there], 10)
    end
  end

  describe "counts" do
    test "beyond 2^63 and 2^64 are exact", %{group: group} do
      {_c, _beam, here, there} = pair(group)
      :ok = GenServer.call(here, {:mutate, {:increment, [(1 <<< 63) - 1]}})
      :ok = Server.mutate(here, &GCounter.increment/1)
      assert value(here) == 1 <<< 63
      :ok = GenServer.call(here, {:mutate, {:increment, [1 <<< 200]}})
      :ok = Server.mutate(there, &GCounter.increment(&1, 1 <<< 64))
      for server <- [here, there], do: :ok = Server.sync_now(server)
      all_reach([here, there], (1 <<< 63) + (1 <<< 64) + (1 <<< 200))
    end

    test "may be negative in a pncounter", %{group: group} do
      {_c, _beam, here, there} = pair(group, module: PNCounter)
      :ok = Server.mutate(here, &PNCounter.decrement(&1, 1 <<< 70))
      :ok = Server.mutate(there, &PNCounter.increment(&1, 5))
      for server <- [here, there], do: :ok = Server.sync_now(server)
      all_reach([here, there], 5 - (1 <<< 70))

      assert %PNCounter{
               actor: "c",
               positive: %GCounter{counts: %{"b" => 5}},
               negative: %GCounter{counts: %{"c" => _}}
             } = state(here)
    end

    test "are kept for actors that are any term" do
      {_c, here} = alone(actor: {:node, 1})
      counts = %{:a => 1, "a" => 2, {1, [2]} => 4, 1 => 8, 1.0 => 16, %{} => 32, self() => 64}
      send(here, {:grove_delta, %GCounter{counts: counts}, self()})
      :ok = Server.mutate(here, &GCounter.increment(&1, 128))
      assert state(here).counts == Map.put(counts, {:node, 1}, 128)
    end
  end

  describe "a struct that is not a valid state" do
    malformed = [
      {"of another counter", Macro.escape(%PNCounter{actor: 1, positive: nil, negative: nil})},
      {"of another library", Macro.escape(%{__struct__: SomeOther, counts: %{"x" => 1}})},
      {"that is a plain map", Macro.escape(%{counts: %{"x" => 1}})},
      {"that is not a map", {:{}, [], [:counts, "x", 1]}},
      {"without its counts",
       Macro.escape(%{__struct__: GCounter, actor: "x", delta_buffer: %{}})},
      {"whose counts are a list", Macro.escape(%GCounter{counts: [{"x", 1}]})},
      {"with a negative count", Macro.escape(%GCounter{counts: %{"x" => -1, "y" => 2}})},
      {"with a count that is a float", Macro.escape(%GCounter{counts: %{"y" => 2, "x" => 1.5}})}
    ]

    for {what, term} <- malformed do
      test "(#{what}) is refused whole and counted" do
        {c, here} = alone()
        :ok = Server.mutate(here, &GCounter.increment/1)
        before = state(here)
        send(here, {:grove_delta, unquote(term), self()})
        assert state(here) == before
        assert Coppice.refused(c, :views) == 1
      end
    end
  end
end
