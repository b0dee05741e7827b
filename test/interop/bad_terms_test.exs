defmodule BadTermsTest do
  @moduledoc """
  Terms that are valid, but beyond a limit of a coppice or of a type that it does not
  know: they cost their sender that one request, and nobody else anything.
  """
  use TestCase
  import Bitwise

  @callers 20
  @deep {:error, {:bad_term, :too_large}}

  setup do
    scope = fresh_atom("scope")
    replicas = [busy: counter(), other: counter(crdt: :gset), extra: counter()]
    c = Coppice.start(scope: scope, replicas: replicas)
    {:ok, c: c, scope: scope, other: {:other, c.node}}
  end

  defp nested(0), do: []
  defp nested(n), do: [nested(n - 1)]

  # What breaks a limit, alone and inside other terms.
  defp too_large do
    digits = 1 <<< (8 * 70_000)

    for x <- [nested(600), digits, -digits],
        y <- [x, [1, x], %{x => 1}, {%{1 => [x | :tail]}}],
        do: y
  end

  # Runs `fun` while callers wait for their replies: none of them may notice it.
  defp with_callers(c, fun) do
    busy = {:busy, c.node}
    :ok = :sys.suspend(busy)
    callers = for _ <- 1..@callers, do: Task.async(fn -> GenServer.call(busy, :value, 20_000) end)
    # The replica has got the calls when it has answered a later system message.
    {:status, _, _, _} = :sys.get_status(busy)
    fun.()
    :ok = :sys.resume(busy)
    assert Task.await_many(callers, 20_000) == List.duplicate({:ok, 0}, @callers)
  end

  defp refused(c, count, name \\ :other) do
    eventually(fn -> Coppice.refused(c, name) == count end)
  end

  describe "a term beyond a limit" do
    test "in a call is answered with an error", %{c: c, other: other} do
      with_callers(c, fn ->
        for term <- too_large() do
          assert GenServer.call(other, term) == @deep
          assert GenServer.call(other, {:mutate, {:add, [term]}}) == @deep
          assert GenServer.call({:coppice, c.node}, {:connect, term}) == @deep
          assert GenServer.call({:net_kernel, c.node}, term) == @deep
        end

        assert Coppice.refused(c, :other) == 0
      end)

      assert MapSet.size(value(other)) == 0
    end

    test "in a call whose sender breaks it, too, is dropped", %{c: c, other: other} do
      with_callers(c, fn ->
        for term <- too_large(), do: send(other, {:"$gen_call", {self(), term}, :value})
        for term <- too_large(), do: send(other, {:"$gen_call", term, :value})
        refused(c, 2 * length(too_large()))
      end)
    end

    test "in a cast is dropped and counted", %{c: c, other: other} do
      with_callers(c, fn ->
        for term <- too_large(), do: GenServer.cast(other, {:mutate, {:add, [term]}})
        refused(c, length(too_large()))
      end)

      Coppice.logs(c, "other")
      eventually(fn -> assert length(Regex.scan(~r/dropped a message/, Coppice.log(c))) == 4 end)
    end

    test "in a delta is dropped and counted", %{c: c, other: other} do
      with_callers(c, fn ->
        for term <- too_large() do
          send(other, {:grove_delta, %GSet{elements: MapSet.new([term])}, self()})
        end

        refused(c, length(too_large()))
      end)
    end

    test "in a system message is answered with an error", %{c: c, other: other} do
      with_callers(c, fn ->
        assert :sys.terminate(other, nested(600), 5_000) == @deep
        assert MapSet.size(value(other)) == 0
      end)
    end

    test "as the result of a closure is answered with an error", %{c: c, other: other} do
      with_callers(c, fn ->
        # Built where the closure runs: the closure itself is small.
        for n <- 1..length(too_large()),
            fun <- [
              fn _ -> Enum.at(too_large(), n - 1) end,
              fn set -> GSet.add(set, Enum.at(too_large(), n - 1)) end,
              fn _ -> exit(Enum.at(too_large(), n - 1)) end,
              fn _ -> :erlang.error({:bad, Enum.at(too_large(), n - 1)}) end
            ] do
          assert Server.mutate(other, fun) == {:error, {:bad_result, :too_large}}
        end

        assert Server.mutate(other, fn set -> GSet.add(set, hd([3])) end) == :ok
        assert MapSet.to_list(value(other)) == [3]
      end)
    end

    test "in a message to a pg scope is dropped", %{c: c, scope: scope} do
      with_callers(c, fn ->
        for term <- too_large() do
          send({scope, c.node}, {:join, self(), term, self()})
          GenServer.cast({scope, c.node}, {:sync, self(), [{term, [self()]}]})
        end

        eventually(fn -> Coppice.log(c) =~ "dropped a message" end)
      end)
    end

    # A pg scope, for replicas trap exits.
    test "as an exit reason is replaced", %{c: c, scope: scope} do
      Process.register(self(), scope)

      with_callers(c, fn ->
        for {term, end_it} <- [{nested(600), &exit_2/2}, {1 <<< 560_000, &exit_linked/2}] do
          pid = greeted_by()
          ref = Process.monitor(pid)
          end_it.(pid, term)
          assert_receive {:DOWN, ^ref, :process, ^pid, {:bad_term, :too_large}}, 5_000
        end
      end)
    end

    defp greeted_by do
      receive do
        {:discover, pid} -> pid
        {:discover, pid, _version} -> pid
      after
        15_000 -> flunk("no scope greets")
      end
    end

    defp exit_2(pid, reason), do: Process.exit(pid, reason)

    defp exit_linked(pid, reason) do
      spawn(fn ->
        Process.link(pid)
        # The link is there when a later call is answered.
        {:error, _} = GenServer.call(pid, :value)
        exit(reason)
      end)
    end

    test "as the exit reason of a monitored process is replaced", %{c: c, scope: scope} do
      {:ok, theirs} = :pg.start(scope)
      Process.unlink(theirs)
      :pg.join(scope, :group, self())
      status = fn -> :sys.get_state({scope, c.node}).peers[node()] end
      eventually(fn -> status.() == [theirs] end)

      with_callers(c, fn ->
        Process.exit(theirs, nested(600))
        eventually(fn -> status.() in [[], nil] end)
      end)
    end
  end

  test "a reply beyond a limit is an error of the command" do
    bsl = "{call, erlang, 'bsl', [1, 560000], user}"
    assert {69, message} = Coppice.fail(["call", node(), "rex", bsl])

    assert message =~
             "its reply has a term that cannot be read here: larger than this node accepts"
  end

  describe "a term of an unknown type" do
    # A fun of before OTP 23.
    @old_fun <<117, 0::32, 103, 119, 3, "a@h", 1::32, 0::32, 1, 119, 1, "m", 97, 0, 97, 0>>

    test "is refused alone", %{c: c} do
      with_callers(c, fn ->
        socket = Raw.handshake(c.port, "raw@127.0.0.1")
        Raw.send_term(socket, :other, {:"$gen_cast", :TERM}, @old_fun)

        Raw.send_term(
          socket,
          :other,
          {:"$gen_call", {Raw.pid("raw@127.0.0.1"), :TERM}, :value},
          @old_fun
        )

        refusal = Raw.call(socket, :other, {:mutate, {:add, [:TERM]}}, @old_fun)
        assert refusal == {:error, {:bad_term, :unknown_type}}
        refused(c, 2)
      end)
    end

    test "whose length cannot be told ends its own connection", %{c: c} do
      with_callers(c, fn ->
        socket = Raw.handshake(c.port, "raw@127.0.0.1")
        Raw.send_term(socket, :other, {:"$gen_cast", :TERM}, <<66, 0, 0>>)
        assert Raw.closed?(socket)
      end)
    end
  end
end
