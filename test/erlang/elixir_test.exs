# The module Coppice beside a real coppice, without Grove: its doctests, and what they do not show.
ExUnit.start()
Logger.configure(level: :error)

defmodule ElixirTest do
  use ExUnit.Case

  doctest Coppice

  # The node of the doctests; this epmd is the suite's own.
  @node :"c1@127.0.0.1"

  setup_all do
    start_supervised!({Coppice, node: @node, name: :owner, listen: [address: "127.0.0.1"]})
    :ok
  end

  defp replica(crdt) do
    name = :"#{crdt}_#{System.unique_integer([:positive])}"
    {:ok, _} = Coppice.start_replica(:owner, name, crdt: crdt)
    {name, @node}
  end

  test "a set is a MapSet of this Elixir" do
    for crdt <- [:gset, :two_p_set, :or_set, :dvv_set] do
      set = replica(crdt)
      assert Coppice.value!(set) == MapSet.new()
      assert set |> Coppice.mutate!({:add, ["x"]}) |> Coppice.value!() == MapSet.new(["x"])
      assert Coppice.value(set, 20_000) == {:ok, MapSet.new(["x"])}
      assert Coppice.value!(set, 20_000) == MapSet.new(["x"])
    end
  end

  test "a pipeline returns the replica, and raises what is wrong with the replica's name" do
    counter = replica(:pncounter)

    assert counter
           |> Coppice.mutate!({:increment, [5]})
           |> Coppice.mutate!(:decrement, 20_000)
           |> Coppice.batch!([:decrement, :decrement])
           |> Coppice.batch!(:increment, 20_000)
           |> Coppice.sync_now!() == counter

    assert Coppice.value!(counter) == 3
    error = assert_raise RuntimeError, fn -> Coppice.mutate!(counter, :jump) end
    assert error.message == "#{inspect(counter)}: {:bad_op, {:jump, []}}"
  end

  test "states and maps of structs are shown without Grove" do
    map = replica(:or_map) |> Coppice.mutate!({:put, ["tags", :gset]})
    assert inspect(Coppice.value!(map)) =~ ~s(%{"tags" => %{__struct__: Grove.Set.GSet, )
    assert %{values: %{"tags" => %{elements: %MapSet{}}}} = Coppice.state!(map)
    assert inspect(Coppice.state!(map, 20_000)) =~ "__struct__: Grove.Map.ORMap"
  end

  test "a replica by its pid, of :global and through a registry" do
    name = {:via, :global, :a_counter}
    {registered, @node} = replica(:gcounter)
    pid = :erpc.call(@node, :erlang, :whereis, [registered])
    :yes = :global.register_name(:a_counter, pid)
    assert Coppice.mutate(name, :increment) == :ok
    assert Coppice.value({:global, :a_counter}) == {:ok, 1}
    assert Coppice.value(pid) == {:ok, 1}
  end

  test "every function is documented, and the same in both modules" do
    for module <- [Coppice, :coppice] do
      {:docs_v1, _, _, "text/markdown", %{"en" => _}, _, entries} = Code.fetch_docs(module)
      documented = for {{:function, f, arity}, _, _, %{"en" => _}, _} <- entries, do: {f, arity}
      assert Enum.sort(documented) == Enum.sort(functions(module))
    end

    plain = Enum.reject(functions(Coppice), fn {name, _} -> to_string(name) =~ "!" end)
    assert Enum.sort(plain) == Enum.sort(functions(:coppice) -- [format_error: 1])
  end

  defp functions(module) do
    for {name, _} = function <- module.module_info(:exports),
        name not in [:module_info, :__info__],
        do: function
  end

  test "it looks like a module of Elixir" do
    assert Coppice.__info__(:module) == Coppice
    assert {:mutate!, 2} in Coppice.__info__(:functions)
    refute {:module_info, 0} in Coppice.__info__(:functions)
    assert Coppice.__info__(:macros) == []
  end

  test "Logger gets the program's lines" do
    me = self()

    filter = fn event, _ ->
      send(me, {:event, event})
      :stop
    end

    Logger.configure(level: :info)
    :ok = :logger.add_primary_filter(:elixir_test, {filter, nil})
    replica(:gset) |> Coppice.stop()
    # Another line of the program may come first.
    assert_receive {:event, %{level: :info, meta: %{application: :coppice, coppice: @node}}}, 20_000
    :logger.remove_primary_filter(:elixir_test)
    Logger.configure(level: :error)
  end
end
