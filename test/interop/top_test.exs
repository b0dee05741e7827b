defmodule TopTest do
  @moduledoc "`coppice top`, in a terminal."
  use TestCase

  # In the roots of `make test-matrix`.
  @moduletag skip: Terminal.missing()

  @usage 64

  # Runs it there, and then the command `stty`, which prints how the terminal was left.  The
  # terminal sends Ctrl-C to the shell, too.
  defp open(node, env \\ []) do
    command = Enum.join(Coppice.command(["top", node, "--timeout", "3000"]), " ")
    line = "trap : INT; stty rows 20 cols 70; #{command}; echo CODE $?; stty -a"
    Terminal.open(line, [{"TERM", "xterm"} | env])
  end

  # Collects what is printed until it matches; a page comes each second.
  defp reads(port, pattern, text \\ "", left \\ 60) do
    cond do
      text =~ pattern -> text
      left == 0 -> flunk("no #{inspect(pattern)} in #{inspect(text)}")
      true -> reads(port, pattern, text <> Terminal.next(port, text), left - 1)
    end
  end

  defp changes(n), do: ~r/views +gcounter +none +0 +0 +0 +#{n} /

  test "the page is drawn again as it changes; q ends it and leaves the terminal as it was" do
    c = Coppice.start(replicas: [views: counter()])
    port = open(c.node)
    first = reads(port, changes(0))
    assert first =~ "\e[H" and first =~ "\e[1mREPLICA"
    assert reads(port, "q ends") =~ "q ends"
    :ok = GenServer.call({:views, c.node}, {:mutate, {:increment, [5]}})
    reads(port, changes(1))
    Port.command(port, "xq")
    text = reads(port, ~r/[^-]icanon[\s\S]*[^-]echo\b/)
    assert text =~ "CODE 0"
  end

  test "a page is cut to the size of the terminal; there are no colours with NO_COLOR" do
    replicas = for n <- 1..40, do: {:"replica_number_#{n}", counter()}
    c = Coppice.start(replicas: replicas)
    port = open(c.node, [{"NO_COLOR", "1"}])
    [_, page | _] = port |> reads(~r/q ends[\s\S]*q ends/) |> String.split("\e[H")
    [page, _] = String.split(page, "q ends")
    lines = page |> String.replace(~r/\e\[[0-9]*[A-Za-z]/, "") |> String.split("\r\n")
    assert length(lines) == 19
    assert Enum.all?(lines, &(String.length(&1) <= 70))
    refute page =~ "\e[1m"
    Port.command(port, <<3>>)
    assert reads(port, ~r/[^-]icanon[\s\S]*[^-]echo\b/) =~ "CODE 0"
  end

  test "a node that is gone is told, and shown again when it is back" do
    name = Coppice.name()
    c = Coppice.start(node: name, replicas: [views: counter()])
    port = open(name)
    reads(port, changes(0))
    assert Coppice.stop(c) == 0
    reads(port, "epmd there does not know that name")
    Coppice.start(node: name, replicas: [other: counter()])
    reads(port, ~r/other +gcounter/)
    Port.command(port, "q")
    reads(port, "CODE 0")
  end

  test "without a terminal, or without a node, it says so" do
    c = Coppice.start()
    assert {@usage, err} = Coppice.fail(["top", c.node])
    assert err =~ "top needs a terminal; `coppice status` prints the same once"
    port = open(c.node, [{"TERM", "dumb"}])
    assert reads(port, ~r/CODE \d+/) =~ "top needs a terminal"
    assert "nobody@127.0.0.1" |> open() |> reads(~r/CODE \d+/) =~ "CODE 69"
  end
end
