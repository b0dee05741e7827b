defmodule DiffTest do
  @moduledoc "`coppice diff`: whether two replicas agree, and where not."
  use TestCase

  # Of Generator.types().
  @names ~w(gcounter pncounter lww_register mv_register gset two_p_set or_set dvv_set or_map rga)a
  @differ 1
  @unavailable 69

  # Two coppices that have not met, with a replica of each of these.
  defp apart(replicas) do
    for _ <- 1..2, do: Coppice.start(replicas: replicas)
  end

  defp change(c, name, ops), do: :ok = GenServer.call({name, c.node}, {:mutate, ops})

  # The exit code and the lines, with `A` and `B` for the nodes.
  defp diff([a, b], name) do
    {code, out, ""} = Coppice.run(["diff", a.node, b.node, name])
    out = out |> String.replace("#{a.node}", "A") |> String.replace("#{b.node}", "B")
    {code, String.split(out, "\n", trim: true)}
  end

  defp meet([a, b]), do: :ok = GenServer.call({:coppice, a.node}, {:connect, b.node})

  test "sets by element, tags and all" do
    both = [a, b] = apart(s: %{crdt: :gset, group: 1}, o: %{crdt: :or_set, group: 2, actor: "x"})
    assert diff(both, :s) == {0, ["equal"]}
    change(a, :s, for(e <- ["red", [1, 2], 3], do: {:add, [e]}))
    change(b, :s, for(e <- [3, "blue"], do: {:add, [e]}))

    {@differ, lines} = diff(both, :s)
    red = "only at A: elements <<\"red\">>"
    blue = "only at B: elements <<\"blue\">>"
    assert Enum.sort(lines) == Enum.sort([red, blue, "only at A: elements [1,2]"])
    change(a, :o, [{:add, [1]}, {:remove, [1]}, {:add, [2]}])
    change(b, :o, [{:add, [1]}])
    {@differ, lines} = diff(both, :o)
    assert "only at A: entries 2" in lines and "only at B: entries 1" in lines
    assert "only at A: tombstones {<<\"x\">>,1}" in lines
    meet(both)
    eventually(fn -> diff(both, :s) == {0, ["equal"]} end)
  end

  test "counters by actor, maps by key, registers" do
    replicas = [
      c: %{crdt: :gcounter, group: 1, actor: "x"},
      p: %{crdt: :pncounter, group: 2, actor: "x"},
      m: %{crdt: :or_map, group: 3},
      r: %{crdt: :lww_register, group: 4}
    ]

    both = [a, b] = apart(replicas)
    change(a, :c, {:increment, [5]})
    change(b, :c, {:increment, [7]})
    assert diff(both, :c) == {@differ, ["counts <<\"x\">>: 5 at A, 7 at B"]}
    change(b, :p, {:decrement, [2]})
    assert diff(both, :p) == {@differ, ["only at B: negative counts <<\"x\">>"]}
    for c <- both, do: change(c, :m, [{:put, ["k", :gset]}, {:update, ["k", {:add, [1]}]}])
    change(a, :m, {:update, ["k", {:add, [2]}]})
    {@differ, lines} = diff(both, :m)
    assert "only at A: values <<\"k\">> elements 2" in lines
    refute Enum.any?(lines, &(&1 =~ "elements 1"))
    change(a, :r, {:set, ["new", 9]})
    change(b, :r, {:set, ["old", 8]})
    {@differ, lines} = diff(both, :r)
    assert "timestamp: 9 at A, 8 at B" in lines
    assert "value: <<\"new\">> at A, <<\"old\">> at B" in lines
  end

  test "random changes of each type: different while apart, equal once they have met" do
    :rand.seed(:exsss, {1, 2, 3})
    names = Enum.zip(Generator.types(), @names)
    both = apart(for {_, name} <- names, do: {name, %{crdt: name}})

    for {type, name} <- names, {c, at} <- Enum.with_index(both), n <- 1..12 do
      GenServer.call({name, c.node}, {:mutate, Generator.op(type, 100 * at + n)})
    end

    for {_, name} <- names, do: assert({@differ, [_ | _]} = diff(both, name))
    meet(both)
    for {_, name} <- names, do: eventually(fn -> diff(both, name) == {0, ["equal"]} end)
  end

  test "what cannot be compared is told" do
    a = Coppice.start(replicas: [s: %{crdt: :gset}])
    b = Coppice.start(replicas: [s: %{crdt: :or_set}, t: %{crdt: :gset}])
    assert diff([a, b], :s) == {@differ, ["gset at A, or_set at B"]}
    assert {@unavailable, err} = Coppice.fail(["diff", a.node, b.node, "t"])
    assert err =~ "#{a.node} has no replica t, only [s]"
    assert {@unavailable, err} = Coppice.fail(["diff", b.node, "nobody@127.0.0.1", "t"])
    assert err =~ "nobody@127.0.0.1"
    assert {@unavailable, err} = Coppice.fail(["diff", b.node, Beam.start().node, "t"])
    assert err =~ "runs no coppice"
  end

  test "states that are no states, from a program with the name coppice" do
    %{node: node} = Coppice.start(replicas: [s: %{crdt: :gset}])
    beam = Beam.start()
    set = %{__struct__: Grove.Set.GSet, actor: "a", elements: 7, delta_buffer: nil}

    states = [7, %{}, set]

    Beam.run(beam, fn ->
      for {name, answers} <- [coppice: [[:s], [:s], [:s]], s: states] do
        serve = fn answer ->
          receive do
            {:"$gen_call", {pid, tag}, _} -> send(pid, {tag, {:ok, answer}})
          end
        end

        Process.register(spawn(fn -> Enum.each(answers, serve) end), name)
      end
    end)

    for _ <- states do
      assert {@unavailable, err} = Coppice.fail(["diff", node, beam.node, "s"])
      assert err =~ ~r/its state (is of no type that is known|cannot be read) here/
    end
  end
end
