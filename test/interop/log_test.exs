defmodule LogTest do
  @moduledoc "The log: its levels, and its forms for people, the journal and programs."
  use TestCase

  # A node that cannot be connected to is a warning once, and then for debugging.
  defp start(settings, opts \\ []) do
    Coppice.start([connect: [:"nobody@127.0.0.1:1"]] ++ settings, opts)
  end

  defp lines(c), do: c |> Coppice.log() |> String.split("\n", trim: true)

  # The log, once the node has ended.
  defp whole(c) do
    assert Coppice.stop(c) == 0
    lines(c)
  end

  describe "log_level" do
    test "leaves out what is below it" do
      c = start(log_level: :warning)
      Coppice.logs(c, "cannot connect to nobody")
      assert [line] = whole(c)
      assert line =~ ~r/^\S+Z warning cannot connect to nobody@127.0.0.1: /
      assert whole(Coppice.start(log_level: :error)) == []
    end

    test "debug shows each attempt to connect" do
      c = start(log_level: :debug)
      Coppice.logs(c, ~r/ warning cannot connect to nobody.* debug cannot connect to nobody/s)
    end

    test "is an option, and changes with SIGHUP" do
      c = start([], args: ["--log-level=error"])
      assert lines(c) == []
      settings = [node: Coppice.name()]
      file = settings |> Coppice.config_text() |> Coppice.config_file()
      c = Coppice.launch_file(file, Coppice.log_file("changed"))
      on_exit(fn -> Coppice.finish(c) end)
      File.write!(file, Coppice.config_text(settings ++ [log_level: :warning]))
      Coppice.signal(c, "HUP")
      Coppice.logs(c, "info log_level: warning from now on\n")
      Coppice.logs(c, "info the configuration was read again: 1 change\n")
      assert whole(c) |> List.last() =~ "read again"
    end

    test "and log have no other values" do
      for {key, expected} <- [
            log_level: "one of debug, info, warning, error",
            log: "text or json"
          ] do
        file = Coppice.config_file("{node, c@h}.\n{#{key}, loud}.\n")
        assert {78, errors} = Coppice.fail(["config", "check", file])
        assert errors == "coppice: #{file}:2:1: #{key}: expected #{expected}, found loud\n"
      end
    end
  end

  # What jq(1) makes of each line.
  defp jq(c, filter) do
    {text, 0} = System.cmd("jq", ["-r", filter, c.log])
    String.split(text, "\n", trim: true)
  end

  describe "log: json" do
    test "makes each line an object" do
      node = :"c_\"\\#{fresh("j")}@127.0.0.1"
      c = Coppice.start([node: node, log: :json], args: ["--connect", "no\"bodý@127.0.0.1:1"])
      Coppice.logs(c, "cannot connect")
      count = length(whole(c))
      assert jq(c, ".node") |> Enum.uniq() == [Atom.to_string(node)]
      assert length(jq(c, ".time")) == count
      assert Enum.all?(jq(c, ".time"), &match?({:ok, _, 0}, DateTime.from_iso8601(&1)))
      [warning] = jq(c, ~S[select(.level == "warning") | .message])
      assert warning =~ ~S[cannot connect to no"bodý@127.0.0.1: ]
      assert List.last(jq(c, "[.level, .message] | join(\" \")")) == "info ended"
    end
  end

  describe "in the journal of systemd" do
    # Standard error is what the variable says it is, or something else.
    @stream ~S{JOURNAL_STREAM=$(stat -Lc %d:%i "/proc/self/fd/$0") exec "$@"}

    defp journal(descriptor), do: ["/bin/sh", "-c", @stream, "#{descriptor}"]

    test "lines have priorities, and no times" do
      c = start([log_level: :debug], wrap: journal(2))
      Coppice.logs(c, ~r/^<7>cannot connect to nobody/m)
      lines = whole(c)
      assert hd(lines) =~ ~r/^<6>coppice /
      assert Enum.any?(lines, &(&1 =~ ~r/^<4>cannot connect to nobody/))
      assert Enum.all?(lines, &(&1 =~ ~r/^<[3467]>[^<]/))
    end

    test "objects have priorities, too" do
      c = start([log: :json], wrap: journal(2))
      assert Enum.all?(whole(c), &(&1 =~ ~r/^<[3467]>{"time":/))
    end

    test "lines are as usual where standard error is something else" do
      c = start([], wrap: journal(0))
      assert hd(whole(c)) =~ ~r/^\d{4}-\S+Z info coppice /
    end
  end
end
