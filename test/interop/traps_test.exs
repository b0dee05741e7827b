defmodule TrapsTest do
  @moduledoc "Each of Grove's types where it is easily got wrong, kept by a coppice and by Grove."
  use Story
  import Twins

  setup_all do
    {:ok, nodes(__MODULE__)}
  end

  describe "a register" do
    test "is that of the greater actor, then the greater value, at the same time", world do
      here = replica(LWWRegister, world, actor: "c")
      register = fn actor, value -> %LWWRegister{actor: actor, timestamp: 5, value: value} end
      greater = [{"b", "z"}, {"d", "a"}, {"d", :z}, {"d", "b"}, {"d", ["b"]}, {"d", "b"}]
      expected = ["z", "a", "a", "b", "b", "b"]

      for {{actor, value}, winner} <- Enum.zip(greater, expected) do
        tell(here, register.(actor, value))
        assert value(here) === winner
      end

      tell(here, register.(:a_lesser_actor, "zz"))
      assert %{value: "b", actor: "d", timestamp: 5} = state(here)
      :ok = ask(here, {:set, ["mine"]})
      assert %{value: "mine", actor: "c", timestamp: 6} = state(here)
    end

    test "does not go back in time", world do
      {here, there} = pair(LWWRegister, world)
      :ok = Server.mutate(here, &LWWRegister.set(&1, "late", 9))
      assert ask(here, {:set, ["early", 3]}) == :ok
      sync([here])
      agree(LWWRegister, [here, there], "late")
      :ok = Server.mutate(there, &LWWRegister.set(&1, "later"))
      sync([there])
      agree(LWWRegister, [here, there], "later")

      for time <- [-1, 1.0, :now], do: assert({:error, _} = ask(here, {:set, ["x", time]}))
    end

    test "may hold anything, nothing too", world do
      {here, there} = pair(LWWRegister, world)

      for value <- [nil, %GCounter{actor: 1}, [], 0, {"x", %{1.0 => [nil]}}, nil, "end"] do
        :ok = ask(here, {:set, [value]})
        assert value(here) === value
      end

      sync([here])
      agree(LWWRegister, [here, there], "end")
    end

    test "of several values has those that did not know of each other", world do
      {here, there} = pair(MVRegister, world)
      :ok = ask(here, {:set, ["mine"]})
      :ok = Server.mutate(there, &MVRegister.set(&1, "yours"))
      sync([here, there])
      agree(MVRegister, [here, there], ["mine", "yours"])
      assert MVRegister.conflict?(state(here))

      :ok = ask(here, {:resolve, ["ours"]})
      sync([here])
      agree(MVRegister, [here, there], ["ours"])
      assert state(here).clock == %{"b" => 1, "c" => 2}

      :ok = Server.mutate(there, &MVRegister.set(&1, 1))
      :ok = Server.mutate(here, &MVRegister.set(&1, 1.0))
      sync([here, there])
      agree(MVRegister, [here, there], [1, 1.0])
    end
  end

  describe "a set" do
    for type <- [GSet, TwoPSet, ORSet, DVVSet] do
      test "keeps elements apart that are not the same (#{inspect(type)})", world do
        {here, there} = pair(unquote(type), world)
        elements = [1, 1.0, "1", :"1", [1], [1.0], {1}, %{1 => 1.0}, %{1.0 => 1}, nil, ""]
        :ok = ask(here, for(x <- elements, do: {:add, [x]}))
        assert MapSet.size(value(here)) == length(elements)
        sync([here])
        agree(unquote(type), [here, there], MapSet.new(elements))
      end

      # Before, no BEAM can read a map with both.
      if :erlang.system_info(:otp_release) >= ~c"27" do
        test "tells 0.0 from -0.0 (#{inspect(type)})", world do
          {here, there} = pair(unquote(type), world)
          :ok = ask(here, {:add, [0.0]})
          :ok = Server.mutate(there, &unquote(type).add(&1, -0.0))
          sync([here, there])
          agree(unquote(type), [here, there], MapSet.new([0.0, -0.0]))
          assert MapSet.size(value(here)) == 2
        end
      end

      test "is a MapSet as this BEAM has them, or as told (#{inspect(type)})", world do
        {here, there} = pair(unquote(type), world)
        :ok = ask(here, {:add, ["x"]})
        sync([here])
        agree(unquote(type), [there], MapSet.new(["x"]))
        assert value(here) == MapSet.new(["x"])
        assert value(here) == value(there)

        for {form, keys} <- [plain: [], versioned: [:version]] do
          here = replica(unquote(type), world, mapset: form)
          :ok = ask(here, {:add, ["x"]})
          assert Enum.sort(Map.keys(value(here))) == [:__struct__, :map | keys]
        end
      end
    end

    for type <- [TwoPSet, ORSet, DVVSet] do
      test "tells what it has only lost (#{inspect(type)})", world do
        {here, there} = pair(unquote(type), world)
        :ok = Server.mutate(there, &(&1 |> unquote(type).add("x") |> unquote(type).add("y")))
        sync([there])
        agree(unquote(type), [here], MapSet.new(["x", "y"]))
        :ok = ask(here, {:remove, ["x"]})
        sync([here])
        agree(unquote(type), [here, there], MapSet.new(["y"]))

        # Grove's server keeps such a delta back until something is added.
        :ok = Server.mutate(there, &unquote(type).remove(&1, "y"))
        sync([there])
        :ok = Server.mutate(there, &unquote(type).add(&1, "z"))
        sync([there])
        agree(unquote(type), [here, there], MapSet.new(["z"]))
      end
    end

    for type <- [ORSet, DVVSet] do
      test "takes back what was removed (#{inspect(type)})", world do
        {here, there} = pair(unquote(type), world)

        for _ <- 1..3 do
          :ok = ask(here, [{:remove, ["y"]}, {:add, ["x"]}])
          sync([here])
          agree(unquote(type), [here, there], MapSet.new(["x"]))
          :ok = Server.mutate(there, &(&1 |> unquote(type).remove("x") |> unquote(type).add("y")))
          sync([there])
          agree(unquote(type), [here, there], MapSet.new(["y"]))
        end

        assert ask(here, {:remove, ["never there"]}) == :ok
        :ok = ask(here, [{:add, ["x"]}, {:remove, ["y"]}])
        sync([here])
        agree(unquote(type), [here, there], MapSet.new(["x"]))
      end
    end

    test "of two phases lets nothing in again, though it came later", world do
      {here, there} = pair(TwoPSet, world)
      assert ask(here, {:remove, ["x"]}) == :ok
      :ok = Server.mutate(there, &(&1 |> TwoPSet.add("x") |> TwoPSet.add("y")))
      sync([here, there])
      agree(TwoPSet, [here, there], MapSet.new(["y"]))
      assert ask(here, {:add, ["x"]}) == :ok
      agree(TwoPSet, [here, there], MapSet.new(["y"]))
    end

    test "keeps what was added while it was removed elsewhere", world do
      {here, there} = pair(ORSet, world)
      :ok = ask(here, {:add, ["x"]})
      sync([here])
      agree(ORSet, [there], MapSet.new(["x"]))
      :ok = ask(here, {:remove, ["x"]})
      :ok = Server.mutate(there, &ORSet.add(&1, "x"))
      sync([here, there])
      agree(ORSet, [here, there], MapSet.new(["x"]))
      assert state(here).entries == %{"x" => MapSet.new([{"b", 2}])}
    end

    test "knows of a removal before it knows of what was removed", world do
      here = replica(ORSet, world)
      added = made(ORSet, "b", [{:add, ["x"]}])
      removed = added |> ORSet.reset_delta() |> ORSet.remove("x") |> ORSet.delta()
      tell(here, removed)
      tell(here, added)
      assert value(here) == MapSet.new()
      assert state(here).tombstones == MapSet.new([{"b", 1}])
    end

    test "does not use a tag again after a restart", %{beam: beam} do
      group = {:types, fresh("g")}
      there = Beam.replica(beam, actor: "b", group: group, crdt_module: ORSet)
      views = %{counter(crdt: ORSet) | group: group}
      settings = [scope: :grove, connect: [beam.node], replicas: [views: views]]
      first = Coppice.start(settings)
      here = {:views, first.node}
      eventually(fn -> length(Beam.members(beam, :grove, group)) == 2 end)
      :ok = ask(here, [{:add, ["x"]}, {:add, ["y"]}, {:remove, ["y"]}])
      sync([here])
      agree(ORSet, [there], MapSet.new(["x"]))
      Coppice.kill(first)

      Coppice.start([node: first.node] ++ settings)
      :ok = ask(here, {:add, ["y"]})
      assert state(here).entries["y"] |> MapSet.to_list() == [{"c", 3}]
      sync([here])
      agree(ORSet, [here, there], MapSet.new(["x", "y"]))
    end

    test "that hides older dots gives new ones to the elements it keeps", world do
      {here, there} = pair(DVVSet, world)
      :ok = ask(here, for(x <- ["a", "b", "c"], do: {:add, [x]}))
      :ok = ask(here, {:remove, ["b"]})
      sync([here])
      agree(DVVSet, [here, there], MapSet.new(["a", "c"]))
      :ok = Server.mutate(there, &DVVSet.remove(&1, "c"))
      :ok = Server.mutate(there, &DVVSet.add(&1, "d"))
      sync([there])
      agree(DVVSet, [here, there], MapSet.new(["a", "d"]))
    end
  end

  describe "a map" do
    test "takes a struct with what is in it, or the name of an empty one", world do
      {here, there} = pair(ORMap, world)
      tags = made(ORSet, "x", [{:add, ["blue"]}])
      :ok = ask(here, {:put, ["tags", tags]})
      :ok = ask(here, [{:put, ["views", :gcounter]}, {:put, ["text", RGA]}])
      :ok = ask(here, {:update, ["views", {:increment, [2]}]})
      :ok = Server.mutate(here, &ORMap.update(&1, "tags", fn set -> ORSet.add(set, "red") end))
      :ok = Server.mutate(there, &ORMap.put(&1, :last, LWWRegister.set(LWWRegister.new("b"), 7)))
      sync([here, there])

      agree(ORMap, [here, there], %{
        :last => {LWWRegister, 7},
        "tags" => {ORSet, MapSet.new(["blue", "red"])},
        "text" => {RGA, []},
        "views" => {GCounter, 2}
      })

      assert %{"views" => %GCounter{actor: "c", counts: %{"c" => 2}}} = value(here)
      assert %{"views" => %GCounter{actor: "b", counts: %{"c" => 2}}} = value(there)
    end

    test "has maps inside", world do
      {here, there} = pair(ORMap, world)
      :ok = ask(here, {:put, ["outer", :or_map]})
      :ok = ask(here, {:update, ["outer", {:put, ["inner", :pncounter]}]})
      deep = fn op -> {:update, ["outer", {:update, ["inner", op]}]} end
      :ok = ask(here, [deep.({:increment, [5]}), deep.({:decrement, [1]})])
      sync([here])
      agree(ORMap, [here, there], %{"outer" => {ORMap, %{"inner" => {PNCounter, 4}}}})

      :ok = Server.mutate(there, &elem(Change.make(&1, deep.({:decrement, [3]})), 0))
      :ok = Server.mutate(here, &elem(Change.make(&1, deep.({:increment, [10]})), 0))
      sync([here, there])
      agree(ORMap, [here, there], %{"outer" => {ORMap, %{"inner" => {PNCounter, 11}}}})
      :ok = ask(here, {:update, ["outer", {:put, ["text", :rga]}]})

      assert reply(here, {:update, ["outer", {:update, ["text", {:insert, ["x", :head]}]}]}) ==
               {:ok, {"c", 1}}

      assert ask(here, deep.({:multiply, [2]})) == {:error, {:bad_op, deep.({:multiply, [2]})}}
    end

    test "changes no value whose key is not there", world do
      here = replica(ORMap, world)
      update = {:update, ["n", {:increment, []}]}
      assert ask(here, update) == {:error, {:bad_op, update}}
      :ok = ask(here, [{:put, ["n", :gcounter]}, update, {:delete, ["n"]}])
      assert ask(here, update) == {:error, {:bad_op, update}}
      assert ask(here, {:delete, ["n"]}) == :ok
      assert ask(here, {:put, ["n", :tree]}) == {:error, {:bad_op, {:put, ["n", :tree]}}}
      assert value(here) == %{}
      :ok = ask(here, {:put, ["n", GCounter]})
      other = {:put, ["n", :or_set]}
      assert ask(here, other) == {:error, {:bad_op, other}}
    end

    test "keeps the key that was put while it was deleted elsewhere", world do
      {here, there} = pair(ORMap, world)
      :ok = ask(here, [{:put, ["n", :gcounter]}, {:update, ["n", {:increment, [1]}]}])
      sync([here])
      agree(ORMap, [there], %{"n" => {GCounter, 1}})
      :ok = ask(here, {:delete, ["n"]})
      :ok = Server.mutate(there, &ORMap.put(&1, "n", GCounter.new("b") |> GCounter.increment(2)))
      assert value(here) == %{}
      sync([here, there])
      agree(ORMap, [here, there], %{"n" => {GCounter, 3}})
    end

    test "tells what it has only lost", world do
      {here, there} = pair(ORMap, world)
      :ok = ask(here, {:put, ["n", :gcounter]})
      sync([here])
      agree(ORMap, [there], %{"n" => {GCounter, 0}})
      :ok = ask(here, {:delete, ["n"]})
      sync([here])
      agree(ORMap, [here, there], %{})
    end

    test "has one type under a key in the end, the same everywhere", world do
      for {mine, yours} <- [{GCounter, ORSet}, {ORSet, GCounter}] do
        {here, there} = pair(ORMap, world)
        :ok = ask(here, {:put, ["k", mine]})
        :ok = Server.mutate(there, &ORMap.put(&1, "k", yours.new("b")))
        sync([here, there])
        agree(ORMap, [here, there], %{"k" => {ORSet, MapSet.new()}})
      end
    end

    test "takes the change of a value that is only a part of it", world do
      here = replica(ORMap, world)
      :ok = ask(here, [{:put, ["n", :gcounter]}, {:update, ["n", {:increment, [1]}]}])
      part = %GCounter{actor: "x", counts: %{"x" => 4}}
      tell(here, %{ORMap.new("x") | values: %{"n" => part, "hidden" => part}})
      assert Meaning.of(state(here)) === %{"n" => {GCounter, 5}}
      tell(here, made(ORMap, "x", [{:put, ["hidden", GCounter.new("x")]}]))
      assert Meaning.of(state(here)) === %{"hidden" => {GCounter, 4}, "n" => {GCounter, 5}}
    end
  end

  describe "a sequence" do
    test "answers the ids of what was inserted", world do
      {here, there} = pair(RGA, world)
      assert {:ok, {"c", 1} = one} = reply(here, {:insert, ["one", :head]})
      assert {:ok, [two, :ok]} = reply(here, [{:insert, ["two", one]}, {:remove, [one]}])
      assert two == {"c", 2}
      assert ask(here, {:insert, ["three", two]}) == :ok
      sync([here])
      agree(RGA, [here, there], ["two", "three"])
      assert RGA.size(state(here)) == 2
    end

    test "has one order, whoever inserts where", world do
      {here, there} = pair(RGA, world)
      {:ok, first} = reply(here, {:insert, ["first", :head]})
      sync([here])
      agree(RGA, [there], ["first"])

      for n <- 1..5 do
        :ok = ask(here, {:insert, ["c#{n}", first]})
        :ok = Server.mutate(there, &elem(RGA.insert(&1, "b#{n}", first), 0))
        :ok = Server.mutate(here, &elem(RGA.insert(&1, "f#{n}", :head), 0))
      end

      # Grove's server keeps a delta back in which nothing stands behind the head.
      :ok = Server.mutate(there, &elem(RGA.insert(&1, "last", :head), 0))
      sync([here, there])
      eventually(fn -> assert {length(value(here)), value(here)} == {17, value(there)} end)
      of = fn letter -> Enum.filter(value(here), &String.starts_with?(&1, letter)) end
      for x <- ["b", "c"], do: assert(of.(x) == for(n <- 1..5, do: "#{x}#{n}"))
    end

    test "takes places, too", world do
      {here, there} = pair(RGA, world)
      typed = "a nod" |> String.graphemes() |> Enum.with_index()
      :ok = ask(here, for({letter, n} <- typed, do: {:insert_at, [n, letter]}))

      :ok =
        ask(
          here,
          for({letter, n} <- [{"f", 2}, {"e", 3}, {" ", 4}], do: {:insert_at, [n, letter]})
        )

      assert Enum.join(value(here)) == "a fe nod"
      :ok = ask(here, [{:remove_at, [3]}, {:insert_at, [3, "i"]}, {:insert_at, [0, "!"]}])
      :ok = ask(here, {:insert_at, [9, "e"]})
      sync([here])
      agree(RGA, [here, there], String.graphemes("!a fi node"))

      for wrong <- [{:insert_at, [11, "x"]}, {:remove_at, [10]}, {:insert_at, [-1, "x"]}] do
        assert ask(here, wrong) == {:error, {:bad_op, wrong}}
      end
    end

    test "shows an element when that before it has come", world do
      here = replica(RGA, world)
      {rga, one} = RGA.insert(RGA.new("x"), "one", :head)
      early = RGA.delta(rga)
      {rga, two} = rga |> RGA.reset_delta() |> RGA.insert("two", one)
      {late, _} = rga |> RGA.reset_delta() |> RGA.insert("three", two)
      tell(here, RGA.delta(late))
      tell(here, RGA.delta(rga))
      assert value(here) == []
      assert ask(here, {:remove, [one]}) == :ok
      assert {:ok, _} = reply(here, {:insert, ["after one", one]})
      tell(here, early)
      assert value(here) == ["two", "three", "after one"]
    end

    test "refuses what cannot be an id", world do
      here = replica(RGA, world)

      for prev_id <- ["x", {"x"}, {"x", -1}, {"x", 1.0}, :tail] do
        op = {:insert, ["x", prev_id]}
        assert ask(here, op) == {:error, {:bad_op, op}}
      end

      assert value(here) == []
    end
  end
end
