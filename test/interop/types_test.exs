defmodule TypesTest do
  @moduledoc "The same tests for each of Grove's types, in a coppice and in Grove."
  use TestCase
  import ReplicaPair

  setup_all do
    {:ok, nodes(__MODULE__)}
  end

  # A type, operations, and the value after them.
  @examples [
    {GCounter, [{:increment, []}, {:increment, [4]}], 5},
    {PNCounter, [{:increment, [4]}, {:decrement, [6]}], -2},
    {LWWRegister, [{:set, ["x"]}, {:set, ["y", 7]}], "y"},
    {MVRegister, [{:set, ["x"]}, {:resolve, [:y]}], [:y]},
    {GSet, [{:add, [1]}, {:add, [1.0]}, {:add, [1]}], {:set, [1, 1.0]}},
    {TwoPSet, [{:add, ["x"]}, {:add, ["y"]}, {:remove, ["x"]}], {:set, ["y"]}},
    {ORSet, [{:add, ["x"]}, {:add, ["y"]}, {:remove, ["x"]}], {:set, ["y"]}},
    {DVVSet, [{:add, ["x"]}, {:add, ["y"]}, {:remove, ["y"]}], {:set, ["x"]}},
    {ORMap,
     [
       {:put, ["n", GCounter.new("nobody")]},
       {:put, ["gone", ORSet.new("nobody")]},
       {:update, ["n", {:increment, [3]}]},
       {:delete, ["gone"]}
     ], %{"n" => {GCounter, 3}}},
    {RGA, [{:insert, ["b", :head]}, {:insert, ["c", :head]}], ["b", "c"]}
  ]

  defp expected({:set, list}), do: MapSet.new(list)
  defp expected(value), do: value

  for {type, ops, value} <- @examples do
    describe "#{inspect(type)}" do
      setup do
        {:ok,
         type: unquote(type),
         ops: unquote(Macro.escape(ops)),
         value: expected(unquote(Macro.escape(value)))}
      end

      test "takes operations as data, and converges with Grove", %{type: type} = world do
        {here, there} = pair(type, world)
        assert mutate(here, world.ops) == :ok
        assert Canonical.of(type, value(here)) === world.value
        sync([here])
        converge(type, [here, there], world.value)
      end

      test "takes funs, on both sides", %{type: type} = world do
        {here, there} = pair(type, world)
        {first, rest} = Enum.split(world.ops, 1)

        change = fn ops ->
          fn state -> Enum.reduce(ops, state, &elem(Change.make(&2, &1), 0)) end
        end

        :ok = Server.mutate(here, change.(first))
        sync([here])
        eventually(fn -> Canonical.shared(state(there)) === Canonical.shared(state(here)) end)
        :ok = Server.mutate(there, change.(rest))
        sync([there])
        converge(type, [there, here], world.value)
      end

      test "takes operations from a shell", %{type: type, c: c} = world do
        {name, _} = here = replica(type, world)

        for {op, args} <- world.ops do
          terms = for arg <- args, do: :io_lib.format("~0p", [arg])
          assert {0, "ok\n", ""} = Coppice.run(["mutate", c.node, name, op | terms])
        end

        assert Canonical.of(type, value(here)) === world.value
        assert {0, <<_, _::binary>>, ""} = Coppice.run(["value", c.node, name])
      end

      test "has exactly Grove's fields, and an empty delta", %{type: type} = world do
        here = replica(type, world, actor: "c")
        empty = type.new("c")
        assert state(here) == empty
        assert value(here) == type.value(empty)
        :ok = mutate(here, world.ops)
        assert %{__struct__: ^type} = state = state(here)
        assert Enum.sort(Map.keys(state)) == Enum.sort(Map.keys(empty))
        assert Canonical.of(state) === world.value
        assert Canonical.shared(type.delta(state)) === Canonical.shared(empty)
      end

      test "is pushed whole to a late joiner", %{type: type, beam: beam} = world do
        group = {:types, fresh("g")}
        here = replica(type, world, group: group)
        :ok = mutate(here, world.ops)
        sync([here])
        there = Beam.replica(beam, actor: "b", group: group, crdt_module: type)
        converge(type, [there], world.value)
      end

      test "is pulled by a late joiner", %{type: type, beam: beam} = world do
        group = {:types, fresh("g")}
        there = Beam.replica(beam, actor: "b", group: group, crdt_module: type)
        :ok = Server.mutate(there, fn _ -> build(type, "b", world.ops) end)
        sync([there])
        here = replica(type, world, group: group)
        converge(type, [here], world.value)
      end

      test "refuses an invalid operation, and the whole batch around it", world do
        here = replica(world.type, world)
        :ok = mutate(here, world.ops)
        before = state(here)
        [{name, args} | _] = world.ops

        for wrong <- [:explode, {:value, []}, {name, [1, 2, 3, 4]}, {:merge, [before]}] do
          op = if is_atom(wrong), do: {wrong, []}, else: wrong
          assert mutate(here, wrong) == {:error, {:bad_op, op}}
          assert mutate(here, [{name, args}, wrong]) == {:error, {:bad_op, op}}
        end

        assert state(here) == before
      end

      test "refuses an invalid struct, and keeps its state", %{type: type, c: c} = world do
        {name, _} = here = replica(type, world)
        :ok = mutate(here, world.ops)
        before = state(here)
        theirs = build(type, "b", world.ops)
        fields = theirs |> Map.from_struct() |> Map.keys()
        kept = for field <- fields, field not in [:actor, :delta_buffer, :delta_dirty], do: field

        for {field, n} <- Enum.with_index(kept -- [:replica_id, :value], 1) do
          send_delta(here, Map.put(theirs, field, "broken"))
          assert state(here) == before
          assert Coppice.refused(c, name) == n
        end
      end

      test "keeps unknown fields of a later Grove", %{type: type, beam: beam} = world do
        group = {:types, fresh("g")}
        member = Member.start(beam, :grove, group, type)
        {name, _} = here = replica(type, world, group: group)
        eventually(fn -> Coppice.status(world.c).replicas[name].peers == 1 end)
        send_delta(here, type |> build("b", world.ops) |> Map.put(:colour, {:blue, 1}))
        assert %{colour: {:blue, 1}} = state(here)
        Member.flush(beam, member)
        :ok = mutate(here, hd(world.ops))
        sync([here])

        eventually(fn ->
          assert {:grove_delta, %{__struct__: ^type, colour: {:blue, 1}}, _} =
                   beam |> Member.messages(member) |> List.last()
        end)
      end
    end
  end
end
