defmodule ConfigTest do
  @moduledoc "Valid configurations, and the error messages for invalid ones."
  use TestCase

  @config 78

  test "accepts a file with every option" do
    good = """
    %% A comment.
    {node, 'c1@127.0.0.1'}.
    {cookie_file, "/etc/coppice/cookie"}.
    {connect, ['web1@127.0.0.1', 'web2@127.0.0.1']}.
    {visible, true}.
    {listen, \#{port => 0, address => "127.0.0.1"}}.
    {scope, [grove, 'Elixir.Grove.PG']}.
    {net_ticktime, 8}.
    {replica, page_views, \#{
        crdt => gcounter,
        actor => <<"c1">>,
        group => {counter, <<"page_views">>},
        sync_interval => 5000,
        snapshot_interval => 100,
        storage => \#{file => "page_views.dets", durability => interval, record => encoded}}}.
    {replica, tags, \#{crdt => gset, storage => \#{file => <<"tags.dets">>}}}.
    {replica, votes, \#{crdt => 'Elixir.Grove.Counter.PNCounter'}}.
    """

    assert {0, "ok\n", ""} = Coppice.run(["config", "check", Coppice.config_file(good)])
  end

  # The first words of the rows of a table in C: {"key", ...
  defp keys(file), do: Regex.scan(~r/^    \{"(\w+)",/m, File.read!(file), capture: :all_but_first)

  test "docs/configuration.md and coppice.config(5) have each key" do
    files = ["c_src/node/config_keys.c", "c_src/replica/options.c"]
    keys = files |> Enum.map(&keys/1) |> List.flatten()
    assert "replica" in keys and "sync_interval" in keys
    page = File.read!("docs/configuration.md")
    manual = File.read!("man/coppice.config.5")

    for key <- keys do
      assert {key, page =~ ~r/[`{]#{key}\b|\b#{key} =>/} == {key, true}
      assert {key, manual =~ key} == {key, true}
    end
  end

  # What is wrong, the line after the node's, and a word of the message.
  replica = fn map -> "{replica, r, \#{#{map}}}." end

  stored = fn pair -> replica.("crdt => gset, storage => \#{file => \"f\", #{pair}}") end

  wrong = [
    {"an unknown key", "{colour, blue}.", "colour"},
    {"a key without a value", "{visible}.", ""},
    {"no tuple", "visible.", ""},
    {"a wrong type", "{visible, 1}.", "visible"},
    {"a node without a host", "{node, c1}.", "node"},
    {"peers that are not a list", "{connect, 'b@127.0.0.1'}.", "connect"},
    {"a peer without a host", "{connect, [b]}.", "connect"},
    {"an invalid port", "{listen, \#{port => 70000}}.", "port"},
    {"an invalid address", "{listen, \#{address => 7}}.", "address"},
    {"an invalid tick time", "{net_ticktime, 0}.", "net_ticktime"},
    {"an invalid scope", "{scope, \"grove\"}.", "scope"},
    {"an unknown type", replica.("crdt => tree"), "crdt"},
    {"a replica without a type", replica.(""), "crdt"},
    {"an unknown option", replica.("crdt => gcounter, hue => 1"), "hue"},
    {"an invalid interval", replica.("crdt => gcounter, sync_interval => 0"), "sync_interval"},
    {"snapshots too often", replica.("crdt => gset, snapshot_interval => 99"), "snapshot_int"},
    {"storage that is not a map", replica.("crdt => gset, storage => \"f\""), "storage"},
    {"storage without a file", replica.("crdt => gset, storage => \#{}"), "file"},
    {"an empty file name", replica.("crdt => gset, storage => \#{file => \"\"}"), "file"},
    {"a file that is not text", replica.("crdt => gset, storage => \#{file => 7}"), "file"},
    {"an unknown durability", stored.("durability => perhaps"), "durability"},
    {"an unknown form of record", stored.("record => json"), "record"},
    {"an unknown option of storage", stored.("table => t"), "table"},
    {"an option twice", replica.("crdt => gcounter, crdt => pncounter"), "duplicate key"},
    {"a key twice", "{node, 'c2@127.0.0.1'}.", "node: expected each key once"},
    {"a name of a process of ours", "{replica, coppice, \#{crdt => gset}}.", "found coppice"},
    {"the name of a scope", "{replica, coppice_scope, \#{crdt => gset}}.",
     "pg scope of this node"},
    {"an invalid name", "{replica, \"r\", \#{crdt => gcounter}}.", ""},
    {"a replica without options", "{replica, r}.", ""},
    {"an unterminated term", "{visible, true", ""},
    {"an illegal character", "@", ""},
    {"an unterminated string", "{cookie_file, \"/etc", ""}
  ]

  for {what, text, word} <- wrong do
    test "reports the line and the error: #{what}" do
      file = Coppice.config_file("{node, 'c1@127.0.0.1'}.\n" <> unquote(text))
      assert {@config, err} = Coppice.fail(["config", "check", file])
      assert err =~ ~r/#{Regex.escape(file)}:2\b/
      assert err =~ unquote(word)
    end
  end

  test "reports missing and conflicting terms" do
    for {text, word} <- [
          {"{visible, true}.\n", "node"},
          {"{node, 'c1@h'}.\n{replica, r, \#{crdt => gcounter}}.\n" <>
             "{replica, r, \#{crdt => pncounter}}.\n", "r"}
        ] do
      assert {@config, err} = Coppice.fail(["config", "check", Coppice.config_file(text)])
      assert err =~ word
    end
  end

  test "reports a missing file" do
    assert {status, err} = Coppice.fail(["config", "check", "/nowhere/coppice.config"])
    assert status in [66, @config]
    assert err =~ "/nowhere/coppice.config"
  end

  test "reports errors on start in the same way" do
    file = Coppice.config_file("{node, 'c@127.0.0.1'}.\n{visible, perhaps}.\n")
    assert {@config, err} = Coppice.fail(["run", "-c", file])
    assert err =~ "#{file}:2"
  end

  test "does not start under a name that is taken" do
    c = Coppice.start()
    file = Coppice.config_file(Coppice.config_text(node: c.node))
    assert {_, err} = Coppice.fail(["run", "-c", file])
    assert err =~ ~r/taken|in use|already/
    assert {:ok, []} = GenServer.call({:coppice, c.node}, :replicas)
  end
end
