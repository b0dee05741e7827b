defmodule Bench do
  @moduledoc """
  Runs competitors in turn, and keeps what they measured in a file of lines

      ROW  WORK  UNIT  more|less  COMPETITOR  LABEL  NUMBER,NUMBER...
      curve  NAME  SERIES  X  NUMBER,NUMBER...

  with tabs between the fields: `more` if a larger number is better, and one number a round.
  """

  @file_name "build/bench/results"

  def file, do: @file_name
  def rounds, do: String.to_integer(System.get_env("ROUNDS", "5"))
  def ms, do: String.to_integer(System.get_env("MS", "300"))

  @doc "Begins a new file, with what the results depend on."
  def open do
    File.mkdir_p!(Path.dirname(@file_name))
    about = for {what, value} <- about(), do: ["about\t", what, "\t", value, "\n"]
    File.write!(@file_name, about)
  end

  defp about do
    [
      {"machine", "#{cpu()}, #{:erlang.system_info(:logical_processors)} cores, #{memory()}"},
      {"system", "Linux #{output("uname", ["-r"])}, #{output("gcc", ["--version"])}"},
      {"versions", "OTP #{System.otp_release()}, Elixir #{System.version()}, #{version()}"},
      {"disk", "build/ on #{output("stat", ["-f", "-c", "%T", "build"])}"},
      {"command", "make bench ROUNDS=#{rounds()} MS=#{ms()}"},
      {"load", "#{File.read!("/proc/loadavg") |> String.split() |> hd()} before the first round"}
    ]
  end

  defp cpu do
    case Regex.run(~r/model name\s*: (.*)/, File.read!("/proc/cpuinfo")) do
      [_, name] -> name
      nil -> "an unknown processor"
    end
  end

  defp memory do
    [_, kb] = Regex.run(~r/MemTotal:\s+(\d+)/, File.read!("/proc/meminfo"))
    "#{round(String.to_integer(kb) / 1_048_576)} GB"
  end

  defp version do
    commit = output("git", ["describe", "--always", "--dirty"])
    "#{output(Path.expand("priv/coppice"), ["version"])} (#{commit})"
  end

  defp output(command, args) do
    {text, _} = System.cmd(command, args, stderr_to_stdout: true)
    text |> String.split("\n") |> hd()
  end

  @doc """
  Measures lines of the table.  `lines` are `{key, work, unit, :more | :less}`; `competitors`
  are `{:coppice | :beam | :ei | :limit, label, fun}`, where `fun` returns a map with a number for
  each key, or for some of them.  The label is nil for what the column's title says.
  """
  def lines(row, lines, competitors) do
    measured = rounds(competitors)

    for {key, work, unit, better} <- lines, {who, label, _} <- competitors do
      numbers = for %{^key => number} <- measured[{who, label}], do: number
      if numbers != [], do: write([row, work, unit, better, who, label || "", join(numbers)])
    end

    :ok
  end

  @doc """
  Measures the points of a curve: `points` are `{series, x, fun}`, where `fun` returns a number.
  Returns the medians as `%{{series, x} => number}`.
  """
  def curve(name, points) do
    measured = rounds(for {series, x, fun} <- points, do: {series, x, fun})

    for {series, x, _} <- points, into: %{} do
      write(["curve", name, series, x, join(measured[{series, x}])])
      {{series, x}, median(measured[{series, x}])}
    end
  end

  # The first is another one in each round.
  defp rounds(competitors) do
    for round <- 1..rounds(), reduce: %{} do
      measured ->
        {later, first} = Enum.split(competitors, rem(round - 1, length(competitors)))

        for {who, label, fun} <- first ++ later, reduce: measured do
          measured ->
            number = fun.()
            Map.update(measured, {who, label}, [number], &(&1 ++ [number]))
        end
    end
  end

  defp write(fields), do: File.write!(@file_name, [Enum.join(fields, "\t"), "\n"], [:append])

  defp join(numbers), do: Enum.map_join(numbers, ",", &:erlang.float_to_binary(&1 / 1, decimals: 4))

  def median(numbers) do
    sorted = Enum.sort(numbers)
    (Enum.at(sorted, div(length(sorted) - 1, 2)) + Enum.at(sorted, div(length(sorted), 2))) / 2
  end

  @doc "The milliseconds that `fun` took, and its result."
  def timed(fun) do
    start = System.monotonic_time(:microsecond)
    answer = fun.()
    {(System.monotonic_time(:microsecond) - start) / 1000, answer}
  end
end
