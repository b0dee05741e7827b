defmodule LongWorkTest do
  @moduledoc """
  What a node tells of loads and saves that take long, in a terminal.  They take long because
  another program has locked the table, as one that writes it in place does.
  """
  use TestCase

  # In the roots of `make test-matrix`.
  @moduletag skip: Terminal.missing()

  @snapshots 300

  # Returns a function that releases the lock.
  defp hold(table) do
    program = System.find_executable("flock")
    args = [table <> ".lock", "sh", "-c", "echo held; read line"]
    port = Port.open({:spawn_executable, program}, [:binary, args: args])
    assert_receive {^port, {:data, "held\n"}}, 60_000
    fn -> Port.close(port) end
  end

  defp config(table, settings \\ []) do
    views = %{
      crdt: :gcounter,
      snapshot_interval: @snapshots,
      storage: %{file: to_charlist(table)}
    }

    Coppice.config_file(
      Coppice.config_text([node: Coppice.name(), replicas: [page_views: views]] ++ settings)
    )
  end

  # A terminal with a node in it, whose standard output may go elsewhere.
  defp open(config, elsewhere \\ "") do
    command = Enum.join(Coppice.command(["run", "-c", config]), " ")
    port = Terminal.open("stty cols 60; exec #{command}#{elsewhere}")
    {text, [pid]} = reads({port, ""}, ~r/, process (\d+),/)
    {{port, text}, pid}
  end

  # Collects what is printed until it matches: all of it, and what was captured.
  defp reads({port, text}, pattern) do
    case Regex.run(pattern, text) do
      [_ | captured] -> {text, captured}
      nil -> reads({port, text <> Terminal.next(port, text)}, pattern)
    end
  end

  # What is on the screen after these bytes: one line for each line feed.
  defp screen(text) do
    for line <- String.split(text, "\n") do
      line |> String.split("\r") |> Enum.reduce("", &over/2) |> String.trim_trailing()
    end
  end

  defp over(new, old), do: new <> String.slice(old, String.length(new)..-1//1)

  defp ends({port, text}) do
    receive do
      {^port, {:data, data}} -> ends({port, text <> data})
      {^port, {:exit_status, status}} -> {text, status}
    after
      60_000 * slowdown() -> flunk("no end after #{inspect(text)}")
    end
  end

  test "a load and a save that take seconds stand below the log until they end" do
    table = Table.path()
    release = hold(table)
    {{port, text}, pid} = open(config(table))
    {text, _} = reads({port, text}, ~r/()loading page_views: [2-9] s/)
    assert List.last(screen(text)) =~ ~r/\Aloading page_views: \d+ s\z/
    release.()
    {text, _} = reads({port, text}, ~r/page_views: loaded ()/)

    [_, node] = Regex.run(~r/ready (\S+) /, text)
    release = hold(table)
    assert {0, "ok\n", ""} = Coppice.run(["mutate", node, "page_views", "increment", "1"])
    {text, _} = reads({port, text}, ~r/()saving page_views: [1-9] s/)
    release.()
    TestCase.signal(pid, "TERM")
    {text, 0} = ends({port, text})

    # Of all that, the lines of the log and `ready` are left.
    for line <- screen(text) do
      assert line =~ ~r/\A(\d{4}-\d\d-\d\dT\S+ info .*|ready .*|)\z/
      refute line =~ ~r/(loading|saving) page_views/
    end
  end

  test "nothing stands below lines of JSON" do
    [table, other] = [Table.path(), Table.path()]
    [release, release_other] = [hold(table), hold(other)]
    {{port, text}, pid} = open(config(table, log: :json), " | cat")
    {text, _} = reads({port, text}, ~r/ready ()/)
    # One that started later shows how long it takes.
    {later, later_pid} = open(config(other))
    {text_of_later, _} = reads(later, ~r/()loading page_views: [3-9] s/)
    for f <- [release, release_other], do: f.()
    {text, _} = reads({port, text}, ~r/page_views: loaded ()/)
    for p <- [pid, later_pid], do: TestCase.signal(p, "TERM")
    {text, _} = ends({port, text})
    refute text =~ "loading"
    assert {_, 0} = ends({elem(later, 0), text_of_later})
  end
end
