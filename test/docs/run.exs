# Runs the commands on the pages given (test/docs/run says which lines are commands); prints a line
# for each page, and exits with 0 if all of them print what their page says.

defmodule Page do
  @moduledoc "The blocks of a page: lists of `{command, lines that it prints}`."

  def blocks(text) do
    text
    # An empty line in a block is a line of it.
    |> String.replace("\n\n    ", "\n    \n    ")
    |> String.split("\n")
    |> Enum.chunk_by(&String.starts_with?(&1, "    "))
    |> Enum.map(fn lines -> Enum.map(lines, &String.replace_prefix(&1, "    ", "")) end)
    |> Enum.map(&commands/1)
    |> Enum.reject(&(&1 == []))
  end

  # From the end, so that what is printed is known when its command comes.
  defp commands(lines) do
    {commands, _} =
      lines
      |> Enum.reverse()
      |> Enum.reduce({[], []}, fn line, {commands, printed} ->
        if String.starts_with?(line, ["$ ", "iex> "]),
          do: {[{line, printed} | commands], []},
          else: {commands, [line | printed]}
      end)

    commands
  end
end

defmodule Shell do
  @moduledoc "A bash, and the iex in it, that is given lines; what it prints is awaited."

  @limit_ms 20_000
  @ended "COMMAND ENDED"
  @marks %{
    bash: "echo #{@ended}\n",
    iex: "IO.puts(\"#{@ended}\"); IEx.dont_display_result()\n"
  }

  def open(folder, exports) do
    bash =
      Port.open({:spawn_executable, "/usr/bin/setsid"}, [
        :binary,
        :stderr_to_stdout,
        args: ["bash", "--norc", "-s"],
        cd: folder
      ])

    for line <- exports, do: Port.command(bash, line <> "\n")
    # Its process group has what it starts.
    {bash, run({bash, nil}, "echo $$", :bash) |> String.trim()}
  end

  @doc "Kills it with everything that it has started."
  def close({_bash, group}), do: System.cmd("kill", ["-KILL", "--", "-#{group}"])

  @doc """
  Runs a command to its end, in bash or in iex (for the command that starts iex, until that reads
  its next); returns what it printed.
  """
  def run({bash, _group}, line, where) do
    Port.command(bash, if(where == :bash, do: "{ #{line}\n} </dev/null\n", else: line <> "\n"))
    Port.command(bash, @marks[where])
    await(bash, "", fn got -> String.contains?(got, @ended) end) |> String.split(@ended) |> hd()
  end

  @doc "Starts a command that goes on; returns what it prints until it is ready."
  def start({bash, _group}, line) do
    Port.command(bash, line <> "\n")
    printed = await(bash, "", fn got -> got =~ ~r/^ready .*\n/m end)
    Regex.replace(~r/(^ready [^\n]*\n).*/ms, printed, "\\1")
  end

  defp await(bash, got, enough?) do
    if enough?.(got) do
      got
    else
      receive do
        {^bash, {:data, data}} -> await(bash, got <> data, enough?)
      after
        @limit_ms -> got <> "\n(no more in #{@limit_ms} ms)\n#{@ended}"
      end
    end
  end
end

defmodule Reader do
  @moduledoc "Does what a page says."

  @patience 50

  def read(page, folder) do
    page |> File.read!() |> Page.blocks() |> Enum.reduce({[], []}, &block(&1, &2, folder))
  end

  defp block(commands, {exports, wrong}, folder) do
    bash = Shell.open(folder, exports)
    Process.put(:shells, [bash | Process.get(:shells, [])])
    found = for {line, said} <- commands, wrong = check(bash, line, said, folder), do: wrong
    {exports ++ for({"$ export" <> _ = line, _} <- commands, do: command(line)), wrong ++ found}
  end

  defp command("$ " <> line), do: line
  defp command("iex> " <> line), do: line

  # Nil, or what is wrong.
  defp check(bash, line, said, folder) do
    case line do
      "$ cat " <> file -> File.write!(Path.join(folder, file), Enum.map(said, &(&1 <> "\n")))
      "$ make" -> :built_already
      "$ tools/setup" <> _ -> :set_up_already
      "$ iex " <> _ -> Shell.run(bash, command(line), :iex)
      "$ coppice run" <> _ -> compare(line, said, fn -> Shell.start(bash, command(line)) end)
      # What is replicated takes its time.
      "$ coppice value" <> _ -> repeat(bash, line, said)
      "$ " <> _ -> compare(line, said, fn -> Shell.run(bash, command(line), :bash) end)
      "iex> " <> _ when said == [] -> Shell.run(bash, command(line), :iex)
      "iex> " <> _ -> compare(line, said, fn -> Shell.run(bash, command(line), :iex) end)
    end
    |> case do
      {:wrong, _} = wrong -> wrong
      _ -> nil
    end
  end

  defp repeat(bash, line, said, left \\ @patience) do
    case compare(line, said, fn -> Shell.run(bash, command(line), :bash) end) do
      {:wrong, _} when left > 0 ->
        Process.sleep(100)
        repeat(bash, line, said, left - 1)

      outcome ->
        outcome
    end
  end

  # Logger's lines come when they come.
  @logged ~r/^\d\d:\d\d:\d\d\.\d{3} \[\w+\] .*\n\n?/m

  defp compare(line, said, run) do
    printed =
      run.()
      |> String.replace(~r/iex\([^)]*\)\d+> |\e\[[0-9;]*m/, "")
      |> String.replace(@logged, "")
      |> String.trim()

    text = said |> Enum.join("\n") |> String.trim()
    matches = Regex.match?(pattern(text), printed <> "\n")
    if matches, do: :right, else: {:wrong, {line, text, printed}}
  end

  # A number of four digits or more stands for any number, `...` for any text, and as a line for
  # any lines, or none: what is logged may come before or after what is printed.
  defp pattern(text) do
    lines = text |> String.split("\n") |> Enum.map_join(&line_pattern/1)
    Regex.compile!("\\A" <> lines <> "\\z", "s")
  end

  defp line_pattern("..."), do: "(?:.*\n)?"

  defp line_pattern(line) do
    numbers = Regex.replace(~r/\d{4,}/, Regex.escape(line), "\\\\d+")
    String.replace(numbers, "\\.\\.\\.", ".*") <> "\n"
  end
end

[folder | pages] = System.argv()

wrong =
  for page <- pages do
    place = Path.join(folder, Path.basename(page, ".md"))
    File.mkdir_p!(place)
    # A clone of this repository.
    File.ln_s!(File.cwd!(), Path.join(place, "coppice"))
    {_, wrong} = Reader.read(page, place)
    Enum.each(Process.get(:shells, []), &Shell.close/1)
    Process.delete(:shells)

    for {:wrong, {line, said, printed}} <- wrong do
      IO.puts("  FAIL  #{page}: #{line}\nthe page says\n#{said}\nbut it prints\n#{printed}")
    end

    if wrong == [], do: IO.puts("  ok    #{page}")
    wrong
  end

failed = Enum.count(wrong, &(&1 != []))
IO.puts("#{length(pages) - failed} passed, #{failed} failed")
System.halt(if failed == 0, do: 0, else: 1)
