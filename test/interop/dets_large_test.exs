defmodule DetsLargeTest do
  @moduledoc "`coppice dets` on tables larger than its memory, and on a terminal."
  use TestCase
  import Table

  @no_input 66
  # Of text, which is printed as it is.
  @object String.duplicate("text ", 200_000)

  setup_all do
    Process.put(:test_name, {__MODULE__, :setup})
    [table: make(for(i <- 1..100, do: {i, @object}))]
  end

  # A command of bash, in which "$@" is a command of dets on the file: its output and status.
  defp bash(line, command, file) do
    args = Coppice.command(["dets", command, file])
    System.cmd("bash", ["-c", line, "-" | args], stderr_to_stdout: true)
  end

  # On a terminal of its own, with standard output there, too, unless the line leads it elsewhere.
  defp terminal(command, file, elsewhere \\ "") do
    args = Enum.map_join(Coppice.command(["dets", command, file]), " ", &"'#{&1}'")
    {out, 0} = Terminal.run(args <> elsewhere)
    out
  end

  test "each command reads a table of 100 MB with 32 MB of its own", %{table: file} do
    if System.get_env("COPPICE_WRAP", "") == "" do
      for command <- ["check", "list", "dump"] do
        assert {_, 0} = bash(~S(ulimit -d 32768; "$@" >/dev/null), command, file)
      end

      # Which is no more than it can have.
      assert {_, status} = bash(~S(ulimit -d 32768; "$@" >/dev/null), "salvage", file)
      assert status != 0
    end
  end

  test "a file that is cut while it is read ends the command with a message", %{table: file} do
    cut = path()
    File.cp!(file, cut)
    line = ~S("$@" | { head -c 1; : >"${@: -1}"; cat; } >/dev/null; exit ${PIPESTATUS[0]})
    assert {message, @no_input} = bash(line, "dump", cut)
    assert message =~ ~r/\Acoppice: .*dets: the file became shorter while it was read/
  end

  test "a pipe is read whole" do
    small = make([{1, 2}])
    piped = ["-c", ~S(cat "$0" | "$@"), small | Coppice.command(["dets", "dump", "/dev/stdin"])]
    assert {"{1,2}.\n", 0} = System.cmd("bash", piped)
  end

  test "the percent that are done are shown on a terminal, and wiped", %{table: file} do
    for {command, elsewhere, result} <- [
          {"check", "", ~r/\A\#{.*objects => 100.*}\r\n\z/},
          {"dump", " >/dev/null", ~r/\A\z/},
          {"list", " >/dev/null", ~r/\A\z/},
          {"salvage", "", ~r/\A\#{.*objects => 100.*}\r\n\z/}
        ] do
      shown = terminal(command, file, elsewhere)
      parts = String.split(shown, "\r", trim: true)
      percent = for part <- parts, [_, n] <- [Regex.run(~r/\A#{command}: (\d+)%\z/, part)], do: n
      numbers = Enum.map(percent, &String.to_integer/1)
      assert length(numbers) > 10
      assert numbers == Enum.uniq(Enum.sort(numbers))
      assert Enum.all?(numbers, &(&1 in 1..100))
      # What stays: what follows the blanks.
      [_, rest] = Regex.run(~r/%\r +\r([^%]*)\z/s, shown)
      assert rest =~ result
    end
  end

  test "no percent go between results, nor are they shown for a small table", %{table: file} do
    refute terminal("list", file) =~ "%"
    refute terminal("dump", file, " | cat >/dev/null") =~ "%"
    assert terminal("check", make([{1, 2}])) =~ ~r/\A\#{[^%]*}\r\n\z/
    assert {0, _, ""} = Coppice.run(["dets", "check", file])
  end
end
