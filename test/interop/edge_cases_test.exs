defmodule EdgeCasesTest do
  @moduledoc "Edge cases of each of Grove's types, in a coppice and in Grove."
  use TestCase
  import ReplicaPair

  setup_all do
    {:ok, nodes(__MODULE__)}
  end

  describe "a register" do
    test "prefers the greater actor, then the greater value, at equal times", world do
      here = replica(LWWRegister, world, actor: "c")
      register = fn actor, value -> %LWWRegister{actor: actor, timestamp: 5, value: value} end
      greater = [{"b", "z"}, {"d", "a"}, {"d", :z}, {"d", "b"}, {"d", ["b"]}, {"d", "b"}]
      expected = ["z", "a", "a", "b", "b", "b"]

      for {{actor, value}, winner} <- Enum.zip(greater, expected) do
        send_delta(here, register.(actor, value))
        assert value(here) === winner
      end

      send_delta(here, register.(:a_lesser_actor, "zz"))
      assert %{value: "b", actor: "d", timestamp: 5} = state(here)
      :ok = mutate(here, {:set, ["mine"]})
      assert %{value: "mine", actor: "c", timestamp: 6} = state(here)
    end

    test "does not go back in time", world do
      {here, there} = pair(LWWRegister, world)
      :ok = Server.mutate(here, &LWWRegister.set(&1, "late", 9))
      assert mutate(here, {:set, ["early", 3]}) == :ok
      sync([here])
      converge(LWWRegister, [here, there], "late")
      :ok = Server.mutate(there, &LWWRegister.set(&1, "later"))
      sync([there])
      converge(LWWRegister, [here, there], "later")

      for time <- [-1, 1.0, :now], do: assert({:error, _} = mutate(here, {:set, ["x", time]}))
    end

    test "may hold any term, even nil", world do
      {here, there} = pair(LWWRegister, world)

      for value <- [nil, %GCounter{actor: 1}, [], 0, {"x", %{1.0 => [nil]}}, nil, "end"] do
        :ok = mutate(here, {:set, [value]})
        assert value(here) === value
      end

      sync([here])
      converge(LWWRegister, [here, there], "end")
    end

    test "with several values keeps concurrent ones", world do
      {here, there} = pair(MVRegister, world)
      :ok = mutate(here, {:set, ["mine"]})
      :ok = Server.mutate(there, &MVRegister.set(&1, "yours"))
      sync([here, there])
      converge(MVRegister, [here, there], ["mine", "yours"])
      assert MVRegister.conflict?(state(here))

      :ok = mutate(here, {:resolve, ["ours"]})
      sync([here])
      converge(MVRegister, [here, there], ["ours"])
      assert state(here).clock == %{"b" => 1, "c" => 2}

      :ok = Server.mutate(there, &MVRegister.set(&1, 1))
      :ok = Server.mutate(here, &MVRegister.set(&1, 1.0))
      sync([here, there])
      converge(MVRegister, [here, there], [1, 1.0])
    end
  end

  describe "a set" do
    for type <- [GSet, TwoPSet, ORSet, DVVSet] do
      test "tells similar elements apart (#{inspect(type)})", world do
        {here, there} = pair(unquote(type), world)
        elements = [1, 1.0, "1", :"1", [1], [1.0], {1}, %{1 => 1.0}, %{1.0 => 1}, nil, ""]
        :ok = mutate(here, for(x <- elements, do: {:add, [x]}))
        assert MapSet.size(value(here)) == length(elements)
        sync([here])
        converge(unquote(type), [here, there], MapSet.new(elements))
      end

      # Before OTP 27 no BEAM can read a map with both.
      if :erlang.system_info(:otp_release) >= ~c"27" do
        test "tells 0.0 from -0.0 (#{inspect(type)})", world do
          {here, there} = pair(unquote(type), world)
          :ok = mutate(here, {:add, [0.0]})
          :ok = Server.mutate(there, &unquote(type).add(&1, -0.0))
          sync([here, there])
          converge(unquote(type), [here, there], MapSet.new([0.0, -0.0]))
          assert MapSet.size(value(here)) == 2
        end
      end

      test "is a MapSet in this BEAM's form, or as configured (#{inspect(type)})", world do
        {here, there} = pair(unquote(type), world)
        :ok = mutate(here, {:add, ["x"]})
        sync([here])
        converge(unquote(type), [there], MapSet.new(["x"]))
        assert value(here) == MapSet.new(["x"])
        assert value(here) == value(there)

        for {form, keys} <- [plain: [], versioned: [:version]] do
          here = replica(unquote(type), world, mapset: form)
          :ok = mutate(here, {:add, ["x"]})
          assert Enum.sort(Map.keys(value(here))) == [:__struct__, :map | keys]
        end
      end
    end

    for type <- [TwoPSet, ORSet, DVVSet] do
      test "sends a delta that only removes (#{inspect(type)})", world do
        {here, there} = pair(unquote(type), world)
        :ok = Server.mutate(there, &(&1 |> unquote(type).add("x") |> unquote(type).add("y")))
        sync([there])
        converge(unquote(type), [here], MapSet.new(["x", "y"]))
        :ok = mutate(here, {:remove, ["x"]})
        sync([here])
        converge(unquote(type), [here, there], MapSet.new(["y"]))

        # Grove's server withholds such a delta until something is added.
        :ok = Server.mutate(there, &unquote(type).remove(&1, "y"))
        sync([there])
        :ok = Server.mutate(there, &unquote(type).add(&1, "z"))
        sync([there])
        converge(unquote(type), [here, there], MapSet.new(["z"]))
      end
    end

    for type <- [ORSet, DVVSet] do
      test "allows removed elements to be added again (#{inspect(type)})", world do
        {here, there} = pair(unquote(type), world)

        for _ <- 1..3 do
          :ok = mutate(here, [{:remove, ["y"]}, {:add, ["x"]}])
          sync([here])
          converge(unquote(type), [here, there], MapSet.new(["x"]))
          :ok = Server.mutate(there, &(&1 |> unquote(type).remove("x") |> unquote(type).add("y")))
          sync([there])
          converge(unquote(type), [here, there], MapSet.new(["y"]))
        end

        assert mutate(here, {:remove, ["never there"]}) == :ok
        :ok = mutate(here, [{:add, ["x"]}, {:remove, ["y"]}])
        sync([here])
        converge(unquote(type), [here, there], MapSet.new(["x"]))
      end
    end

    test "of two phases never gets a removed element again, even if added later", world do
      {here, there} = pair(TwoPSet, world)
      assert mutate(here, {:remove, ["x"]}) == :ok
      :ok = Server.mutate(there, &(&1 |> TwoPSet.add("x") |> TwoPSet.add("y")))
      sync([here, there])
      converge(TwoPSet, [here, there], MapSet.new(["y"]))
      assert mutate(here, {:add, ["x"]}) == :ok
      converge(TwoPSet, [here, there], MapSet.new(["y"]))
    end

    test "keeps an element whose addition and removal are concurrent", world do
      {here, there} = pair(ORSet, world)
      :ok = mutate(here, {:add, ["x"]})
      sync([here])
      converge(ORSet, [there], MapSet.new(["x"]))
      :ok = mutate(here, {:remove, ["x"]})
      :ok = Server.mutate(there, &ORSet.add(&1, "x"))
      sync([here, there])
      converge(ORSet, [here, there], MapSet.new(["x"]))
      assert state(here).entries == %{"x" => MapSet.new([{"b", 2}])}
    end

    test "accepts a removal before the addition that it removes", world do
      here = replica(ORSet, world)
      added = build(ORSet, "b", [{:add, ["x"]}])
      removed = added |> ORSet.reset_delta() |> ORSet.remove("x") |> ORSet.delta()
      send_delta(here, removed)
      send_delta(here, added)
      assert value(here) == MapSet.new()
      assert state(here).tombstones == MapSet.new([{"b", 1}])
    end

    test "does not reuse a tag after a restart", %{beam: beam} do
      group = {:types, fresh("g")}
      there = Beam.replica(beam, actor: "b", group: group, crdt_module: ORSet)
      views = %{counter(crdt: ORSet) | group: group}
      settings = [scope: :grove, connect: [beam.node], replicas: [views: views]]
      first = Coppice.start(settings)
      here = {:views, first.node}
      eventually(fn -> length(Beam.members(beam, :grove, group)) == 2 end)
      :ok = mutate(here, [{:add, ["x"]}, {:add, ["y"]}, {:remove, ["y"]}])
      sync([here])
      converge(ORSet, [there], MapSet.new(["x"]))
      Coppice.kill(first)

      Coppice.start([node: first.node] ++ settings)
      :ok = mutate(here, {:add, ["y"]})
      assert state(here).entries["y"] |> MapSet.to_list() == [{"c", 3}]
      sync([here])
      converge(ORSet, [here, there], MapSet.new(["x", "y"]))
    end

    test "that hides older dots gives new ones to the elements it keeps", world do
      {here, there} = pair(DVVSet, world)
      :ok = mutate(here, for(x <- ["a", "b", "c"], do: {:add, [x]}))
      :ok = mutate(here, {:remove, ["b"]})
      sync([here])
      converge(DVVSet, [here, there], MapSet.new(["a", "c"]))
      :ok = Server.mutate(there, &DVVSet.remove(&1, "c"))
      :ok = Server.mutate(there, &DVVSet.add(&1, "d"))
      sync([there])
      converge(DVVSet, [here, there], MapSet.new(["a", "d"]))
    end
  end

  describe "a map" do
    test "accepts a struct with contents, or the name of a type", world do
      {here, there} = pair(ORMap, world)
      tags = build(ORSet, "x", [{:add, ["blue"]}])
      :ok = mutate(here, {:put, ["tags", tags]})
      :ok = mutate(here, [{:put, ["views", :gcounter]}, {:put, ["text", RGA]}])
      :ok = mutate(here, {:update, ["views", {:increment, [2]}]})
      :ok = Server.mutate(here, &ORMap.update(&1, "tags", fn set -> ORSet.add(set, "red") end))
      :ok = Server.mutate(there, &ORMap.put(&1, :last, LWWRegister.set(LWWRegister.new("b"), 7)))
      sync([here, there])

      converge(ORMap, [here, there], %{
        :last => {LWWRegister, 7},
        "tags" => {ORSet, MapSet.new(["blue", "red"])},
        "text" => {RGA, []},
        "views" => {GCounter, 2}
      })

      assert %{"views" => %GCounter{actor: "c", counts: %{"c" => 2}}} = value(here)
      assert %{"views" => %GCounter{actor: "b", counts: %{"c" => 2}}} = value(there)
    end

    test "may contain maps", world do
      {here, there} = pair(ORMap, world)
      :ok = mutate(here, {:put, ["outer", :or_map]})
      :ok = mutate(here, {:update, ["outer", {:put, ["inner", :pncounter]}]})
      deep = fn op -> {:update, ["outer", {:update, ["inner", op]}]} end
      :ok = mutate(here, [deep.({:increment, [5]}), deep.({:decrement, [1]})])
      sync([here])
      converge(ORMap, [here, there], %{"outer" => {ORMap, %{"inner" => {PNCounter, 4}}}})

      :ok = Server.mutate(there, &elem(Change.make(&1, deep.({:decrement, [3]})), 0))
      :ok = Server.mutate(here, &elem(Change.make(&1, deep.({:increment, [10]})), 0))
      sync([here, there])
      converge(ORMap, [here, there], %{"outer" => {ORMap, %{"inner" => {PNCounter, 11}}}})
      :ok = mutate(here, {:update, ["outer", {:put, ["text", :rga]}]})

      insert = {:update, ["outer", {:update, ["text", {:insert, ["x", :head]}]}]}
      assert mutate_reply(here, insert) == {:ok, {"c", 1}}

      assert mutate(here, deep.({:multiply, [2]})) == {:error, {:bad_op, deep.({:multiply, [2]})}}
    end

    test "refuses to update a missing key", world do
      here = replica(ORMap, world)
      update = {:update, ["n", {:increment, []}]}
      assert mutate(here, update) == {:error, {:bad_op, update}}
      :ok = mutate(here, [{:put, ["n", :gcounter]}, update, {:delete, ["n"]}])
      assert mutate(here, update) == {:error, {:bad_op, update}}
      assert mutate(here, {:delete, ["n"]}) == :ok
      assert mutate(here, {:put, ["n", :tree]}) == {:error, {:bad_op, {:put, ["n", :tree]}}}
      assert value(here) == %{}
      :ok = mutate(here, {:put, ["n", GCounter]})
      other = {:put, ["n", :or_set]}
      assert mutate(here, other) == {:error, {:bad_op, other}}
    end

    test "keeps a key whose put and delete are concurrent", world do
      {here, there} = pair(ORMap, world)
      :ok = mutate(here, [{:put, ["n", :gcounter]}, {:update, ["n", {:increment, [1]}]}])
      sync([here])
      converge(ORMap, [there], %{"n" => {GCounter, 1}})
      :ok = mutate(here, {:delete, ["n"]})
      :ok = Server.mutate(there, &ORMap.put(&1, "n", GCounter.new("b") |> GCounter.increment(2)))
      assert value(here) == %{}
      sync([here, there])
      converge(ORMap, [here, there], %{"n" => {GCounter, 3}})
    end

    test "sends a delta that only deletes", world do
      {here, there} = pair(ORMap, world)
      :ok = mutate(here, {:put, ["n", :gcounter]})
      sync([here])
      converge(ORMap, [there], %{"n" => {GCounter, 0}})
      :ok = mutate(here, {:delete, ["n"]})
      sync([here])
      converge(ORMap, [here, there], %{})
    end

    test "converges to one type per key", world do
      for {mine, yours} <- [{GCounter, ORSet}, {ORSet, GCounter}] do
        {here, there} = pair(ORMap, world)
        :ok = mutate(here, {:put, ["k", mine]})
        :ok = Server.mutate(there, &ORMap.put(&1, "k", yours.new("b")))
        sync([here, there])
        converge(ORMap, [here, there], %{"k" => {ORSet, MapSet.new()}})
      end
    end

    test "accepts a partial value as a change of it", world do
      here = replica(ORMap, world)
      :ok = mutate(here, [{:put, ["n", :gcounter]}, {:update, ["n", {:increment, [1]}]}])
      part = %GCounter{actor: "x", counts: %{"x" => 4}}
      send_delta(here, %{ORMap.new("x") | values: %{"n" => part, "hidden" => part}})
      assert Canonical.of(state(here)) === %{"n" => {GCounter, 5}}
      send_delta(here, build(ORMap, "x", [{:put, ["hidden", GCounter.new("x")]}]))
      assert Canonical.of(state(here)) === %{"hidden" => {GCounter, 4}, "n" => {GCounter, 5}}
    end
  end

  describe "a sequence" do
    test "returns the ids of inserted elements", world do
      {here, there} = pair(RGA, world)
      assert {:ok, {"c", 1} = one} = mutate_reply(here, {:insert, ["one", :head]})
      assert {:ok, [two, :ok]} = mutate_reply(here, [{:insert, ["two", one]}, {:remove, [one]}])
      assert two == {"c", 2}
      assert mutate(here, {:insert, ["three", two]}) == :ok
      sync([here])
      converge(RGA, [here, there], ["two", "three"])
      assert RGA.size(state(here)) == 2
    end

    test "converges to one order of concurrent insertions", world do
      {here, there} = pair(RGA, world)
      {:ok, first} = mutate_reply(here, {:insert, ["first", :head]})
      sync([here])
      converge(RGA, [there], ["first"])

      for n <- 1..5 do
        :ok = mutate(here, {:insert, ["c#{n}", first]})
        :ok = Server.mutate(there, &elem(RGA.insert(&1, "b#{n}", first), 0))
        :ok = Server.mutate(here, &elem(RGA.insert(&1, "f#{n}", :head), 0))
      end

      # Grove's server withholds a delta without an element after the head.
      :ok = Server.mutate(there, &elem(RGA.insert(&1, "last", :head), 0))
      sync([here, there])
      eventually(fn -> assert {length(value(here)), value(here)} == {17, value(there)} end)
      of = fn letter -> Enum.filter(value(here), &String.starts_with?(&1, letter)) end
      for x <- ["b", "c"], do: assert(of.(x) == for(n <- 1..5, do: "#{x}#{n}"))
    end

    test "accepts indices, too", world do
      {here, there} = pair(RGA, world)
      typed = "a nod" |> String.graphemes() |> Enum.with_index()
      :ok = mutate(here, for({letter, n} <- typed, do: {:insert_at, [n, letter]}))

      :ok =
        mutate(
          here,
          for({letter, n} <- [{"f", 2}, {"e", 3}, {" ", 4}], do: {:insert_at, [n, letter]})
        )

      assert Enum.join(value(here)) == "a fe nod"
      :ok = mutate(here, [{:remove_at, [3]}, {:insert_at, [3, "i"]}, {:insert_at, [0, "!"]}])
      :ok = mutate(here, {:insert_at, [9, "e"]})
      sync([here])
      converge(RGA, [here, there], String.graphemes("!a fi node"))

      for wrong <- [{:insert_at, [11, "x"]}, {:remove_at, [10]}, {:insert_at, [-1, "x"]}] do
        assert mutate(here, wrong) == {:error, {:bad_op, wrong}}
      end
    end

    test "shows an element once its predecessor has arrived", world do
      here = replica(RGA, world)
      {rga, one} = RGA.insert(RGA.new("x"), "one", :head)
      early = RGA.delta(rga)
      {rga, two} = rga |> RGA.reset_delta() |> RGA.insert("two", one)
      {late, _} = rga |> RGA.reset_delta() |> RGA.insert("three", two)
      send_delta(here, RGA.delta(late))
      send_delta(here, RGA.delta(rga))
      assert value(here) == []
      assert mutate(here, {:remove, [one]}) == :ok
      assert {:ok, _} = mutate_reply(here, {:insert, ["after one", one]})
      send_delta(here, early)
      assert value(here) == ["two", "three", "after one"]
    end

    test "refuses an invalid id", world do
      here = replica(RGA, world)

      for prev_id <- ["x", {"x"}, {"x", -1}, {"x", 1.0}, :tail] do
        op = {:insert, ["x", prev_id]}
        assert mutate(here, op) == {:error, {:bad_op, op}}
      end

      assert value(here) == []
    end
  end
end
