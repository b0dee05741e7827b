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
      assert %{node: ^node} = call.(node, :coppice, :status, [])
      assert call.(node, :erlang, :apply, [:erlang, :node, []]) == node
      assert call.(node, :erlang, :apply, [&:erlang.node/0, []]) == node
    end
  end

  # A BEAM, called in the same way, is the judge.
  test "what is not there fails as on a BEAM", %{node: node} do
    beam = Beam.start().node

    for {module, function, args} <- [
          {:observer_backend, :nothing, []},
          {:no_such_module, :run, ["x", 1]},
          {:erlang, :whereis, [1]},
          {:erlang, :nodes, [:nonsense]},
          {:erlang, :system_info, [:nonsense]},
          {:pg, :which_groups, [:no_such_scope]}
        ] do
      assert {:badrpc, {:EXIT, {reason, [frame | _]}}} = rpc(node, module, function, args)
      assert {:badrpc, {:EXIT, {^reason, [theirs | _]}}} = rpc(beam, module, function, args)
      if reason == :undef, do: assert({frame, []} == {theirs, elem(theirs, 3)})

      assert {:error, ^reason, [^frame]} = raised(node, module, function, args)
      assert {:error, ^reason, _} = raised(beam, module, function, args)
    end
  end

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
