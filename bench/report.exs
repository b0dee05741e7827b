# Writes the results of the last bench/run into docs/performance.md; see bench/report.

Code.require_file("bench.exs", __DIR__)
Code.require_file("results.exs", __DIR__)

defmodule Report do
  @document "docs/performance.md"
  @folder "docs/performance"

  # {title, x axis, y axis, whether the y axis is logarithmic}
  @plots %{
    "connections" => {"value over many connections", "connections", "µs of CPU a call", true},
    "replicas" => {"One node with many replicas", "replicas", "µs of CPU a call", false},
    "elements" => {"A gset with many elements", "elements", "ms", true},
    "journal" => {"kill -9 to the next ok", "elements in the journal", "ms", true},
    "peers" => {"A delta to many peers", "peers", "µs of CPU a delta", true},
    "starts" => {"Start with many replicas", "replicas", "ms until ready", true}
  }

  def run do
    unless File.exists?(Bench.file()), do: fail("#{Bench.file()} is missing: run make bench first")

    @document
    |> File.read!()
    |> put("about", about())
    |> put("table", Results.table(Bench.file()))
    |> then(&File.write!(@document, &1))

    File.mkdir_p!(@folder)
    points = Enum.group_by(Results.curves(Bench.file()), &elem(&1, 0))
    for {name, points} <- points, do: plot(name, points)
  end

  defp about do
    Enum.map_join(Results.about(Bench.file()), "\n", fn {what, value} -> "- #{what}: #{value}" end)
  end

  # Between <!-- bench: NAME --> and the next <!-- bench: end -->.
  defp put(document, name, text) do
    {from, to} = {"<!-- bench: #{name} -->\n", "<!-- bench: end -->"}

    case String.split(document, from) do
      [before, rest] ->
        [_old, later] = String.split(rest, to, parts: 2)
        before <> from <> text <> "\n" <> to <> later

      _ ->
        fail("#{@document} needs one line #{String.trim(from)}")
    end
  end

  # Medians as lines, and the lowest and highest round as bars.
  defp plot(name, points) do
    {title, x, y, logarithmic} = Map.fetch!(@plots, name)
    series = points |> Enum.map(&elem(&1, 1)) |> Enum.uniq()

    script = [
      "set terminal svg size 640,360 font 'sans,12' background 'white'\n",
      "set title '#{title}'\nset xlabel '#{x}'\nset ylabel '#{y}'\n",
      "set logscale x\nset grid\nset key left top\nset format x '%.0f'\n",
      if(logarithmic, do: "set logscale y\n", else: "set yrange [0:*]\n"),
      for(s <- series, do: ["$s", index(series, s), " << END\n", data(points, s), "END\n"]),
      "plot ",
      Enum.map_join(series, ", ", fn s ->
        "$s#{index(series, s)} using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.6 title '#{s}'"
      end),
      "\n"
    ]

    file = "build/bench/plot"
    File.write!(file, script)
    {svg, 0} = System.cmd("gnuplot", [file])
    File.write!("#{@folder}/#{name}.svg", String.replace(svg, ~r/[ \t]+$/m, ""))
  end

  defp index(series, s), do: "#{Enum.find_index(series, &(&1 == s))}"

  defp data(points, wanted) do
    for {_, ^wanted, x, numbers} <- points do
      "#{x} #{Bench.median(numbers)} #{Enum.min(numbers)} #{Enum.max(numbers)}\n"
    end
  end

  defp fail(text) do
    IO.puts(:stderr, "bench/report: #{text}")
    System.halt(1)
  end
end

Report.run()
