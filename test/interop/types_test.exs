defmodule TypesTest do
  @moduledoc "What holds for each of Grove's types, kept by a coppice and by Grove itself."
  use Story
  import Twins

  setup_all do
    {:ok, nodes(__MODULE__)}
  end

  # A type, changes to one, and what they come to.
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

      test "changes by data, and comes to the same with Grove", %{type: type} = world do
        {here, there} = pair(type, world)
        assert ask(here, world.ops) == :ok
        assert Meaning.of(type, value(here)) === world.value
        sync([here])
        agree(type, [here, there], world.value)
      end

      test "changes by funs, in either place", %{type: type} = world do
        {here, there} = pair(type, world)
        {first, rest} = Enum.split(world.ops, 1)

        change = fn ops ->
          fn state -> Enum.reduce(ops, state, &elem(Change.make(&2, &1), 0)) end
        end

        :ok = Server.mutate(here, change.(first))
        sync([here])
        eventually(fn -> Meaning.shared(state(there)) === Meaning.shared(state(here)) end)
        :ok = Server.mutate(there, change.(rest))
        sync([there])
        agree(type, [there, here], world.value)
      end

      test "changes from a shell", %{type: type, c: c} = world do
        {name, _} = here = replica(type, world)

        for {op, args} <- world.ops do
          terms = for arg <- args, do: :io_lib.format("~0p", [arg])
          assert {0, "ok\n", ""} = Coppice.run(["mutate", c.node, name, op | terms])
        end

        assert Meaning.of(type, value(here)) === world.value
        assert {0, <<_, _::binary>>, ""} = Coppice.run(["value", c.node, name])
      end

      test "has Grove's fields, all of them, and nothing to send", %{type: type} = world do
        here = replica(type, world, actor: "c")
        empty = type.new("c")
        assert state(here) == empty
        assert value(here) == type.value(empty)
        :ok = ask(here, world.ops)
        assert %{__struct__: ^type} = state = state(here)
        assert Enum.sort(Map.keys(state)) == Enum.sort(Map.keys(empty))
        assert Meaning.of(state) === world.value
        assert Meaning.shared(type.delta(state)) === Meaning.shared(empty)
      end

      test "is told whole to who comes late", %{type: type, beam: beam} = world do
        group = {:types, fresh("g")}
        here = replica(type, world, group: group)
        :ok = ask(here, world.ops)
        sync([here])
        there = Beam.replica(beam, actor: "b", group: group, crdt_module: type)
        agree(type, [there], world.value)
      end

      test "is asked for by who comes late", %{type: type, beam: beam} = world do
        group = {:types, fresh("g")}
        there = Beam.replica(beam, actor: "b", group: group, crdt_module: type)
        :ok = Server.mutate(there, fn _ -> made(type, "b", world.ops) end)
        sync([there])
        here = replica(type, world, group: group)
        agree(type, [here], world.value)
      end

      test "refuses what is no operation, and all that stands beside it", world do
        here = replica(world.type, world)
        :ok = ask(here, world.ops)
        before = state(here)
        [{name, args} | _] = world.ops

        for wrong <- [:explode, {:value, []}, {name, [1, 2, 3, 4]}, {:merge, [before]}] do
          op = if is_atom(wrong), do: {wrong, []}, else: wrong
          assert ask(here, wrong) == {:error, {:bad_op, op}}
          assert ask(here, [{name, args}, wrong]) == {:error, {:bad_op, op}}
        end

        assert state(here) == before
      end

      test "refuses a struct that is broken, and keeps its own", %{type: type, c: c} = world do
        {name, _} = here = replica(type, world)
        :ok = ask(here, world.ops)
        before = state(here)
        theirs = made(type, "b", world.ops)
        fields = theirs |> Map.from_struct() |> Map.keys()
        kept = for field <- fields, field not in [:actor, :delta_buffer, :delta_dirty], do: field

        for {field, n} <- Enum.with_index(kept -- [:replica_id, :value], 1) do
          tell(here, Map.put(theirs, field, "broken"))
          assert state(here) == before
          assert Coppice.refused(c, name) == n
        end
      end

      test "keeps the fields that a later Grove may have", %{type: type, beam: beam} = world do
        group = {:types, fresh("g")}
        member = Member.start(beam, :grove, group, type)
        {name, _} = here = replica(type, world, group: group)
        eventually(fn -> Coppice.status(world.c).replicas[name].peers == 1 end)
        tell(here, type |> made("b", world.ops) |> Map.put(:colour, {:blue, 1}))
        assert %{colour: {:blue, 1}} = state(here)
        Member.forget(beam, member)
        :ok = ask(here, hd(world.ops))
        sync([here])

        eventually(fn ->
          assert {:grove_delta, %{__struct__: ^type, colour: {:blue, 1}}, _} =
                   beam |> Member.heard(member) |> List.last()
        end)
      end
    end
  end
end
