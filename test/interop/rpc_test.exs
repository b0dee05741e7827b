defmodule RpcTest do
  @moduledoc "Remote calls into a coppice: a closed list of functions; all else is undef, at once."
  use TestCase

  # What hangs is noticed by this time-out.
  @long 60_000

  setup do
    c = Coppice.start(scope: :shared, replicas: [views: counter(group: :views)])
    {:ok, c: c, node: c.node}
  end

  defp rpc(node, module, function, args), do: :rpc.call(node, module, function, args, @long)
  defp erpc(node, module, function, args), do: :erpc.call(node, module, function, args, @long)

  defp down(pid, ref) do
    receive do
      {:DOWN, ^ref, :process, ^pid, reason} -> reason
    after
      @long -> flunk("no DOWN")
    end
  end

  test "rpc and erpc call what there is", %{c: c, node: node} do
    [pid] = erpc(node, :pg, :get_members, [:shared, :views])
    assert node(pid) == node and value(pid) == 0

    for call <- [&rpc/4, &erpc/4] do
      assert call.(node, :erlang, :node, []) == node
      assert call.(node, :erlang, :is_alive, []) == true
      assert call.(node, :erlang, :whereis, [:views]) == pid
      assert call.(node, :erlang, :whereis, [:nobody]) == :undefined
      assert call.(node, :erlang, :nodes, [:connected]) == [Node.self()]
      all = call.(node, :erlang, :nodes, [[:hidden, :this]])
      assert Enum.sort(all) == Enum.sort([node, Node.self()])
      assert call.(node, :erlang, :system_info, [:machine]) == ~c"coppice"
      assert call.(node, :erlang, :system_info, [:creation]) == Coppice.status(c).creation
      assert is_integer(call.(node, :erlang, :memory, [])[:total])
      assert is_integer(call.(node, :erlang, :memory, [:total]))
      assert {_total, _since} = call.(node, :erlang, :statistics, [:wall_clock])
      assert :views in call.(node, :erlang, :registered, [])
      assert pid in call.(node, :erlang, :processes, [])
      assert call.(node, :pg, :get_local_members, [:shared, :views]) == [pid]
      assert call.(node, :pg, :which_groups, [:shared]) == [:views]
      assert call.(node, :pg, :get_members, [:shared, :nothing]) == []
      assert call.(node, :pg, :get_members, [:no_such_scope, :views]) == []
      assert [{:coppice, _, _}] = call.(node, :application, :which_applications, [])
      assert call.(node, :net_kernel, :get_net_ticktime, []) == 60
      assert call.(node, :pg, :which_local_groups, [:shared]) == [:views]
      assert %{node: ^node} = call.(node, :coppice, :status, [])
      assert call.(node, :erlang, :apply, [:erlang, :node, []]) == node
      assert call.(node, :erlang, :apply, [&:erlang.node/0, []]) == node
    end
  end

  # What monitoring tools ask; the types are those of a BEAM.
  test "the system has the figures that a BEAM has", %{node: node} do
    beam = Beam.start().node

    for {function, args} <- [
          {:system_info, [:version]},
          {:system_info, [:system_version]},
          {:system_info, [:machine]},
          {:system_info, [:process_count]},
          {:system_info, [:process_limit]},
          {:system_info, [:wordsize]},
          {:system_info, [:schedulers]},
          {:system_info, [:schedulers_online]},
          {:memory, [:processes]},
          {:memory, [:binary]},
          {:statistics, [:run_queue]},
          {:statistics, [:wall_clock]}
        ] do
      ours = rpc(node, :erlang, function, args)
      assert type_of(ours) == type_of(rpc(beam, :erlang, function, args))
    end

    count = rpc(node, :erlang, :system_info, [:process_count])
    # The one that counts is one of them on a BEAM; here it has ended, or is one, too.
    assert (count - length(rpc(node, :erlang, :processes, []))) in -1..1
    assert count < rpc(node, :erlang, :system_info, [:process_limit])
    assert rpc(node, :erlang, :system_info, [:wordsize]) == :erlang.system_info(:wordsize)
    assert rpc(node, :erlang, :memory, [:binary]) <= rpc(node, :erlang, :memory, [:total])
  end

  defp type_of(term) when is_tuple(term), do: {:tuple, tuple_size(term)}
  defp type_of(term) when is_integer(term), do: :integer
  defp type_of(term), do: {:string, :io_lib.printable_list(term)}

  # A connection is visible where both of its nodes are.
  test "nodes/0 has those with visible connections", %{node: hidden} do
    visible = Coppice.start(visible: true).node
    beam = Beam.start().node
    for node <- [hidden, visible], do: :pong = :erpc.call(beam, :net_adm, :ping, [node])
    assert rpc(visible, :erlang, :nodes, []) == [beam]
    assert rpc(visible, :erlang, :nodes, [:visible]) == [beam]
    assert rpc(visible, :erlang, :nodes, [:hidden]) == [Node.self()]
    assert rpc(hidden, :erlang, :nodes, []) == []
    connected = Enum.sort([beam, Node.self()])
    for n <- [hidden, visible], do: assert(Enum.sort(nodes_of(n, :connected)) == connected)
    assert nodes_of(beam, :visible) == [visible]
  end

  defp nodes_of(node, kind), do: rpc(node, :erlang, :nodes, [kind])

  test "the functions of pg without a scope have that of the name pg", %{node: without} do
    c = Coppice.start(scope: :pg, replicas: [views: counter(group: :views)])
    beam = Beam.start().node
    {:ok, _} = :erpc.call(beam, :pg, :start, [:pg])
    member = Node.spawn(beam, Process, :sleep, [:infinity])
    :ok = :erpc.call(beam, :pg, :join, [:views, member])
    :ok = :erpc.call(beam, :pg, :join, [:others, member])
    true = :erpc.call(beam, Node, :connect, [c.node])
    eventually(fn -> Enum.sort(rpc(c.node, :pg, :which_groups, [])) == [:others, :views] end)
    [pid] = rpc(c.node, :pg, :get_local_members, [:views])
    assert node(pid) == c.node

    for n <- [c.node, beam] do
      eventually(fn ->
        Enum.sort(rpc(n, :pg, :get_members, [:views])) == Enum.sort([pid, member])
      end)
    end

    assert rpc(c.node, :pg, :get_members, [:others]) == [member]
    assert rpc(c.node, :pg, :get_local_members, [:others]) == []
    assert rpc(c.node, :pg, :which_local_groups, []) == [:views]
    assert Enum.sort(rpc(beam, :pg, :which_local_groups, [])) == [:others, :views]
    assert rpc(without, :pg, :get_members, [:views]) == []
    assert {:badrpc, {:EXIT, {:badarg, _}}} = rpc(without, :pg, :which_groups, [])
    assert {:badrpc, {:EXIT, {:badarg, _}}} = rpc(without, :pg, :which_local_groups, [])
  end

  # A BEAM, called in the same way, is the judge.
  test "what is not there fails as on a BEAM", %{node: node} do
    beam = Beam.start().node

    for {module, function, args} <- [
          {:observer_backend, :nothing, []},
          {:no_such_module, :run, ["x", 1]},
          {:erlang, :whereis, [1]},
          {:erlang, :nodes, [:nonsense]},
          {:erlang, :nodes, [[:visible | :hidden]]},
          {:erlang, :system_info, [:nonsense]},
          {:erlang, :memory, [:nonsense]},
          {:erlang, :statistics, [:nonsense]},
          {:erlang, :node, [1, 2, 3]},
          {:erlang, :apply, ["erlang", :node, []]},
          {:erlang, :apply, [:erlang, 1, []]},
          {:erlang, :apply, [:erlang, :node, :none]},
          {:erlang, :apply, [:erlang, :node, [1 | 2]]},
          {:erlang, :apply, [1]},
          {:erlang, :apply, [:erlang, :node, [], 1]},
          {:erlang, :apply, [1, []]},
          {:erlang, :apply, [1, :none]},
          {:erlang, :apply, [&:erlang.node/0, :none]},
          {:pg, :which_groups, [:no_such_scope]}
        ] do
      assert {:badrpc, {:EXIT, {reason, [frame | _]}}} = rpc(node, module, function, args)
      assert {:badrpc, {:EXIT, {^reason, [theirs | _]}}} = rpc(beam, module, function, args)
      if reason == :undef, do: assert({frame, []} == {theirs, elem(theirs, 3)})
      if module == :erlang, do: assert(take3(frame) == take3(theirs))

      assert {:error, ^reason, [^frame]} = raised(node, module, function, args)
      assert {:error, ^reason, _} = raised(beam, module, function, args)
    end
  end

  defp take3(frame), do: {elem(frame, 0), elem(frame, 1), elem(frame, 2)}

  defp raised(node, module, function, args) do
    erpc(node, module, function, args)
  catch
    :error, {:exception, reason, stack} -> {:error, reason, stack}
  end

  test "nothing is run", %{c: c, node: node} do
    assert {:badrpc, {:EXIT, {:undef, _}}} = rpc(node, :init, :stop, [])
    assert {:badrpc, {:EXIT, {:undef, _}}} = rpc(node, :erlang, :halt, [])
    assert {:badrpc, {:EXIT, {:undef, _}}} = rpc(node, :erlang, :get_cookie, [])
    assert {:badrpc, {:EXIT, {:undef, _}}} = rpc(node, :os, :cmd, [~c"true"])
    assert :erpc.cast(node, :erlang, :halt, []) == :ok
    assert :rpc.cast(node, :erlang, :halt, []) == true
    assert rpc(node, :erlang, :node, []) == node
    assert Coppice.status(c).node == node
  end

  test "calls of many nodes at once", %{node: node} do
    beam = Beam.start().node
    gone = :"gone@127.0.0.1"
    assert :rpc.multicall([node, beam], :erlang, :node, [], @long) == {[node, beam], []}
    assert {[^node], [^gone]} = :rpc.multicall([node, gone], :erlang, :node, [], @long)
    assert :erpc.multicall([node, beam], :erlang, :node, [], @long) == [ok: node, ok: beam]
    assert [{:error, {:exception, :undef, [_]}}] = :erpc.multicall([node], :no, :no, [], @long)
    key = :rpc.async_call(node, :erlang, :node, [])
    assert :rpc.yield(key) == node
    assert :rpc.block_call(node, :erlang, :node, [], @long) == node
    assert {[^node], []} = :rpc.sbcast([node], :coppice, :hello)
    assert {[], [^node]} = :rpc.sbcast([node], :nobody, :hello)
  end

  test "a call in progress is not confused with others", %{node: node} do
    requests = for i <- 1..500, do: {i, :erpc.send_request(node, :erlang, :apply, [:no, :no, [i]])}

    for {i, request} <- requests do
      assert {:undef, [{:no, :no, [^i], []}]} =
               (try do
                  :erpc.receive_response(request, @long)
                catch
                  :error, {:exception, reason, stack} -> {reason, stack}
                end)
    end
  end

  test "spawned processes end at once, with their monitors and links", %{node: node} do
    {pid, ref} = Node.spawn_monitor(node, :erlang, :node, [])
    assert node(pid) == node and down(pid, ref) == :normal

    {pid, ref} = Node.spawn_monitor(node, :no_such_module, :run, [1])
    assert down(pid, ref) == {:undef, [{:no_such_module, :run, [1], []}]}

    fun = fn -> send(self(), :ran) end
    {pid, ref} = Node.spawn_monitor(node, fun)
    assert {:undef, [{^fun, [], []}]} = down(pid, ref)

    assert node(Node.spawn(node, fun)) == node

    Process.flag(:trap_exit, true)
    pid = Node.spawn_link(node, :no, :no, [])
    assert_receive {:EXIT, ^pid, {:undef, [{:no, :no, [], []}]}}, @long
    pid = Node.spawn_link(node, :erlang, :node, [])
    assert_receive {:EXIT, ^pid, :normal}, @long
  end

  test "a request is answered", %{node: node} do
    Process.flag(:trap_exit, true)
    id = :erlang.spawn_request(node, :no, :no, [], [:monitor, :link])
    assert_receive {:spawn_reply, ^id, :ok, pid}, @long
    assert down(pid, id) == {:undef, [{:no, :no, [], []}]}
  end

  test "erl_call", %{c: c} do
    [name, _host] = String.split("#{c.node}", "@")
    options = ["-c", "#{Node.get_cookie()}", "-h", fresh("h"), "-n", "#{name}@127.0.0.1"]
    call = &System.cmd(erl_call(), options ++ &1)
    assert {"'#{c.node}'", 0} == call.(["-a", "erlang node"])
    assert {text, _} = call.(["-a", "no_such_module run"])
    assert text =~ "undef"
  end

  defp erl_call do
    [program | _] = Path.wildcard("#{:code.lib_dir()}/erl_interface-*/bin/erl_call")
    program
  end

  test "a visible coppice has erpc, by the account of rex" do
    c = Coppice.start(visible: true)
    send({:rex, c.node}, {self(), :features_request})
    assert_receive {:features_reply, node, [:erpc]}, @long
    assert node == c.node
  end

  test "what rex does not know is answered, too; it comes back when it is ended", %{node: node} do
    assert {:error, {:unknown_request, :what}} = GenServer.call({:rex, node}, :what)
    assert GenServer.call({:rex, node}, {:call, :erlang, :node, [], :user}) == node
    GenServer.stop({:rex, node})
    assert GenServer.call({:rex, node}, {:call, :erlang, :node, [], :user}) == node
  end

  test "a request with a term that is not accepted is answered", %{node: node} do
    deep = Enum.reduce(1..600, [], fn _, inner -> [inner] end)
    assert {:badrpc, _} = rpc(node, :erlang, :node, [deep])
    assert {:error, {:bad_term, _}} = GenServer.call({:rex, node}, {:call, :no, :no, [deep], :user})
  end
end
