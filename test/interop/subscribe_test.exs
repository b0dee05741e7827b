defmodule SubscribeTest do
  @moduledoc "Processes that are told of a replica's changes."
  use TestCase

  setup do
    c = Coppice.start(replicas: [views: counter(), title: counter(crdt: :lww_register)])
    {:ok, c: c, views: {:views, c.node}, title: {:title, c.node}}
  end

  defp subscribe(server, options \\ %{}, pid \\ self()) do
    {:ok, ref} = GenServer.call(server, {:subscribe, pid, options})
    ref
  end

  defp next(ref) do
    assert_receive {:coppice_changed, _name, ^ref, change}, 8_000 * slowdown()
    change
  end

  defp add(server, n \\ 1), do: :ok = GenServer.call(server, {:mutate, {:increment, [n]}})

  # The values that it is told, until this one.
  defp values(ref, last, told \\ []) do
    case next(ref) do
      %{value: ^last} -> Enum.reverse([last | told])
      %{value: value} -> values(ref, last, [value | told])
    end
  end

  defp subscribers(c, name \\ :views), do: Coppice.status(c).replicas[name].subscribers

  # A process there that passes on what it is told.
  defp observer(beam, server, options \\ %{}) do
    to = self()

    Beam.run(beam, fn ->
      spawn(fn ->
        {:ok, ref} = GenServer.call(server, {:subscribe, self(), options})
        send(to, {:ref, self(), ref})
        pass_on(to)
      end)
    end)

    assert_receive {:ref, pid, ref}, 8_000 * slowdown()
    {pid, ref}
  end

  defp pass_on(to) do
    receive do: (message -> send(to, message))
    pass_on(to)
  end

  describe "a subscriber" do
    test "is told the value at once, and then each change in order", %{views: views} do
      {:ok, ref} = GenServer.call(views, {:subscribe, self()})
      assert_receive {:coppice_changed, :views, ^ref, %{value: 0, version: first}}

      for n <- 1..20 do
        add(views)
        assert_receive {:coppice_changed, :views, ^ref, %{value: ^n, version: version}}
        assert version == first + n
      end

      refute_received {:coppice_changed, _, _, _}
    end

    test "is told of what peers have changed", %{c: c, views: views} do
      ref = subscribe(views)
      group = Coppice.status(c).replicas.views.group
      other = Coppice.start(connect: [c.node], replicas: [views: counter(actor: "d", group: group)])
      add({:views, other.node}, 7)
      :ok = Server.sync_now({:views, other.node})
      assert values(ref, 7) |> List.last() == 7
    end

    test "under load is told less often, never of the past, and of the last change",
         %{views: views} do
      ref = subscribe(views)
      for _ <- 1..20_000, do: GenServer.cast(views, {:mutate, :increment})
      told = values(ref, 20_000)
      assert told == Enum.sort(told)
      assert length(told) < 20_000
    end

    test "may ask for versions alone", %{views: views} do
      ref = subscribe(views, %{what: :version})
      assert %{version: first} = next(ref)
      add(views)
      assert next(ref) == %{version: first + 1}
    end

    test "may merge deltas into a copy of its own", %{c: c} do
      {:ok, tags} = Coppice.start_replica(c, :tags, counter(crdt: :or_set))
      :ok = GenServer.call(tags, {:mutate, [{:add, ["red"]}, {:add, ["blue"]}]})
      ref = subscribe(tags, %{what: :delta})
      assert %{delta: %ORSet{} = copy} = next(ref)
      assert ORSet.value(copy) == MapSet.new(["red", "blue"])
      :ok = GenServer.call(tags, {:mutate, [{:add, ["green"]}, {:remove, ["red"]}]})
      %{delta: delta} = next(ref)
      assert ORSet.value(delta) == MapSet.new(["green"])
      assert ORSet.value(ORSet.merge(copy, delta)) == MapSet.new(["green", "blue"])
    end

    test "of a large state is not sent it", %{title: title} do
      ref = subscribe(title)
      assert %{value: nil} = next(ref)
      :ok = GenServer.call(title, {:mutate, {:set, [String.duplicate("x", 2_000_000)]}})
      assert [:version] = Map.keys(next(ref))
    end

    test "that acknowledges has one message at a time", %{views: views} do
      ref = subscribe(views, %{ack: true})
      assert %{value: 0} = next(ref)
      for _ <- 1..10, do: add(views)
      refute_receive {:coppice_changed, _, _, _}, 50
      send(views, {:coppice_ack, ref})
      assert %{value: 10} = next(ref)
    end

    test "may unsubscribe, by reference or as a process", %{c: c, views: views} do
      ref = subscribe(views)
      for _ <- 1..2, do: subscribe(views)
      assert GenServer.call(views, {:unsubscribe, ref}) == :ok
      assert subscribers(c) == 2
      assert GenServer.call(views, {:unsubscribe, self()}) == :ok
      assert subscribers(c) == 0
      assert GenServer.call(views, {:unsubscribe, self()}) == :ok
    end

    test "is told what is wrong with its request", %{views: views} do
      call = &GenServer.call(views, Tuple.insert_at(&1, 0, :subscribe))
      assert call.({:me}) == {:error, :bad_pid}
      wrong = {:bad_options, "what is value, delta or version"}
      assert call.({self(), %{what: 1}}) == {:error, wrong}
      far = Beam.start()
      pid = Beam.run(far, fn -> self() end)
      assert call.({pid}) == {:error, :noconnection}
    end

    test "of a node that may only read" do
      c = Coppice.start(replicas: [views: counter()], read_only: [node()])
      ref = subscribe({:views, c.node}, %{ack: true})
      assert %{value: 0} = next(ref)
      args = [{:views, c.node}, {:mutate, :increment}]
      assert Beam.call(Beam.start(), GenServer, :call, args) == :ok
      send({:views, c.node}, {:coppice_ack, ref})
      assert %{value: 1} = next(ref)
      assert Coppice.status(c).read_only == 0
    end
  end

  describe "a subscription ends" do
    test "with the subscriber", %{c: c, views: views} do
      {pid, _} = observer(Beam.start(), views)
      assert subscribers(c) == 1
      Process.exit(pid, :kill)
      eventually(fn -> subscribers(c) == 0 end)
    end

    test "with its connection; another one has what was missed", %{c: c, views: views} do
      beam = Beam.start()
      {_pid, ref} = observer(beam, views)
      assert %{value: 0} = next(ref)
      true = Beam.disconnect(beam, c.node)
      eventually(fn -> subscribers(c) == 0 end)
      add(views, 3)
      {_pid, ref} = observer(beam, views)
      assert %{value: 3} = next(ref)
      add(views)
      assert %{value: 4} = next(ref)
    end

    test "with the replica, after its last change", %{c: c, views: views} do
      ref = subscribe(views)
      monitor = Process.monitor(views)
      GenServer.cast(views, {:mutate, :increment})
      :ok = Coppice.stop_replica(c, :views)
      assert_receive {:DOWN, ^monitor, :process, _, _}
      {:messages, [_ | _] = told} = Process.info(self(), :messages)
      assert {:coppice_changed, :views, ^ref, %{value: 1}} = List.last(told)
    end
  end

  describe "a node that does not read" do
    defp text(n), do: String.duplicate("#{n} ", 10_000)
    defp set(title, n), do: :ok = GenServer.call(title, {:mutate, {:set, [text(n)]}})

    test "costs little memory, and gets few messages, the last one with all",
         %{c: c, title: title} do
      beam = Beam.start()
      {_pid, ref} = observer(beam, title)
      assert %{value: nil} = next(ref)
      mine = subscribe(title)
      Beam.freeze(beam)
      for n <- 1000..2999, do: set(title, n)
      assert values(mine, text(2999)) |> length() > 1
      assert Coppice.status(c).peers[beam.node].queued_bytes < 500_000
      Beam.thaw(beam)
      told = values(ref, text(2999))
      assert length(told) < 1_000
    end
  end

  describe "coppice watch" do
    defp watch(c, args) do
      port = start_watch(args)
      eventually(fn -> subscribers(c, String.to_atom(List.last(args))) == 1 end)
      port
    end

    defp start_watch(args) do
      command = Coppice.command(["watch" | args])
      sh = ["-c", ~S(exec "$@" 2>&1), "sh" | command]
      env = for {key, x} <- Coppice.env([]), do: {to_charlist(key), to_charlist(x)}
      options = [:binary, :exit_status, line: 1000, args: sh, env: env]
      Port.open({:spawn_executable, "/bin/sh"}, options)
    end

    defp line(port) do
      assert_receive {^port, {:data, {:eol, line}}}, 8_000 * slowdown()
      line
    end

    defp exit_status(port) do
      assert_receive {^port, {:exit_status, status}}, 8_000 * slowdown()
      status
    end

    test "prints each value until it is interrupted", %{c: c, views: views} do
      port = watch(c, [c.node, "views"])
      assert line(port) == "0"
      add(views, 2)
      assert line(port) == "2"
      {:os_pid, pid} = Port.info(port, :os_pid)
      signal(pid, "INT")
      assert exit_status(port) == 0
      eventually(fn -> subscribers(c) == 0 end)
    end

    test "prints sets as lists", %{c: c} do
      {:ok, tags} = Coppice.start_replica(c, :tags, counter(crdt: :or_set))
      port = watch(c, ["--plain", c.node, "tags"])
      assert line(port) == "[]"
      :ok = GenServer.call(tags, {:mutate, {:add, ["red"]}})
      assert line(port) == "[<<\"red\">>]"
    end

    test "ends with the replica, or with its node", %{c: c, views: views} do
      port = watch(c, [c.node, "views"])
      title = watch(c, [c.node, "title"])
      assert {line(port), line(title)} == {"0", "nil"}
      GenServer.stop(views)
      assert line(port) == "coppice: views at #{c.node}: it has ended (normal)"
      assert exit_status(port) == 69
      Coppice.kill(c)
      lost = "the connection was lost (noconnection)"
      assert line(title) == "coppice: title at #{c.node}: #{lost}"
      assert exit_status(title) == 69
    end

    test "leaves names for other commands", %{c: c} do
      watches = for _ <- 1..16, do: start_watch([c.node, "views"])
      assert Enum.map(watches, &line/1) == List.duplicate("0", 16)
      assert {0, "0\n", ""} = Coppice.run(["value", c.node, "views"])
      assert {75, error} = Coppice.fail(["watch", c.node, "views", "--timeout", "10"])
      assert error == "coppice: 16 `coppice watch` are connected to #{c.node}: try again later\n"
    end

    test "does not print a large value again and again", %{c: c, title: title} do
      port = watch(c, [c.node, "title"])
      assert line(port) == "nil"
      :ok = GenServer.call(title, {:mutate, {:set, [String.duplicate("x", 2_000_000)]}})
      assert line(port) =~ "coppice: title at #{c.node}: its value is too large"
      assert exit_status(port) == 1
    end
  end

  describe "with storage" do
    # A value that was told, and then killed with the node, would come back smaller.
    test "only what is on disk is told" do
      map = counter(storage: %{file: Table.path()})
      settings = [node: Coppice.name(), replicas: [views: map]]

      for _ <- 1..5, reduce: 0 do
        before ->
          c = Coppice.start(settings)
          views = {:views, c.node}
          ref = subscribe(views)
          assert %{value: found} = next(ref)
          assert found >= before
          for _ <- 1..500, do: GenServer.cast(views, {:mutate, :increment})
          %{value: value} = next(ref)
          Coppice.kill(c)
          last(ref, value)
      end
    end

    defp last(ref, value) do
      receive do
        {:coppice_changed, _, ^ref, %{value: next}} -> last(ref, next)
      after
        0 -> value
      end
    end
  end
end
