defmodule ArgumentsTest do
  @moduledoc """
  Anything as an argument of any command: wrong ones are refused with exit code
  64 and a message, and nothing ends by a signal.
  """
  use TestCase

  @usage 64
  @unavailable 69

  # In each row, _ stands for what is tried there.
  @node [
    ~w(ping _),
    ~w(status _),
    ~w(call _ s t),
    ~w(cast _ s t),
    ~w(mutate _ s op),
    ~w(value _ s),
    ~w(state _ s),
    ~w(sync _ s)
  ]
  @server [
    ~w(call NODE _ t),
    ~w(mutate NODE _ op),
    ~w(value NODE _),
    ~w(state NODE _),
    ~w(sync NODE _)
  ]
  @term [
    ~w(call NODE views _),
    ~w(cast NODE views _),
    ~w(mutate NODE views _),
    ~w(mutate NODE views op _)
  ]
  @keys ~w(node connect scope cookie_file follow visible listen net_ticktime epmd_port replica) ++
          ~w(epmd peer_port)
  @options for key <- @keys, do: ["version", "--#{key}", "_"]

  # Not the text of an atom.
  @no_atoms [
    "",
    String.duplicate("a", 256),
    String.duplicate("ü", 256),
    String.duplicate("a", 300),
    String.duplicate("a", 100_000),
    <<0xFF>>,
    <<"ü", 0xC3>>
  ]
  @no_nodes @no_atoms ++
              [
                "a",
                "@",
                "a@",
                "@h",
                "a@b@c",
                "a\n@h",
                "\e[31m@h",
                <<0xFF, "@h">>,
                <<"b", 0xFF, "@h">>,
                <<"a@", 0xC3>>,
                "a@" <> String.duplicate("h", 254),
                String.duplicate("a", 100_000) <> "@h"
              ]
  @no_terms ["", "{", "[a", "'a", "<<\"x\"", "a b", "A", <<0xFF>>, <<"\"", 0xFF, "\"">>] ++
              [String.duplicate("a", 256), String.duplicate("[", 100_000)]

  # What is wrong for every option; a replica's value is a name and a map.
  @no_values ["[", "'", <<"'", 0xFF, "'">>, "[" <> String.duplicate("a", 100_000)]

  setup_all do
    Process.put(:test_name, {__MODULE__, :setup_all})
    c = Coppice.start(replicas: [views: counter()])
    {:ok, node: c.node}
  end

  defp run(row, text, node) do
    Coppice.run(
      for word <- row do
        case word do
          "_" -> text
          "NODE" -> node
          word -> word
        end
      end
    )
  end

  defp refuses(rows, texts, node) do
    for row <- rows, text <- texts do
      {status, out, err} = run(row, text, node)
      tried = "#{inspect(row)} with #{inspect(text, printable_limit: 40)}: #{status} #{err}"
      assert {status, out} == {@usage, ""}, tried
      assert String.starts_with?(err, "coppice: "), tried
      refute err =~ "assertion", tried
    end
  end

  test "node names", %{node: node}, do: refuses(@node, @no_nodes, node)
  test "server names", %{node: node}, do: refuses(@server, @no_atoms, node)
  test "terms", %{node: node}, do: refuses(@term, @no_terms, node)

  test "options", %{node: node} do
    refuses(@options -- [["version", "--cookie_file", "_"]], @no_values, node)
    names = Enum.filter(@options, fn [_, key, _] -> key in ~w(--node --connect) end)
    refuses(names, @no_nodes, node)
    refuses([["version", "--scope", "_"]], @no_atoms, node)
    keys = ~w(--net_ticktime --epmd_port --peer_port)
    numbers = Enum.filter(@options, fn [_, key, _] -> key in keys end)
    refuses(numbers, ~w(abc 0 -5 1e9 99999999999999999999 1.5) ++ [""], node)
  end

  test "a host that leaves no room for a second name", %{node: node} do
    refuses(@node, ["a@" <> String.duplicate("h", 253)], node)
  end

  test "the longest and the strangest names are sent", %{node: node} do
    for row <- @server, text <- ["x", String.duplicate("ü", 255), "a b", "\n", "-", "-1"] do
      assert {@unavailable, "", "coppice: " <> _} = run(row, text, node)
    end

    longest = String.duplicate("a", 245) <> "@127.0.0.1"
    assert {@unavailable, _, err} = run(~w(ping _), longest, node)
    assert err =~ "epmd there does not know that name"
  end

  test "words and files of dets and config", %{node: node} do
    refuses([~w(dets _ f), ~w(config _ f), ~w(_)], ["" | @no_nodes], node)
    refuses([~w(dets check _), ~w(config check _)], [""], node)

    for text <- [<<0xFF>>, "\n", String.duplicate("a", 100_000)] do
      assert {66, "", _} = run(~w(dets check _), text, node)
      assert {78, "", _} = run(~w(config check _), text, node)
      assert {78, "", _} = run(~w(version --config _), text, node)
    end
  end
end
