defmodule CallsTest do
  @moduledoc "GenServer.call/3 and cast/2 to a replica, as to any remote GenServer."
  use TestCase
  import Bitwise

  # A call that gets its error only after a timeout is noticed by the time it takes.
  @long 60_000
  @at_once 2_000

  setup do
    coppice = Coppice.start(replicas: [views: counter()])
    {:ok, c: coppice, views: {:views, coppice.node}}
  end

  defp started(c, name \\ :another) do
    {:ok, pid} = Coppice.start_replica(c, name, counter())
    pid
  end

  # A process that passes every call on, as registered on a node between caller and replica.
  defp start_forwarder(beam, to) do
    Beam.run(beam, fn ->
      me = self()

      spawn(fn ->
        Process.register(self(), :forwarder)
        send(me, :started)
        forward(to)
      end)

      receive do: (:started -> :ok)
    end)
  end

  defp forward(to) do
    receive do: (call -> send(to, call))
    forward(to)
  end

  describe "a call that a third node passes on" do
    test "is answered: the coppice connects to the caller", %{c: c, views: views} do
      [caller, between] = [Beam.start(), Beam.start()]
      start_forwarder(between, views)
      assert Beam.nodes(caller, :connected) == []
      args = [{:forwarder, between.node}, {:mutate, {:increment, [3]}}]
      assert Beam.call(caller, GenServer, :call, args) == :ok
      assert Enum.sort(Beam.nodes(caller, :connected)) == Enum.sort([c.node, between.node])
      assert value(views) == 3
    end

    test "with a fun: it is run on the caller's node", %{c: c, views: views} do
      [caller, between] = [Beam.start(), Beam.start()]
      start_forwarder(between, views)
      forwarder = {:forwarder, between.node}

      change = fn ->
        GenServer.call(forwarder, {:mutate, fn c -> Grove.Counter.GCounter.increment(c, 3) end})
      end

      assert Beam.nodes(caller, :connected) == []
      assert Beam.run(caller, change) == :ok
      assert c.node in Beam.nodes(caller, :connected)
      assert value(views) == 3
    end

    test "from a node that cannot be reached: it is said why", %{c: c, views: views} do
      gone = Beam.start()
      from = {Beam.run(gone, fn -> self() end), make_ref()}
      Beam.signal(gone, "KILL")
      eventually(fn -> not Enum.member?(Node.list(:connected), gone.node) end)
      send(views, {:"$gen_call", from, :value})
      eventually(fn -> Coppice.log(c) =~ "a message for #{gone.node} is dropped: " end)
      assert Coppice.status(c).undelivered == 1
      assert value(views) == 0
    end
  end

  describe "a call" do
    test "by name is answered", %{views: views} do
      assert GenServer.call(views, :value) == {:ok, 0}
    end

    test "by pid is answered", %{c: c} do
      pid = started(c)
      assert node(pid) == c.node
      assert GenServer.call(pid, :value) == {:ok, 0}
    end

    test "through Grove's own functions is answered", %{views: views} do
      assert Server.mutate(views, &GCounter.increment/1) == :ok
      assert Server.batch(views, &GCounter.increment/1) == :ok
      assert Server.value(views) == {:ok, 2}
      assert Server.state(views) == {:ok, %GCounter{actor: "c", counts: %{"c" => 2}}}
      assert Server.sync_now(views) == :ok
    end

    test "may contain operations as data", %{views: views} do
      assert GenServer.call(views, {:mutate, {:increment, [5]}}) == :ok
      assert GenServer.call(views, {:mutate, :increment}) == :ok
      assert GenServer.call(views, {:mutate, [:increment, {:increment, [3]}]}) == :ok
      assert GenServer.call(views, {:batch, {:increment, [10]}}) == :ok
      assert GenServer.call(views, {:batch, [:increment, :increment]}) == :ok
      assert value(views) == 22
    end

    test "with an invalid operation changes nothing", %{views: views} do
      for wrong <- [:shrink, {:increment, [-1]}, {:increment, [1.5]}, {:increment, [1, 2]}, 7] do
        assert {:error, _} = GenServer.call(views, {:mutate, wrong})
        assert {:error, _} = GenServer.call(views, {:mutate, [:increment, wrong]})
        assert {:error, _} = GenServer.call(views, {:batch, [:increment, wrong]})
      end

      assert value(views) == 0
    end

    test "with an unknown request gets that request back in the error", %{views: views} do
      requests = [
        :get_it,
        {:value, 1, 2},
        [:improper | :list],
        %{1 => 1.0, {} => ["text", ~c"chars"]},
        1 <<< 200,
        -1,
        make_ref(),
        self(),
        &GCounter.increment/1,
        fn -> requests_are_terms(@long) end,
        <<5::3>>,
        :"an atom with ü"
      ]

      for request <- requests do
        assert GenServer.call(views, request) == {:error, {:unknown_request, request}}
      end
    end

    test "of 10 MB gets 10 MB back", %{views: views} do
      blob = :binary.copy(<<0, 1, 2, 3, 255>>, 2_000_000)

      assert GenServer.call(views, {:keep, blob}, @long) ==
               {:error, {:unknown_request, {:keep, blob}}}

      assert value(views) == 0
    end

    test "from each of a hundred callers gets its own reply", %{views: views} do
      1..100
      |> Enum.map(&Task.async(fn -> {&1, GenServer.call(views, {:who, &1})} end))
      |> Task.await_many(@long)
      |> Enum.each(fn {n, answer} -> assert answer == {:error, {:unknown_request, {:who, n}}} end)
    end

    test "to several nodes at once (multi_call) is answered", %{c: c, views: views} do
      other = Coppice.start(replicas: [views: counter()])
      :ok = GenServer.call(views, {:mutate, :increment})
      {replies, bad} = GenServer.multi_call([c.node, other.node], :views, :value)
      assert Enum.sort(replies) == Enum.sort([{c.node, {:ok, 1}}, {other.node, {:ok, 0}}])
      assert bad == []
    end
  end

  describe "a cast" do
    test "changes the replica and is not answered", %{views: views} do
      GenServer.cast(views, {:mutate, {:increment, [5]}})
      GenServer.cast(views, {:mutate, &GCounter.increment/1})
      GenServer.cast(views, {:batch, [:increment, {:increment, [3]}]})
      eventually(fn -> value(views) == 10 end)
      refute_received _
    end

    test "may contain a closure, which runs on the sender's node", %{views: views} do
      GenServer.cast(views, {:mutate, &GCounter.increment(&1, 2)})
      eventually(fn -> value(views) == 2 end)
      refute_received _
    end

    test "with an invalid request is ignored", %{c: c, views: views} do
      for request <- [:value, :state, :sync_now, :junk, {:mutate, :shrink}, {:mutate, self()}] do
        GenServer.cast(views, request)
      end

      GenServer.cast({:nobody, c.node}, :hello)
      send(views, :hello)
      send(views, {:"$gen_call", :not_from_anybody, :value})
      assert value(views) == 0
      refute_received _
    end
  end

  describe "noproc at once" do
    defp noproc_at_once(whom) do
      {took, reason} = timed(fn -> exit_of(fn -> GenServer.call(whom, :value, @long) end) end)
      assert {:noproc, _} = reason
      assert took < @at_once * slowdown()
    end

    test "for an unregistered name", %{c: c} do
      noproc_at_once({:nobody, c.node})
    end

    test "for a stopped replica", %{c: c} do
      pid = started(c)
      assert Coppice.stop_replica(c, :another) == :ok
      noproc_at_once(pid)
      noproc_at_once({:another, c.node})
    end

    test "for a pid from before a restart of the node", %{c: c} do
      pid = started(c)
      Coppice.kill(c)
      again = Coppice.start(node: c.node, replicas: [views: counter()])
      _same_number = started(again)
      eventually(fn -> Node.ping(c.node) == :pong end)
      noproc_at_once(pid)
    end
  end

  test "a late reply is dropped", %{views: views} do
    :ok = :sys.suspend(views)
    assert {:timeout, _} = exit_of(fn -> GenServer.call(views, :value, 100) end)
    :ok = :sys.resume(views)
    assert value(views) == 0
    refute_received _
  end

  describe "the node's own server" do
    test "lists, starts and stops replicas", %{c: c} do
      coppice = {:coppice, c.node}
      assert GenServer.call(coppice, :replicas) == {:ok, [:views]}

      pid = started(c)
      {:ok, names} = GenServer.call(coppice, :replicas)
      assert Enum.sort(names) == [:another, :views]
      assert {:error, _} = Coppice.start_replica(c, :another, counter())

      ref = Process.monitor(pid)
      assert Coppice.stop_replica(c, :another) == :ok
      assert_receive {:DOWN, ^ref, :process, ^pid, _}, 5_000
      assert {:error, _} = Coppice.stop_replica(c, :another)
      assert GenServer.call(coppice, :replicas) == {:ok, [:views]}
    end

    test "refuses an invalid replica", %{c: c} do
      for wrong <- [%{}, counter(crdt: :tree), counter(sync_interval: -1), counter(colour: 1), 7] do
        assert {:error, _} = Coppice.start_replica(c, :wrong, wrong)
      end

      assert {:error, _} = Coppice.start_replica(c, "not an atom", counter())
      assert GenServer.call({:coppice, c.node}, :replicas) == {:ok, [:views]}
    end

    test "replies to status", %{c: c} do
      assert %{replicas: %{views: %{refused: 0}}} = Coppice.status(c)
    end

    test "connects to a limited number of nodes by request, half of them for one node", %{c: c} do
      connect = &GenServer.call({:coppice, c.node}, {:connect, :"nobody#{&1}@127.0.0.1"})
      for n <- 1..128, do: assert(connect.(n) == :ok)
      for n <- 129..150, do: assert(connect.(n) == {:error, :limit})
      assert connect.(1) == :ok
      refute Coppice.log(c) =~ "nobody129@"
      other = Beam.start()
      others = Beam.run(other, fn -> for n <- 201..400, do: connect.(n) end)
      assert Enum.frequencies(others) == %{:ok => 128, {:error, :limit} => 72}
    end

    test "refuses an unknown request", %{c: c} do
      coppice = {:coppice, c.node}
      assert GenServer.call(coppice, :sing) == {:error, {:unknown_request, :sing}}
    end
  end

  defp requests_are_terms(n), do: n
end
