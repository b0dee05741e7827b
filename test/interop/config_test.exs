defmodule ConfigTest do
  @moduledoc "What a configuration may say, and what is said of one that is wrong."
  use Story

  @config 78

  test "has nothing to say about a good file" do
    good = """
    %% A comment, and all that may be said.
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

  # What is wrong, the line after the node's, and the word that names it.
  replica = fn map -> "{replica, r, \#{#{map}}}." end

  stored = fn pair -> replica.("crdt => gset, storage => \#{file => \"f\", #{pair}}") end

  wrong = [
    {"an unknown key", "{colour, blue}.", "colour"},
    {"a key without a value", "{visible}.", ""},
    {"no tuple", "visible.", ""},
    {"a wrong type", "{visible, 1}.", "visible"},
    {"a node without a host", "{node, c1}.", "node"},
    {"peers that are no list", "{connect, 'b@127.0.0.1'}.", "connect"},
    {"a peer without a host", "{connect, [b]}.", "connect"},
    {"a port that is none", "{listen, \#{port => 70000}}.", "port"},
    {"an address that is none", "{listen, \#{address => 7}}.", "address"},
    {"an impossible tick time", "{net_ticktime, 0}.", "net_ticktime"},
    {"a scope that is none", "{scope, \"grove\"}.", "scope"},
    {"a type that is none", replica.("crdt => tree"), "crdt"},
    {"a replica without a type", replica.(""), "crdt"},
    {"an unknown option", replica.("crdt => gcounter, hue => 1"), "hue"},
    {"no interval", replica.("crdt => gcounter, sync_interval => 0"), "sync_interval"},
    {"snapshots too often", replica.("crdt => gset, snapshot_interval => 99"), "snapshot_int"},
    {"storage that is no map", replica.("crdt => gset, storage => \"f\""), "storage"},
    {"storage without a file", replica.("crdt => gset, storage => \#{}"), "file"},
    {"a file without a name", replica.("crdt => gset, storage => \#{file => \"\"}"), "file"},
    {"a file that is no text", replica.("crdt => gset, storage => \#{file => 7}"), "file"},
    {"an unknown durability", stored.("durability => perhaps"), "durability"},
    {"an unknown form of record", stored.("record => json"), "record"},
    {"an unknown option of storage", stored.("table => t"), "table"},
    {"an option twice", replica.("crdt => gcounter, crdt => pncounter"), "already"},
    {"a name that is none", "{replica, \"r\", \#{crdt => gcounter}}.", ""},
    {"a replica without options", "{replica, r}.", ""},
    {"a term without its end", "{visible, true", ""},
    {"a character that is none", "@", ""},
    {"a text without its end", "{cookie_file, \"/etc", ""}
  ]

  for {what, text, word} <- wrong do
    test "says where and what: #{what}" do
      file = Coppice.config_file("{node, 'c1@127.0.0.1'}.\n" <> unquote(text))
      assert {@config, err} = Coppice.fail(["config", "check", file])
      assert err =~ ~r/#{Regex.escape(file)}:2\b/
      assert err =~ unquote(word)
    end
  end

  test "says what does not fit together" do
    for {text, word} <- [
          {"{visible, true}.\n", "node"},
          {"{node, 'c1@h'}.\n{replica, r, \#{crdt => gcounter}}.\n" <>
             "{replica, r, \#{crdt => pncounter}}.\n", "r"}
        ] do
      assert {@config, err} = Coppice.fail(["config", "check", Coppice.config_file(text)])
      assert err =~ word
    end
  end

  test "says that a file is not there" do
    assert {status, err} = Coppice.fail(["config", "check", "/nowhere/coppice.config"])
    assert status in [66, @config]
    assert err =~ "/nowhere/coppice.config"
  end

  test "stops a start in the same way" do
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
