defmodule HelpTest do
  @moduledoc "What a newcomer to the command line meets: help, suggestions, standard input."
  use TestCase

  @error 1
  @usage 64
  @config 78

  # The first word of each line of the overview.
  defp commands do
    {0, all, ""} = Coppice.run(["help"])
    for [_, name] <- Regex.scan(~r/^  ([a-z]+) .*  [^ ]/m, all), do: name
  end

  test "each command has a screen with its usage, an example and its options" do
    names = commands()
    assert "mutate" in names and "dets" in names

    for name <- names do
      {0, help, ""} = Coppice.run(["help", name])
      assert help =~ ~r/^usage: coppice #{name} /
      assert help =~ ~r/^For example:\n\n    \$ .*coppice.* #{name}/m
      assert help =~ ~r/^  --help /m
      lines = String.split(help, "\n")
      assert {name, length(lines) <= 45} == {name, true}
      assert {name, Enum.filter(lines, &(String.length(&1) > 100))} == {name, []}
      assert Coppice.run([name, "--help"]) == {0, help, ""}
    end
  end

  test "a command's screen has the options that it heeds" do
    {0, run, ""} = Coppice.run(["help", "run"])
    for key <- ~w(config owned node replica tls), do: assert(run =~ "--#{key}")
    for key <- ~w(plain json), do: refute(run =~ "--#{key}")
    {0, value, ""} = Coppice.run(["help", "value"])
    for key <- ~w(plain json timeout cookie_file), do: assert(value =~ "--#{key}")
    for key <- ~w(owned replica), do: refute(value =~ "--#{key}")
  end

  test "docs/commands.md has each command" do
    page = File.read!("docs/commands.md")
    for name <- commands(), do: assert({name, page =~ ~r/`#{name}\b/} == {name, true})
  end

  test "several commands, one after the other" do
    [{0, a, _}, {0, b, _}] = for name <- ~w(ping sync), do: Coppice.run(["help", name])
    assert Coppice.run(["help", "ping", "sync"]) == {0, a <> "\n" <> b, ""}
  end

  test "a mistyped word is answered with the one that was meant" do
    for {args, meant} <- [
          {~w(satus c@h), "status"},
          {~w(stat c@h), "state"},
          {~w(help mutte), "mutate"},
          {~w(run --cookie-fiel x), "--cookie_file"},
          {~w(value c@h views --jsno), "--json"},
          {~w(value c@h views --timout=5), "--timeout"},
          {~w(dets chek f), "check"},
          {~w(config chekc f), "check"}
        ] do
      assert {@usage, err} = Coppice.fail(args)
      assert {args, err =~ "; did you mean #{meant}?"} == {args, true}
    end

    for args <- [~w(frobnicate), ~w(run --colour blue), ~w(dets 17 f)] do
      assert {@usage, err} = Coppice.fail(args)
      refute err =~ "did you mean"
    end
  end

  test "so is a mistyped key or type of a configuration" do
    for {line, meant} <- [
          {"{conect, []}", "connect"},
          {"{replica, v, \#{crdt => gcuonter}}", "gcounter"},
          {"{replica, v, \#{crdt => gcounter, gruop => 1}}", "group"},
          {"{replica, v, \#{crdt => gcounter, storage => \#{flie => \"f\"}}}", "file"},
          {"{metrics, \#{prot => 1}}", "port"},
          {"{listen, \#{adress => \"::\"}}", "address"},
          {"{connect, {dns, \"a\", \#{intervall => 1}}}", "interval"},
          {"{log_level, warn}", "warning"},
          {"{tls, \#{certfiel => \"f\"}}", "certfile"}
        ] do
      file = Coppice.config_file("{node, 'c@127.0.0.1'}.\n#{line}.\n")
      assert {@config, err} = Coppice.fail(["config", "check", file])
      assert {line, err =~ ":2:1: " and err =~ "; did you mean #{meant}?"} == {line, true}
    end
  end

  test "a key in the wrong place is told where it belongs" do
    for {line, key, where} <- [
          {"{sync_interval, 500}", "sync_interval", "the map of a replica"},
          {"{replica, v, \#{crdt => gcounter, file => \"f\"}}", "file", "the map of storage"},
          {"{replica, v, \#{storage => \#{file => \"f\", group => v}}}", "group",
           "the map of the replica"}
        ] do
      file = Coppice.config_file("{node, 'c@127.0.0.1'}.\n#{line}.\n")
      assert {@config, err} = Coppice.fail(["config", "check", file])
      assert {line, err =~ ~r/:2:1: .*#{key}: belongs into #{where}\n/} == {line, true}
    end
  end

  test "and a mistyped operation" do
    %{node: node} = Coppice.start(replicas: [views: counter()])

    for {op, meant} <- [{"incremnet", "increment"}, {"incr", "increment"}] do
      assert {@error, err} = Coppice.fail(["mutate", node, "views", op])
      assert {op, err =~ ": {#{op},[]}; did you mean #{meant}?\n"} == {op, true}
    end

    # One that exists, but not for this type.
    assert {@error, err} = Coppice.fail(["mutate", node, "views", "decrement"])
    refute err =~ "did you mean"
  end

  test "options stand behind the command" do
    assert {@usage, err} = Coppice.fail(~w(--timeout 5 ping c@h))
    assert err =~ "the command comes first"
    assert {@usage, err} = Coppice.fail(~w(ping c@h --timeout))
    assert err =~ "--timeout: its value is missing"
  end

  describe "standard input" do
    # Runs a command with this text on its standard input; output and errors together.
    defp with_input(text, args) do
      file = Coppice.config_file(text)
      shell = ["-c", ~S(input=$1; shift; exec "$@" <"$input" 2>&1), "sh", file]
      System.cmd("/bin/sh", shell ++ Coppice.command(args), env: Coppice.env([]))
    end

    test "has a term where - stands for one" do
      %{node: node} = Coppice.start(replicas: [views: counter(), tags: %{crdt: :or_set}])
      name = "#{node}"
      assert with_input("{mutate, increment}.\n", ["call", name, "views", "-"]) == {"ok\n", 0}
      assert with_input("increment", ["mutate", name, "views", "-"]) == {"ok\n", 0}
      assert with_input("40", ["mutate", name, "views", "increment", "-"]) == {"ok\n", 0}
      assert {"42\n", 0} = with_input("", ["value", name, "views"])
      large = String.duplicate("x", 300_000)
      assert with_input(~s(<<"#{large}">>), ["mutate", name, "tags", "add", "-"]) == {"ok\n", 0}
      assert {text, 0} = with_input("", ["value", "--plain", name, "tags"])
      assert text == ~s([<<"#{large}">>]\n)
    end

    test "that is no term is told with its place" do
      args = ["call", "c@127.0.0.1", "views", "-"]
      assert {"coppice: standard input:2:2: expected" <> _, @usage} = with_input("{a,\n }", args)
      assert {"coppice: standard input:1:1: expected" <> _, @usage} = with_input("", args)
      args = ["mutate", "c@127.0.0.1", "views", "add", "-", "-"]
      assert {text, @usage} = with_input("1", args)
      assert text =~ "stands for one term only"
    end

    test "has a configuration" do
      assert with_input("{node, 'c@127.0.0.1'}.\n", ~w(config check -)) == {"ok\n", 0}
      assert {text, @config} = with_input("{node, 1}.", ~w(config check -))
      assert text =~ "coppice: standard input:1:1: node"
      assert {text, @config} = with_input("{connect, []}.", ~w(config check -))
      assert text =~ "coppice: standard input: "
    end
  end
end
