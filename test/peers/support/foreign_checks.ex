defmodule ForeignChecks do
  @moduledoc """
  What a node that is no BEAM and a coppice do for each other, whatever the language
  it is written in.  Its suite says how to start it:

      use ForeignChecks, name: "ei", command: ["build/peers/ei_peer"]

  or why it cannot be had: `use ForeignChecks, name: "java", skip: "no javac"`.
  """

  defmacro __using__(opts) do
    quote do
      use TestCase
      import ForeignNode, only: [ask: 2, hex: 1]

      @foreign unquote(opts)
      if @foreign[:skip], do: @moduletag(skip: @foreign[:skip])

      setup_all do
        # One for the whole suite.
        name = fresh(@foreign[:name])
        Process.put(:test_name, {__MODULE__, :peer})
        {:ok, foreign: ForeignNode.start(@foreign[:command], name, Coppice.log_file(name))}
      end

      setup do
        replicas = [views: counter(), note: counter(crdt: :lww_register)]
        c = Coppice.start(replicas: replicas)
        {:ok, c: c, node: c.node}
      end

      unquote(tests())
    end
  end

  defp tests do
    quote do
      # What every check ends with: the first connection still stands, and nothing came over
      # it that was not asked for.
      defp undisturbed(foreign, c) do
        assert ask(foreign, [:value, c.node, :views]) =~ ~r/^\d+$/
        assert ask(foreign, [:lost, c.node]) == "0"
        assert ask(foreign, [:strays]) == "0"
        assert Map.has_key?(Coppice.status(c).peers, foreign.node)
      end

      test "it calls a replica, and both can be pinged", %{foreign: foreign, c: c, node: node} do
        assert ask(foreign, [:ping, node]) == "pong"
        assert ask(foreign, [:increment, node, :views, 5]) == "ok"
        assert ask(foreign, [:increment, node, :views, 37]) == "ok"
        assert ask(foreign, [:value, node, :views]) == "42"
        assert value({:views, node}) == 42
        assert {0, "pong\n", ""} = Coppice.run(["ping", foreign.node])
        undisturbed(foreign, c)
      end

      test "3,000 calls in a row", %{foreign: foreign, c: c, node: node} do
        assert ask(foreign, [:calls, node, :views, 3000]) == "ok 3000"
        assert value({:views, node}) == 3000
        undisturbed(foreign, c)
      end

      test "3 MB both ways", %{foreign: foreign, c: c, node: node} do
        assert ask(foreign, [:large, node, :note, 3_000_000]) == "same 3000000"
        assert byte_size(value({:note, node})) == 3_000_000
        undisturbed(foreign, c)
      end

      test "a coppice dials it, and its connection lasts", %{foreign: foreign, c: c} do
        :ok = GenServer.call({:coppice, c.node}, {:connect, foreign.node})
        eventually(fn -> Map.has_key?(Coppice.status(c).peers, foreign.node) end)
        # More than one round of everything that a coppice does with a new peer.
        assert ask(foreign, [:calls, c.node, :views, 500]) == "ok 500"
        undisturbed(foreign, c)
        refute Coppice.log(c) =~ "lost"
      end

      test "a link: the end of a replica arrives there", %{foreign: foreign, c: c, node: node} do
        {:ok, pid} = Coppice.start_replica(c, :linked, counter())
        assert ask(foreign, [:link, node, hex(pid)]) == "ok"
        # Behind the link on the same connection.
        assert ask(foreign, [:value, node, :linked]) == "0"
        assert ask(foreign, [:exit_reason]) == "none"
        assert Coppice.stop_replica(c, :linked) == :ok
        eventually(fn -> assert ask(foreign, [:exit_reason]) == "normal" end)
        undisturbed(foreign, c)
      end

      test "a link: the end of a process there ends no replica", %{foreign: foreign, c: c} do
        {:ok, pid} = Coppice.start_replica(c, :linked, counter())
        assert ask(foreign, [:link, c.node, hex(pid)]) == "ok"
        assert ask(foreign, [:end, c.node]) == "ok"
        assert ask(foreign, [:value, c.node, :linked]) == "0"
        assert GenServer.call({:linked, c.node}, :value) == {:ok, 0}
        undisturbed(foreign, c)
      end

      test "coppice call into it", %{foreign: foreign} do
        request = "{greet, <<\"name\">>, [1, 2.5, \#{a => 1}]}"
        assert {0, reply, ""} = Coppice.run(["call", foreign.node, "echo", request])
        assert String.replace(reply, " ", "") == "{echo,{greet,<<\"name\">>,[1,2.5,\#{a=>1}]}}\n"
        for _ <- 1..20, do: {0, _, ""} = Coppice.run(["call", foreign.node, "echo", "again"])
      end

      test "a call into nobody there ends in time", %{foreign: foreign} do
        args = ["call", foreign.node, "nobody", "hello", "--timeout", "300"]
        assert {75, message} = Coppice.fail(args)
        assert message =~ "nobody at #{foreign.node}: no answer in time"
        # To some peers that call was the stray message.
        ask(foreign, [:strays])
      end

      test "its connection ends, and is made again", %{foreign: foreign, c: c, node: node} do
        assert ask(foreign, [:increment, node, :views, 1]) == "ok"
        Coppice.stop(c)
        eventually(fn -> assert ask(foreign, [:lost, node]) == "1" end)
        again = Coppice.start(node: node, replicas: [views: counter()])
        assert ask(foreign, [:increment, again.node, :views, 2]) == "ok"
        assert value({:views, node}) == 2
      end
    end
  end
end
