defmodule CommandsTest do
  @moduledoc "The command line, with a coppice and with a BEAM."
  use TestCase

  @error 1
  @usage 64
  @unavailable 69
  @config 78
  @temporary 75

  setup do
    c = Coppice.start(replicas: [views: counter()])
    {:ok, c: c, node: c.node, views: {:views, c.node}}
  end

  # The term that a successful command prints; it must print nothing else.
  defp prints(args) do
    {status, out, err} = Coppice.run(args)
    assert {status, err} == {0, ""}
    term(out)
  end

  # The reason of one that prints {error, Reason}.
  defp prints_error(args) do
    {status, out, err} = Coppice.run(args)
    assert {status, err} == {@error, ""}
    {:error, reason} = term(out)
    reason
  end

  defp term(line) do
    {:ok, tokens, _} =
      line |> String.replace_suffix("\n", ".") |> to_charlist() |> :erl_scan.string()

    {:ok, term} = :erl_parse.parse_term(tokens)
    term
  end

  test "ping: a coppice, a BEAM, and no node", %{node: node} do
    assert prints(["ping", node]) == :pong
    assert prints(["ping", Beam.start().node]) == :pong
    assert {@unavailable, "pang\n", _} = Coppice.run(["ping", "nobody@127.0.0.1"])
  end

  test "call prints the reply", %{node: node} do
    assert prints(["call", node, "views", "value"]) == {:ok, 0}
    assert prints(["call", node, "views", "{mutate, {increment, [5]}}"]) == :ok
    request = {:sing, "ü", [1, 2.5, %{a: 1}]}
    text = "{sing, <<\"ü\"/utf8>>, [1, 2.5, \#{a => 1}]}"
    assert prints_error(["call", node, "views", text]) == {:unknown_request, request}
    assert prints(["call", node, "coppice", "replicas"]) == {:ok, [:views]}
  end

  test "call reaches a BEAM's server, and reports noproc", %{node: node} do
    beam = Beam.start(grove: true)
    {name, _} = Beam.replica(beam, actor: "b", group: fresh("g"))
    assert prints(["call", beam.node, name, "value"]) == {:ok, 0}
    assert {@unavailable, err} = Coppice.fail(["call", node, "nobody", "value"])
    assert err =~ "noproc"
    assert {@unavailable, _} = Coppice.fail(["call", "nobody@127.0.0.1", "views", "value"])
  end

  test "cast does not wait for a reply", %{node: node, views: views} do
    assert {0, _, ""} = Coppice.run(["cast", node, "views", "{mutate, {increment, [3]}}"])
    eventually(fn -> value(views) == 3 end)
  end

  test "mutate, value, state and sync", %{node: node} do
    assert prints(["mutate", node, "views", "increment"]) == :ok
    assert prints(["mutate", node, "views", "increment", "5"]) == :ok
    assert prints(["value", node, "views"]) == 6
    assert prints(["state", node, "views"]) == %GCounter{actor: "c", counts: %{"c" => 6}}
    assert prints(["sync", node, "views"]) == :ok
  end

  test "value --plain prints sets as lists, in the order of terms" do
    page = %{crdt: :or_map, mapset: :versioned}
    replicas = [likes: %{crdt: :or_set}, bytes: %{crdt: :or_set}, page: page]
    %{node: node} = Coppice.start(replicas: replicas)
    plain = fn name -> Coppice.run(["value", node, name, "--plain"]) end
    assert plain.("likes") == {0, "[]\n", ""}

    for element <- ["b", "<<\"a\">>", "\#{'__struct__' => 'Elixir.MapSet', map => \#{x => []}}"] do
      assert prints(["mutate", node, "likes", "add", element]) == :ok
    end

    assert prints(["mutate", node, "bytes", "add", "97"]) == :ok
    assert plain.("bytes") == {0, "[97]\n", ""}
    # An element that is itself a set is a user's term, and stays.
    assert {0, text, ""} = plain.("likes")
    assert term(text) == [:b, %{__struct__: MapSet, map: %{x: []}}, "a"]

    assert prints(["mutate", node, "page", "put", "tags", "or_set"]) == :ok
    assert prints(["mutate", node, "page", "update", "tags", "{add, [3]}"]) == :ok
    assert {0, text, ""} = plain.("page")
    assert %{tags: %ORSet{entries: %{3 => [_]}}} = term(text)
    assert {@usage, err} = Coppice.fail(["value", node, "likes", "--plain=yes"])
    assert err =~ "--plain=yes: takes no value"
  end

  test "commands for replicas print the reason of a refusal as an error", %{node: node} do
    assert {@error, err} = Coppice.fail(["mutate", node, "views", "shrink"])
    why = "not an operation of this type, or not possible now"
    hint = "`coppice help mutate` lists those of each type"
    assert err == "coppice: views at #{node}: #{why}: {shrink,[]}; #{hint}\n"

    assert {@error, err} = Coppice.fail(["mutate", node, "views", "increment", "-5"])
    assert err =~ "{increment,[-5]}"
  end

  test "a failure is told once" do
    for command <- [["ping", "nobody@127.0.0.1"], ["value", "nobody@127.0.0.1", "views"]] do
      {@unavailable, _, err} = Coppice.run(command)
      assert err =~ ~r/^coppice: .*: epmd there does not know that name\n$/
    end

    {status, _, err} = Coppice.run(["ping", Beam.start().node], cookie: "sesame")
    assert status == @unavailable
    assert err =~ ~r/^coppice: .* does it have the same cookie\?\n$/
  end

  test "a connection that is lost while a command waits is told once" do
    beam = Beam.start()
    sleep = ["call", beam.node, "rex", "{call, timer, sleep, [9000], user}"]
    task = Task.async(fn -> Coppice.run(sleep) end)
    # A node is listed before it can be disconnected.
    eventually(fn -> Enum.any?(Beam.nodes(beam), &(Beam.disconnect(beam, &1) == true)) end)
    assert {@unavailable, "", err} = Task.await(task, 20_000)
    assert err =~ ~r/^coppice: rex at .*: the connection was lost \(noconnection\)\n$/
  end

  test "a command that a signal ends has not succeeded" do
    beam = Beam.start()
    args = ["call", "#{beam.node}", "rex", "{call, timer, sleep, [9000], user}"]
    [program | args] = Coppice.command(args)
    env = for {key, value} <- Coppice.env([]), do: {to_charlist(key), to_charlist(value)}

    for signal <- ["TERM", "INT"] do
      opts = [:binary, :exit_status, args: args, env: env]
      port = Port.open({:spawn_executable, program}, opts)
      {:os_pid, pid} = Port.info(port, :os_pid)
      eventually(fn -> Beam.nodes(beam) != [] end)
      signal(pid, signal)
      assert_receive {^port, {:exit_status, 130}}, 10_000 * slowdown()
      eventually(fn -> Beam.nodes(beam) == [] end)
    end
  end

  # A BEAM never forgets the name of a node: a health check must not fill its
  # table of atoms.
  test "commands share a few node names" do
    beam = Beam.start()
    assert prints(["ping", beam.node]) == :pong
    before = Beam.call(beam, :erlang, :system_info, [:atom_count])
    for _ <- 1..40, do: assert(prints(["ping", beam.node]) == :pong)
    assert Beam.call(beam, :erlang, :system_info, [:atom_count]) - before <= 16
  end

  test "commands at the same time have different names", %{node: node} do
    # Names on both sides of theirs in the order of atoms: a BEAM treats two
    # handshakes under one name in two ways.
    beams = for name <- ["A", "z"], do: Beam.start(name: fresh(name)).node

    for target <- [node | beams] do
      pings = for _ <- 1..24, do: Task.async(fn -> Coppice.run(["ping", target]) end)
      for ping <- pings, do: assert({0, "pong\n", ""} = Task.await(ping, 20_000))
    end
  end

  test "a command waits for a name, within its time", %{node: node} do
    beam = Beam.start()
    sleep = ["call", beam.node, "rex", "{call, timer, sleep, [5000], user}", "--timeout", "9000"]
    sleepers = for _ <- 1..16, do: Task.async(fn -> Coppice.run(sleep) end)
    eventually(fn -> length(Beam.nodes(beam)) == 16 end)
    assert {@temporary, _, err} = Coppice.run(["ping", beam.node, "--timeout", "300"])
    assert err =~ "16 commands are connected to #{beam.node}"
    assert {0, "pong\n", ""} = Coppice.run(["ping", beam.node, "--timeout", "15000"])
    for sleeper <- sleepers, do: assert({0, "ok\n", ""} = Task.await(sleeper, 20_000))
    assert prints(["ping", node]) == :pong
  end

  test "a command is no peer: not in the status, not in the log, not followed" do
    first = Coppice.start()
    second = Coppice.start(connect: [first.node], follow: true)
    eventually(fn -> Map.has_key?(Coppice.status(first).peers, second.node) end)
    assert %{peers: peers} = prints(["status", "--term", first.node])
    assert Map.keys(peers) -- [second.node, node()] == []
    {:ok, names} = prints(["call", first.node, "coppice", "peers"])
    assert names -- [second.node, node()] == []
    for _ <- 1..3, do: assert(prints(["ping", first.node]) == :pong)
    refute Coppice.log(first) =~ "-coppice_"
    args = ["run", "--node", "-coppice_1@127.0.0.1"]
    assert {@usage, err} = Coppice.fail(args)
    assert err =~ "node: expected a node name"
  end

  test "what standard output does not take is a failure", %{node: node} do
    shell = ["-c", ~S(exec "$@" 2>&1 >/dev/full), "sh"]

    for args <- [["value", node, "views"], ["call", node, "views", "value"]] ++
                  [["help"], ["version"], ["status", node], ["ping", node], ["help", "run"]] do
      {err, status} = System.cmd("/bin/sh", shell ++ Coppice.command(args), env: Coppice.env([]))
      assert {args, status} == {args, 74}
      assert err == "coppice: standard output: No space left on device
"
    end
  end

  # Grove's server takes other messages under the same names; on one that it
  # does not know it crashes, and its state is lost.
  test "commands for replicas send nothing to a server that is not a coppice's", %{node: node} do
    beam = Beam.start(grove: true)
    server = {name, _} = Beam.replica(beam, actor: "b", group: fresh("g"), crdt_module: GSet)
    :ok = Server.mutate(server, Beam.run(beam, fn -> &GSet.add(&1, "precious") end))
    pid = Beam.call(beam, Process, :whereis, [name])

    for command <- [["mutate", :add, "1"], ["value"], ["state"], ["sync"]] do
      [command | operands] = command
      assert {@unavailable, err} = Coppice.fail([command, beam.node, name | operands])
      assert err =~ "#{beam.node} runs no coppice"
      assert err =~ "coppice call"
      assert {@unavailable, err} = Coppice.fail([command, node, "likes" | operands])
      assert err =~ "#{node} has no replica likes, only [views]"
      assert {@unavailable, err} = Coppice.fail([command, node, "coppice" | operands])
      assert err =~ "no replica coppice"
    end

    assert value(server) == MapSet.new(["precious"])
    assert Beam.call(beam, Process, :whereis, [name]) == pid
  end

  test "commands for replicas name the node that is not there, or does not answer" do
    assert {@unavailable, err} = Coppice.fail(["mutate", "nobody@127.0.0.1", "views", "increment"])
    assert err =~ "nobody@127.0.0.1"
    beam = Beam.start()
    Beam.run(beam, fn -> Process.register(spawn(fn -> Process.sleep(:infinity) end), :coppice) end)
    args = ["mutate", beam.node, "views", "increment", "--timeout", "300"]
    assert {@temporary, err} = Coppice.fail(args)
    assert err =~ "no answer in time"
  end

  test "a process named coppice that answers something else is no coppice" do
    beam = Beam.start()

    Beam.run(beam, fn ->
      pid =
        spawn(fn ->
          receive do
            {:"$gen_call", {pid, tag}, :replicas} -> send(pid, {tag, {:ok, [:views | :likes]}})
          end
        end)

      Process.register(pid, :coppice)
    end)

    assert {@unavailable, err} = Coppice.fail(["value", beam.node, "views"])
    assert err =~ "#{beam.node} runs no coppice"
  end

  test "status shows the replicas", %{node: node} do
    assert %{node: ^node, replicas: %{views: %{refused: 0}}} = prints(["status", "--term", node])
  end

  test "the wrong cookie is refused and not shown", %{node: node} do
    {status, out, err} = Coppice.run(["value", node, "views"], cookie: "sesame")
    assert status != 0
    refute out <> err =~ "sesame"
    refute out <> err =~ "#{Node.get_cookie()}"
  end

  test "version prints one line" do
    assert {0, out, ""} = Coppice.run(["version"])
    assert out =~ ~r/^coppice \d+\.\d+\.\d+\n$/
    assert {0, ^out, ""} = Coppice.run(["--version"])
  end

  test "wrong usage is answered with the command's line of help" do
    assert {@usage, err} = Coppice.fail(["mutate", "c@127.0.0.1", "views"])
    assert err == "coppice: OP is missing\ncoppice: usage: coppice mutate NODE SERVER OP [ARG...]\n"
    assert {@usage, err} = Coppice.fail(["run", "--colour", "blue"])
    assert err =~ "--colour: unknown option\ncoppice: `coppice run --help`"
  end

  test "help of one command, by any of its names" do
    {0, help, ""} = Coppice.run(["help", "mutate"])
    assert help =~ ~r/^usage: coppice mutate \[OPTION...\] NODE SERVER OP \[ARG...\]\n/
    assert help =~ "--timeout MS"
    refute help =~ "coppice value"

    for args <- [~w(mutate --help), ~w(mutate -h), ~w(mutate c@h --timeout 5 -h)] do
      assert Coppice.run(args) == {0, help, ""}
    end

    assert {0, all, ""} = Coppice.run(["help"])
    assert all =~ "\n  value NODE SERVER "
    for args <- [["--help"], ["-h"]], do: assert(Coppice.run(args) == {0, all, ""})
  end

  describe "the cookie" do
    defp home do
      home = Path.rootname(Coppice.log_file(:home)) <> ".folder"
      for folder <- [".config/erlang", "xdg/erlang"], do: File.mkdir_p!(Path.join(home, folder))
      home
    end

    defp ping_with(node, home, path, text, env \\ []) do
      file = Path.join(home, path)
      File.write!(file, text)
      File.chmod!(file, 0o600)
      env = [{"COPPICE_COOKIE", nil}, {"XDG_CONFIG_HOME", nil}, {"HOME", home} | env]
      {status, _, err} = Coppice.run(["ping", node], env: env)
      File.rm!(file)
      {status, err}
    end

    test "is found where a BEAM finds it", %{node: node} do
      {home, cookie} = {home(), "#{Node.get_cookie()}"}
      assert {0, ""} = ping_with(node, home, ".erlang.cookie", cookie)
      assert {0, ""} = ping_with(node, home, ".config/erlang/.erlang.cookie", cookie)
      xdg = [{"XDG_CONFIG_HOME", Path.join(home, "xdg")}]
      assert {0, ""} = ping_with(node, home, "xdg/erlang/.erlang.cookie", cookie, xdg)
      # The one in the home directory comes first.
      File.write!(Path.join(home, "xdg/erlang/.erlang.cookie"), "another")
      assert {0, ""} = ping_with(node, home, ".erlang.cookie", cookie, xdg)
      assert {@config, err} = ping_with(node, home, ".erlang.cookie", "", xdg)
      assert err =~ ".erlang.cookie: empty; write the cookie of the cluster there"
    end

    # As auth reads it: spaces belong to it, line ends and what follows them do not.
    test "is read as a BEAM reads it", %{node: node} do
      {home, cookie} = {home(), "#{Node.get_cookie()}"}

      for tail <- ["", "\n", "\r\n", "\n  \r\n \n"] do
        assert {0, ""} = ping_with(node, home, ".erlang.cookie", cookie <> tail)
      end

      for text <- [" " <> cookie, cookie <> " ", cookie <> " \n"] do
        assert {@unavailable, _} = ping_with(node, home, ".erlang.cookie", text)
      end

      for text <- [cookie <> "\t", cookie <> "\nx", "\e" <> cookie, cookie <> "\0"] do
        assert {@config, err} = ping_with(node, home, ".erlang.cookie", text)
        assert err =~ "not printable"
      end
    end

    test "that others may read is warned of", %{node: node} do
      file = Path.join(home(), "cookie")
      File.write!(file, "#{Node.get_cookie()}")
      no_cookie = [env: [{"COPPICE_COOKIE", nil}]]

      for {mode, warned} <- [{0o644, true}, {0o640, true}, {0o600, false}, {0o400, false}] do
        File.chmod!(file, mode)
        assert {0, "pong\n", err} = Coppice.run(["ping", node, "--cookie_file", file], no_cookie)
        assert err =~ "chmod 600" == warned
      end
    end

    test "that systemd shows to this service is not warned of, whatever its mode", %{node: node} do
      folder = home()
      file = Path.join(folder, "cookie")
      File.write!(file, "#{Node.get_cookie()}")
      File.chmod!(file, 0o440)
      env = [{"COPPICE_COOKIE", nil}, {"CREDENTIALS_DIRECTORY", folder}]
      ping = ["ping", node, "--cookie_file", file]
      assert {0, "pong\n", ""} = Coppice.run(ping, env: env)
      env = [{"COPPICE_COOKIE", nil}, {"CREDENTIALS_DIRECTORY", folder <> "x"}]
      assert {0, "pong\n", err} = Coppice.run(ping, env: env)
      assert err =~ "others may read"
    end
  end

  test "options are spelled as one likes", %{node: node} do
    cookie = Coppice.log_file(:cookie)
    File.write!(cookie, "sesame\n")
    File.chmod!(cookie, 0o600)
    no_cookie = [env: [{"COPPICE_COOKIE", nil}]]

    for spelling <- [["--cookie_file", cookie], ["--cookie-file", cookie]] ++
                      [["--cookie_file=#{cookie}"], ["--cookie-file=#{cookie}"]] do
      {status, _, err} = Coppice.run(["ping", node | spelling], no_cookie)
      # The file was read: its cookie is another one.
      assert status == @unavailable
      assert err =~ "cookie"
    end

    assert prints(["value", node, "views", "--timeout=3000"]) == 0
    assert prints(["value", "--timeout=3000", "--", node, "views"]) == 0
    assert {@usage, err} = Coppice.fail(["value", "--", node, "views", "--timeout=3000"])
    assert err =~ "found '--timeout=3000'"
  end

  test "a timeout is a number of milliseconds" do
    for wrong <- ["abc", "0", "-5", "1e9", "", "5s", "1.5", "86400001", "18446744073709551617"] do
      assert {@usage, err} = Coppice.fail(["ping", "c@127.0.0.1", "--timeout", wrong])
      assert err =~ "timeout: expected milliseconds from 1 to 86400000, found #{wrong}"
    end

    for good <- ["1", "86400000", "16#ff"] do
      assert {0, _, ""} = Coppice.run(["version", "--timeout", good])
    end
  end

  for wrong <- [
        [],
        ["sing"],
        ["ping"],
        ["call", "c@127.0.0.1", "views"],
        ["call", "c@127.0.0.1", "views", "{unfinished"],
        ["mutate", "c@127.0.0.1", "views", "increment", "1 2"],
        ["value", "c@127.0.0.1", "views", "more"],
        ["run", "--colour", "blue"],
        ["config"],
        ["config", "check"],
        ["config", "chek", "c.config"],
        ["help", "sing"],
        ["ping", "c@127.0.0.1", "--timeout"],
        ["ping", "c@127.0.0.1", "-x"],
        ["run", "--owned=yes"],
        ["run", "--node"]
      ] do
    test "usage: coppice #{Enum.join(wrong, " ")}" do
      assert {@usage, _} = Coppice.fail(unquote(wrong))
    end
  end

  describe "run" do
    test "stops on SIGTERM and on SIGINT" do
      for signal <- ["TERM", "INT"] do
        c = Coppice.start()
        Coppice.signal(c, signal)
        assert Coppice.PortOwner.exit_status(c.owner) == 0
      end
    end

    test "with --owned ends at the end of its standard input" do
      # head exits after the first line.
      config = Coppice.config_file("{node, '#{fresh("c")}@127.0.0.1'}.\n")
      args = Coppice.command(["run", "-c", config, "--owned"])
      log = Coppice.log_file(:owned)
      shell = ["-c", ~S(head -n 1 | "$@" 2>"$0"), log | args]
      env = for {k, v} <- Coppice.env([]), do: {~c"#{k}", ~c"#{v}"}
      opts = [:binary, :exit_status, line: 4096, args: shell, env: env]
      port = Port.open({:spawn_executable, "/bin/sh"}, opts)
      assert_receive {^port, {:data, {:eol, "ready " <> _}}}, 10_000 * slowdown()
      Port.command(port, "\n")
      assert_receive {^port, {:exit_status, 0}}, 10_000 * slowdown()
    end

    test "prints ready once, with its name and port", %{c: c} do
      assert c.port in 1..65_535
      assert :gen_tcp.close(Raw.connect(c.port)) == :ok
    end

    test "prefers flags to the file" do
      name = :"#{fresh("c")}@127.0.0.1"
      replica = "views, \#{crdt => pncounter, group => g}"
      args = ["--node", "#{name}", "--replica", replica]
      c = Coppice.start([node: :"other@127.0.0.1"], args: args)
      assert c.node == name
      assert {:ok, %PNCounter{}} = Server.state({:views, name})
    end
  end
end
