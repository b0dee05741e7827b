defmodule Soak.Report do
  @moduledoc "What a soak prints, and its judgement on memory."

  alias Soak.Ledger

  # Of the last third above the second.
  @tolerated_ratio 1.05
  @tolerated_kb 1024

  def say(text) do
    {:ok, clock} = Time.from_erl(:calendar.seconds_to_time(rem(uptime_s(), 86_400)))
    IO.puts("  #{clock}  #{text}")
  end

  defp uptime_s, do: div(elem(:erlang.statistics(:wall_clock), 0), 1000)

  @doc "How much was asked for, and which faults there were."
  def counts(cluster) do
    changes = for what <- [:answered, :unanswered], do: "#{Ledger.sum(what)} changes #{what}"
    requests = ~w(reads status_requests commands failed_commands failed_calls)a
    faults = ~w(kills freezes cuts disconnects reloads)a
    line(changes ++ figures([:visitors, :changes_told]))
    line(figures(requests))
    line(figures(faults) ++ ["#{cluster.lives} starts of b"])
  end

  defp figures(kinds) do
    for kind <- kinds, do: "#{Ledger.get(:all, kind)} #{String.replace("#{kind}", "_", " ")}"
  end

  defp line(figures), do: IO.puts("  " <> Enum.join(figures, ", "))

  @doc "The median of each minute."
  def curve(samples) do
    IO.puts("  minute  VmRSS MB  RssAnon MB  descriptors  threads")

    for {minute, part} <- samples |> Enum.group_by(&div(&1.second, 60)) |> Enum.sort() do
      [resident, private] = for field <- [:resident, :private], do: mb(median(part, field))
      [descriptors, threads] = for field <- [:descriptors, :threads], do: median(part, field)
      row = [{minute, 8}, {resident, 10}, {private, 12}, {descriptors, 13}, {threads, 9}]
      IO.puts(for {x, width} <- row, do: String.pad_leading("#{x}", width))
    end
  end

  defp mb(kb), do: :erlang.float_to_binary(kb / 1024, decimals: 2)

  @doc "Whether memory has grown, as a list of sentences."
  def growth(samples) do
    last = List.last(samples).second
    third = fn n -> Enum.filter(samples, &(min(2, div(3 * &1.second, last + 1)) == n)) end
    [second, third] = for n <- 1..2, do: median(third.(n), :resident)
    IO.puts("  median VmRSS: #{mb(second)} MB in the second third, #{mb(third)} MB in the last")

    if third <= @tolerated_ratio * second + @tolerated_kb,
      do: [],
      else: ["memory has grown from #{second} to #{third} kB"]
  end

  defp median(samples, field) do
    sorted = samples |> Enum.map(& &1[field]) |> Enum.sort()
    Enum.at(sorted, div(length(sorted), 2))
  end

  @doc "A term in at most a line."
  def short(term), do: term |> inspect(limit: 10) |> String.slice(0, 200)

  @doc "Ends the run as failed."
  def fail(why) do
    IO.puts(["  FAIL  soak\n" | Enum.map(why, &["        ", &1, "\n"])])
    System.halt(1)
  end
end
