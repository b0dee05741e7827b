defmodule Lines do
  @moduledoc "Prints a line for each check as it ends, the failures in full, and a closing line."
  use GenServer

  @impl true
  def init(_opts), do: {:ok, %{passed: 0, failed: 0, skipped: 0}}

  @impl true
  def handle_cast({:test_finished, test}, counts) do
    kind = kind(test.state)
    IO.puts("  #{word(kind)} #{suite(test.module)}: #{name(test)}#{seconds(kind, test)}")
    if kind == :failed, do: IO.puts(failure(test, counts.failed + 1))
    {:noreply, Map.update!(counts, kind, &(&1 + 1))}
  end

  # A failure of setup_all has no test of its own.
  def handle_cast({:module_finished, %{state: {:failed, why}} = module}, counts) do
    IO.puts("  FAIL  #{suite(module.name)}: its start")
    IO.puts(ExUnit.Formatter.format_test_all_failure(module, why, 1, 98, &plain/2))
    {:noreply, Map.update!(counts, :failed, &(&1 + 1))}
  end

  def handle_cast({:suite_finished, _times}, counts) do
    IO.puts("#{counts.passed} passed, #{counts.failed} failed, #{counts.skipped} skipped")
    {:noreply, counts}
  end

  def handle_cast(_other, counts), do: {:noreply, counts}

  defp kind(nil), do: :passed
  defp kind({:skipped, _}), do: :skipped
  defp kind({:excluded, _}), do: :skipped
  defp kind(_failed_or_invalid), do: :failed

  defp word(:passed), do: "ok   "
  defp word(:skipped), do: "skip "
  defp word(:failed), do: "FAIL "

  defp suite(module) do
    module |> inspect() |> String.replace_suffix("Test", "") |> String.downcase()
  end

  defp name(test), do: test.name |> to_string() |> String.replace_prefix("test ", "")

  # The reason was printed by the script.
  defp seconds(:skipped, _test), do: ""
  defp seconds(_kind, test), do: " (#{Float.round(test.time / 1_000_000, 1)} s)"

  defp failure(%{state: {:failed, why}} = test, n) do
    ExUnit.Formatter.format_test_failure(test, why, n, 98, &plain/2)
  end

  defp failure(_invalid, _n), do: ""

  defp plain(:diff_enabled?, _), do: false
  defp plain(_key, text), do: text
end
