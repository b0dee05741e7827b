defmodule Results do
  @moduledoc "The results of bench/run as a table, in Markdown with aligned columns."

  @heads ~w(# work unit coppice ± BEAM × ei × limit ×)

  def table(file) do
    rows = for line <- read(file), line.kind == :line, do: line
    keys = rows |> Enum.map(& &1.key) |> Enum.uniq()
    cells = for key <- keys, do: cells(key, Enum.filter(rows, &(&1.key == key)))
    [@heads | cells] |> aligned() |> Enum.join("\n")
  end

  @doc "What the results depend on, as `{what, value}`."
  def about(file), do: for(%{kind: :about} = line <- read(file), do: {line.what, line.value})

  @doc "The curves, as `{name, series, x, numbers}`."
  def curves(file), do: for(%{kind: :curve, point: point} <- read(file), do: point)

  defp read(file) do
    for line <- file |> File.read!() |> String.split("\n", trim: true) do
      case String.split(line, "\t") do
        ["about", what, value] ->
          %{kind: :about, what: what, value: value}

        ["curve", name, series, x, numbers] ->
          %{kind: :curve, point: {name, series, String.to_integer(x), numbers(numbers)}}

        [row, work, unit, better, who, label, numbers] ->
          key = {row, work, unit, better}
          %{kind: :line, key: key, who: who, label: label, numbers: numbers(numbers)}
      end
    end
  end

  defp numbers(text), do: for(word <- String.split(text, ","), do: String.to_float(word))

  defp cells({row, work, unit, better}, measured) do
    ours = Enum.find(measured, &(&1.who == "coppice"))
    others = for who <- ~w(beam ei limit), do: Enum.find(measured, &(&1.who == who))

    [row, work, unit, number(Bench.median(ours.numbers)), spread(ours.numbers)] ++
      Enum.flat_map(others, &other(&1, ours, better))
  end

  defp other(nil, _ours, _better), do: ["", ""]

  defp other(other, ours, better) do
    label = if other.label == "", do: "", else: " (#{other.label})"
    [number(Bench.median(other.numbers)) <> label, ratio(ours, other, better)]
  end

  # How many times better the coppice is, in the median of the rounds.
  defp ratio(ours, other, better) do
    ratios =
      for {a, b} <- Enum.zip(ours.numbers, other.numbers), a > 0, b > 0 do
        if better == "more", do: a / b, else: b / a
      end

    if ratios == [], do: "", else: :erlang.float_to_binary(Bench.median(ratios), decimals: 2)
  end

  # Half of the range, as a part of the median.
  defp spread(numbers) do
    median = Bench.median(numbers)
    range = Enum.max(numbers) - Enum.min(numbers)
    if median == 0, do: "", else: "#{round(50 * range / median)} %"
  end

  def number(x) when x >= 100, do: x |> round() |> Integer.to_string() |> grouped()
  def number(x) when x >= 10, do: :erlang.float_to_binary(x / 1, decimals: 1)
  def number(x), do: :erlang.float_to_binary(x / 1, decimals: 2)

  defp grouped(digits), do: String.replace(digits, ~r/\B(?=(\d{3})+$)/, ",")

  defp aligned([heads | _] = rows) do
    columns = 0..(length(heads) - 1)
    widths = for i <- columns, do: rows |> Enum.map(&String.length(Enum.at(&1, i))) |> Enum.max()
    [head | body] = for row <- rows, do: line(row, widths)
    [head, rule(widths) | body]
  end

  # Text to the left, numbers to the right.
  defp line(row, widths) do
    cells =
      for {{cell, width}, i} <- Enum.zip(row, widths) |> Enum.with_index() do
        if i in 1..2, do: String.pad_trailing(cell, width), else: String.pad_leading(cell, width)
      end

    "| " <> Enum.join(cells, " | ") <> " |"
  end

  defp rule(widths) do
    marks =
      for {width, i} <- Enum.with_index(widths) do
        dashes = String.duplicate("-", width + 1)
        dashes <> if i in 1..2, do: "-", else: ":"
      end

    "|" <> Enum.join(marks, "|") <> "|"
  end
end
