defmodule StatusTest do
  @moduledoc "What `coppice status` shows to people, and what `--json` prints for programs."
  use TestCase

  # In the roots of `make test-matrix`.
  @without_jq if System.find_executable("jq") == nil, do: "jq is not installed", else: false

  # The words of each line of the page.
  defp page(node) do
    {0, out, ""} = Coppice.run(["status", node])
    for line <- String.split(out, "\n"), do: String.split(line)
  end

  defp json(args, filter) do
    {0, out, ""} = Coppice.run(args ++ ["--json"])
    file = Coppice.config_file(out)
    {text, 0} = System.cmd("jq", ["-c", filter, file], stderr_to_stdout: true)
    String.trim(text)
  end

  test "peers and replicas are tables" do
    beam = Beam.start()
    c = Coppice.start(replicas: [views: counter(), tags: %{crdt: :or_set, group: {:g, 1}}])
    :pong = Beam.ping(beam, c.node)
    :ok = GenServer.call({:views, c.node}, {:mutate, {:increment, [5]}})
    eventually(fn -> Map.has_key?(Coppice.status(c).peers, beam.node) end)
    page = page(c.node)
    title = "#{c.node} listens on 127.0.0.1:#{c.port}, registered with epmd"
    assert hd(page) == String.split(title)
    assert ~w(PEER KIND LISTED ACCESS QUEUED) in page
    assert ~w(#{beam.node} BEAM hidden full 0) in page
    assert ~w(tags or_set none 0 0 0 0 0 {g,1}) in page
    assert Enum.any?(page, &match?(["views", "gcounter", "none", "0", "0", "0", "1", "0" | _], &1))
  end

  test "a coppice without any says so" do
    {0, out, ""} = Coppice.run(["status", Coppice.start().node])
    assert out =~ "\nno replicas\n"
  end

  test "what needs attention stands below" do
    actor = %{crdt: :gcounter, actor: "one", group: fresh("g")}
    c = Coppice.start(replicas: [views: actor, gone: counter()], read_only: [node()])
    other = Coppice.start(replicas: [views: actor], connect: [c.node])
    assert Coppice.run(["call", c.node, "coppice", "{stop_replica, gone}"]) == {0, "ok\n", ""}
    {:error, _} = GenServer.call({:views, c.node}, {:mutate, {:increment, [5]}})

    eventually(fn ->
      page = page(c.node)
      same = "views: changes are lost, since these nodes have the same actor: ['#{other.node}']"
      stopped = "stopped on request: [gone]"
      refused = "1 changes refused, of nodes that may only read"
      for line <- [same, stopped, refused], do: assert(String.split(line) in page)
    end)
  end

  @tag skip: Terminal.missing()
  test "there are colours on a terminal only, and not with NO_COLOR" do
    c = Coppice.start(replicas: [views: counter()])
    command = Enum.join(Coppice.command(["status", c.node]), " ")

    for {env, colours} <- [
          {[{"TERM", "xterm"}, {"NO_COLOR", ""}], true},
          {[{"TERM", "xterm"}, {"NO_COLOR", "1"}], false},
          {[{"TERM", "dumb"}, {"NO_COLOR", ""}], false}
        ] do
      {out, 0} = Terminal.run(command, env)
      assert out =~ "views" and out =~ "\e[1mREPLICA" == colours
    end

    {0, out, ""} = Coppice.run(["status", c.node], env: [{"TERM", "xterm"}])
    refute out =~ "\e"
  end

  test "names are shown so that they cannot do anything to a terminal" do
    name = :"a\n\e[31mb"
    c = Coppice.start(replicas: [{name, counter()}])
    {0, out, ""} = Coppice.run(["status", c.node])
    assert out =~ ~S('a\n\e[31mb')
    refute out =~ "\e"
  end

  test "another program with the name coppice is shown as it answers" do
    beam = Beam.start()

    Beam.run(beam, fn ->
      pid =
        spawn(fn ->
          for answer <- [[1, 2], %{a: 1}, %{replicas: 7}] do
            receive do
              {:"$gen_call", {pid, tag}, :status} -> send(pid, {tag, {:ok, answer}})
            end
          end
        end)

      Process.register(pid, :coppice)
    end)

    for text <- ["[1,2]", "\#{a => 1}", "\#{replicas => 7}"] do
      assert Coppice.run(["status", beam.node]) == {0, text <> "\n", ""}
    end
  end

  test "one of another release, that has not all keys" do
    beam = Beam.start()

    Beam.run(beam, fn ->
      pid =
        spawn(fn ->
          receive do
            {:"$gen_call", {pid, tag}, :status} ->
              send(pid, {tag, {:ok, %{node: :c@h, replicas: %{v: %{crdt: :new}, w: 3}}}})
          end
        end)

      Process.register(pid, :coppice)
    end)

    page = page(beam.node)
    assert ~w(v new - - - - - - -) in page
    assert ~w(w - - - - - - - -) in page
  end

  @tag skip: @without_jq
  test "json of status, value, ping, and of a call's reply" do
    c = Coppice.start(replicas: [views: counter(), tags: %{crdt: :or_set}])
    assert json(["status", c.node], ".replicas | keys") == ~S(["tags","views"])
    assert json(["status", c.node], ".node") == ~s("#{c.node}")
    assert json(["ping", c.node], ".") == ~s("pong")
    assert json(["mutate", c.node, "views", "increment", "7"], ".") == ~s("ok")
    assert json(["value", c.node, "views"], ".") == "7"
    for e <- [~S(<<"red">>), "{1,[]}", "98"], do: add(c.node, e)
    assert json(["value", c.node, "tags"], ".") == ~S([98,{"$tuple":[1,[]]},"red"])
    assert json(["call", c.node, "views", "value"], ".") == ~S({"$tuple":["ok",7]})
    big = Integer.to_string(2 ** 64)
    assert {0, _, ""} = Coppice.run(["mutate", c.node, "views", "increment", big])
    assert json(["value", c.node, "views"], ".") == ~s({"$integer":"#{2 ** 64 + 7}"})
    assert json(["state", c.node, "views"], ".__struct__") == ~s("Elixir.Grove.Counter.GCounter")
  end

  defp add(node, element), do: {0, _, ""} = Coppice.run(["mutate", node, "tags", "add", element])

  @tag skip: @without_jq
  test "json of any term is read by jq" do
    c = Coppice.start(replicas: [tags: %{crdt: :or_set}])


    leaves =
      [0, -1, 255, 2 ** 53, -(2 ** 200), 0.0, 1.0e300, 5.0e-324, 1.0e22, 123_456.789] ++
        [:a, :"\n\"\\", nil, true, :"ü", "", "ü\u2028\t\e", <<0, 255>>, <<5::3>>, [], {}, %{}] ++
        [self(), make_ref(), hd(Port.list()), &String.length/1, fn -> c end]

    pairs = for a <- leaves, b <- leaves, do: Enum.random([{a, b}, [a, b], [a | b], %{a => b}])
    terms = leaves ++ pairs
    :ok = GenServer.call({:tags, c.node}, {:mutate, for(term <- terms, do: {:add, [term]})})
    elements = terms |> MapSet.new() |> MapSet.size()
    assert json(["value", c.node, "tags"], "length") == "#{elements}"
    assert json(["state", c.node, "tags"], "has(\"entries\")") == "true"
  end

  @tag skip: @without_jq
  test "json of dets check, and of an error" do
    file = Coppice.config_file("") <> ".dets"
    {:ok, table} = :dets.open_file(make_ref(), file: to_charlist(file))
    :ok = :dets.insert(table, [{:a, 1}, {"b", <<255>>}])
    :ok = :dets.close(table)
    assert json(["dets", "check", file], "[.objects, .type, .hash]") == ~S([2,"set","phash2"])
    {0, dump, ""} = Coppice.run(["dets", "dump", "--json", file])
    assert ~S({"$tuple":["b",{"$binary":"/w=="}]}) in String.split(dump, "\n")
    {69, "", err} = Coppice.run(["value", "--json", "nobody@127.0.0.1", "views"])
    assert err =~ "coppice: views at nobody@127.0.0.1: "
  end
end
