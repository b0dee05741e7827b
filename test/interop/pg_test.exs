defmodule PgTest do
  @moduledoc "Process groups: a coppice's scopes and those of OTP's pg."
  use TestCase

  # A BEAM with a pg scope, with or without Grove.
  defp with_pg(scope, opts \\ []) do
    beam = Beam.start(opts)
    start_scope(beam, scope)
    beam
  end

  defp start_scope(beam, scope) do
    Beam.run(beam, fn ->
      {:ok, pid} = :pg.start(scope)
      pid
    end)
  end

  defp scope_pid(beam, scope), do: Beam.call(beam, :erlang, :whereis, [scope])

  defp coppice(scope, group, beams, extra \\ []) do
    replicas = [views: counter(group: group)]
    connect = Enum.map(beams, & &1.node)
    Coppice.start([scope: scope, connect: connect, replicas: replicas] ++ extra)
  end

  # Waits until the group has one member of that coppice, and returns it.
  defp member_of(c, beam, scope, group) do
    eventually(fn ->
      case Enum.filter(Beam.members(beam, scope, group), &(node(&1) == c.node)) do
        [pid] -> pid
        _ -> nil
      end
    end)
  end

  # Waits until the member receives a delta.
  defp receives?(beam, member, c) do
    eventually(fn ->
      :ok = GenServer.call({:views, c.node}, {:mutate, :increment})
      :ok = Server.sync_now({:views, c.node})
      Member.flush(beam, member) != []
    end)
  end

  setup do
    {:ok, scope: fresh_atom("scope"), group: {:counter, fresh("g")}}
  end

  describe "members" do
    test "of each side are known to the other", %{scope: scope, group: group} do
      beam = with_pg(scope)
      member = Member.start(beam, scope, group)
      c = coppice(scope, group, [beam])
      pid = member_of(c, beam, scope, group)
      assert Beam.call(beam, GenServer, :call, [pid, :value]) == {:ok, 0}
      assert receives?(beam, member, c)
    end

    test "are known when the BEAM has dialled a visible coppice", %{scope: scope, group: group} do
      beam = with_pg(scope)
      member = Member.start(beam, scope, group)
      c = coppice(scope, group, [], visible: true)
      assert Beam.ping(beam, c.node) == :pong
      member_of(c, beam, scope, group)
      assert receives?(beam, member, c)
    end

    test "are known when the BEAM has dialled a hidden coppice", %{scope: scope, group: group} do
      beam = with_pg(scope)
      c = coppice(scope, group, [])
      assert Beam.ping(beam, c.node) == :pong
      member_of(c, beam, scope, group)
    end

    test "are known when the BEAM is hidden, too", %{scope: scope, group: group} do
      beam = with_pg(scope, hidden: true)
      member = Member.start(beam, scope, group)
      c = coppice(scope, group, [beam])
      member_of(c, beam, scope, group)
      assert receives?(beam, member, c)
    end

    test "that join later are known", %{scope: scope, group: group} do
      beam = with_pg(scope)
      c = coppice(scope, group, [beam])
      member_of(c, beam, scope, group)
      member = Member.start(beam, scope, group)
      assert receives?(beam, member, c)

      other = {:counter, fresh("g")}
      {:ok, pid} = Coppice.start_replica(c, :another, counter(group: other))
      assert member_of(c, beam, scope, other) == pid
    end

    test "that leave receive nothing more", %{scope: scope, group: group} do
      beam = with_pg(scope)
      [gone, stays] = for _ <- 1..2, do: Member.start(beam, scope, group)
      c = coppice(scope, group, [beam])
      assert receives?(beam, gone, c)

      :ok = Beam.call(beam, :pg, :leave, [scope, group, gone])
      eventually(fn -> Coppice.status(c).replicas.views.peers == 1 end)
      for member <- [gone, stays], do: Member.flush(beam, member)
      assert receives?(beam, stays, c)
      assert Member.messages(beam, gone) == []
    end

    test "of a stopped replica are removed", %{scope: scope, group: group} do
      beam = with_pg(scope)
      c = coppice(scope, group, [beam])
      member_of(c, beam, scope, group)
      :ok = Coppice.stop_replica(c, :views)
      eventually(fn -> Beam.members(beam, scope, group) == [] end)
    end

    test "stopped by GenServer.stop are removed", %{scope: scope, group: group} do
      beam = with_pg(scope)
      c = coppice(scope, group, [beam])
      member_of(c, beam, scope, group)
      :ok = GenServer.stop({:views, c.node})
      eventually(fn -> Beam.members(beam, scope, group) == [] end)
    end

    test "that joined twice receive each delta once", %{scope: scope, group: group} do
      beam = with_pg(scope)
      member = Member.start(beam, scope, group)
      :ok = Beam.call(beam, :pg, :join, [scope, group, member])
      c = coppice(scope, group, [beam])
      assert receives?(beam, member, c)

      :ok = GenServer.call({:views, c.node}, {:mutate, :increment})
      :ok = Server.sync_now({:views, c.node})
      # An earlier delta may still come.
      last = %{"c" => value({:views, c.node})}

      deltas = fn ->
        for {:grove_delta, %{counts: ^last}, _} <- Member.messages(beam, member), do: last
      end

      eventually(fn -> deltas.() != [] end)
      assert deltas.() == [last]
    end

    test "of a killed coppice are removed, and known when it is back",
         %{scope: scope, group: group} do
      beam = with_pg(scope)
      c = coppice(scope, group, [beam])
      old = member_of(c, beam, scope, group)
      Coppice.kill(c)
      eventually(fn -> Beam.members(beam, scope, group) == [] end)

      again = coppice(scope, group, [beam], node: c.node)
      assert member_of(again, beam, scope, group) != old
    end

    test "of a stopped coppice are removed", %{scope: scope, group: group} do
      beam = with_pg(scope)
      c = coppice(scope, group, [beam])
      member_of(c, beam, scope, group)
      assert Coppice.stop(c) == 0
      eventually(fn -> Beam.members(beam, scope, group) == [] end)
    end

    test "are known on several nodes", %{scope: scope, group: group} do
      beams = for _ <- 1..3, do: with_pg(scope)
      c = coppice(scope, group, beams)
      for beam <- beams, do: member_of(c, beam, scope, group)
    end
  end

  describe "the scope of a BEAM" do
    test "that restarts discovers the coppice again", %{scope: scope, group: group} do
      beam = with_pg(scope)
      c = coppice(scope, group, [beam])
      pid = member_of(c, beam, scope, group)
      Beam.run(beam, fn -> Process.exit(Process.whereis(scope), :kill) end)
      eventually(fn -> scope_pid(beam, scope) == :undefined end)

      start_scope(beam, scope)
      member = Member.start(beam, scope, group)

      eventually(fn ->
        Beam.members(beam, scope, group) |> Enum.sort() == Enum.sort([pid, member])
      end)

      assert receives?(beam, member, c)
    end

    test "that starts after the nodes have connected discovers the coppice",
         %{scope: scope, group: group} do
      beam = Beam.start()
      c = coppice(scope, group, [beam])
      eventually(fn -> c.node in Beam.nodes(beam, :hidden) end)
      start_scope(beam, scope)
      member = Member.start(beam, scope, group)
      eventually(fn -> length(Beam.members(beam, scope, group)) == 2 end, 20_000)
      assert receives?(beam, member, c)
    end

    test "survives whatever a coppice does", %{scope: scope, group: group} do
      beam = with_pg(scope)
      pid = scope_pid(beam, scope)
      member = Member.start(beam, scope, group)
      c = coppice(scope, group, [beam])
      assert receives?(beam, member, c)

      for _ <- 1..5 do
        {:ok, _} = Coppice.start_replica(c, :another, counter(group: group, actor: "d"))
        Beam.disconnect(beam, c.node)
        :ok = Coppice.stop_replica(c, :another)
        assert Beam.ping(beam, c.node) == :pong
      end

      member_of(c, beam, scope, group)
      Coppice.kill(c)
      again = coppice(scope, group, [beam], node: c.node)
      member_of(again, beam, scope, group)
      assert receives?(beam, member, again)
      assert scope_pid(beam, scope) == pid
    end
  end

  describe "a process that greets like a scope" do
    # A process there that sends our scope a discover, and the messages that it got.
    defp greet(beam, scope, c) do
      Beam.run(beam, fn ->
        pid = spawn(fn -> Process.sleep(:infinity) end)
        send({scope, c.node}, {:discover, pid})
        pid
      end)
    end

    defp got(beam, pid), do: Beam.run(beam, fn -> Process.info(pid, :messages) |> elem(1) end)

    # What the coppice makes of it is known once it has answered.
    defp greeted(beam, scope, c) do
      stray = greet(beam, scope, c)
      eventually(fn -> match?([_sync, {:discover, _}], got(beam, stray)) end)
      stray
    end

    defp peers(c), do: Coppice.status(c).replicas.views.peers

    test "gets the members, and takes nobody's place", %{scope: scope, group: group} do
      beam = with_pg(scope)
      member = Member.start(beam, scope, group)
      c = coppice(scope, group, [beam])
      pid = member_of(c, beam, scope, group)
      assert receives?(beam, member, c)

      stray = greeted(beam, scope, c)
      assert [{:"$gen_cast", {:sync, _, [{^group, [^pid]}]}}, _] = got(beam, stray)

      # Joins and leaves of the real scope still count.
      later = Member.start(beam, scope, group)
      eventually(fn -> peers(c) == 2 end)
      :ok = Beam.call(beam, :pg, :leave, [scope, group, member])
      eventually(fn -> peers(c) == 1 end)
      assert receives?(beam, later, c)

      # It is told of changes, as by pg, until it ends.
      {:ok, _} = Coppice.start_replica(c, :another, counter(group: group, actor: "d"))
      eventually(fn -> match?([_, _, {:join, _, ^group, _}], got(beam, stray)) end)
      Beam.run(beam, fn -> Process.exit(stray, :kill) end)
      :ok = Beam.call(beam, :pg, :leave, [scope, group, later])
      eventually(fn -> peers(c) == 1 end)
      assert length(Beam.members(beam, scope, group)) == 2
    end

    test "may be followed by the scope itself", %{scope: scope, group: group} do
      beam = Beam.start()
      c = coppice(scope, group, [beam])
      eventually(fn -> c.node in Beam.nodes(beam, :hidden) end)
      greeted(beam, scope, c)
      start_scope(beam, scope)
      member = Member.start(beam, scope, group)
      member_of(c, beam, scope, group)
      assert receives?(beam, member, c)
    end

    test "may end before the scope restarts", %{scope: scope, group: group} do
      beam = with_pg(scope)
      c = coppice(scope, group, [beam])
      member_of(c, beam, scope, group)
      stray = greeted(beam, scope, c)
      Beam.run(beam, fn -> Process.exit(stray, :kill) end)
      Beam.run(beam, fn -> Process.exit(Process.whereis(scope), :kill) end)
      eventually(fn -> scope_pid(beam, scope) == :undefined end)
      start_scope(beam, scope)
      member = Member.start(beam, scope, group)
      member_of(c, beam, scope, group)
      assert receives?(beam, member, c)
    end

    test "may outlive the scope", %{scope: scope, group: group} do
      beam = with_pg(scope)
      c = coppice(scope, group, [beam])
      member_of(c, beam, scope, group)
      greeted(beam, scope, c)
      Beam.run(beam, fn -> Process.exit(Process.whereis(scope), :kill) end)
      eventually(fn -> scope_pid(beam, scope) == :undefined end)
      start_scope(beam, scope)
      member = Member.start(beam, scope, group)
      member_of(c, beam, scope, group)
      assert receives?(beam, member, c)
    end

    test "may be a scope with another name, and the same members", %{scope: scope, group: group} do
      beam = with_pg(scope)
      member = Member.start(beam, scope, group)
      c = coppice(scope, group, [beam])
      assert receives?(beam, member, c)

      other = fresh_atom("scope")
      second = start_scope(beam, other)
      :ok = Beam.call(beam, :pg, :join, [other, group, member])
      Beam.run(beam, fn -> send({scope, c.node}, {:discover, second}) end)
      member_of(c, beam, other, group)
      :ok = Beam.call(beam, :pg, :leave, [scope, group, member])
      Member.flush(beam, member)
      assert receives?(beam, member, c)
      assert peers(c) == 1
      :ok = Beam.call(beam, :pg, :leave, [other, group, member])
      eventually(fn -> peers(c) == 0 end)
    end
  end

  describe "scopes" do
    test "may be several, on different nodes", %{scope: one, group: group} do
      two = fresh_atom("scope")
      [here, there] = [with_pg(one), with_pg(two)]
      c = coppice([one, two], group, [here, there])
      assert member_of(c, here, one, group) == member_of(c, there, two, group)
      assert Beam.members(there, two, group) |> length() == 1
    end

    test "may be several on one node", %{scope: one, group: group} do
      two = fresh_atom("scope")
      beam = with_pg(one)
      start_scope(beam, two)
      c = coppice([one, two], group, [beam])
      assert member_of(c, beam, one, group) == member_of(c, beam, two, group)
    end

    test "are learnt from Grove with scope auto", %{scope: scope, group: group} do
      beam = Beam.start(grove: scope)
      c = coppice(:auto, group, [beam])
      member = Member.start(beam, scope, group)
      member_of(c, beam, scope, group)
      assert receives?(beam, member, c)
    end

    test "are learnt when Grove starts after the nodes have connected",
         %{scope: scope, group: group} do
      beam = Beam.start(grove: false)
      c = coppice(:auto, group, [beam])
      eventually(fn -> c.node in Beam.nodes(beam, :hidden) end)
      Beam.start_grove(beam, scope)
      eventually(fn -> Beam.members(beam, scope, group) != [] end, 20_000)
    end

    test "are learnt although other nodes have no Grove", %{scope: scope, group: group} do
      plain = Beam.start(grove: false)
      grove = Beam.start(grove: scope)
      c = coppice(:auto, group, [plain, grove])
      member_of(c, grove, scope, group)
      eventually(fn -> c.node in Beam.nodes(plain, :hidden) end)
    end

    test "that differ among the nodes are all learnt", %{scope: scope, group: group} do
      here = Beam.start(grove: scope)
      there = Beam.start(grove: fresh_atom("scope"))
      c = coppice(:auto, group, [here, there])
      member_of(c, here, scope, group)
      member_of(c, there, Beam.call(there, Membership, :scope, []), group)
    end
  end
end
