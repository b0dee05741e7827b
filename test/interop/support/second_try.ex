defmodule SecondTry do
  @moduledoc """
  Runs what failed once more, one test at a time.

  Four tests run at a time, each with several nodes; on a machine that is busy with other things
  besides, one of them may run out of time.  What is wrong in the code fails again, alone.  What
  does not is printed as unsteady.  As a formatter of ExUnit it takes down which tests failed.
  """

  use GenServer

  # More failures than these have one cause, which is not the machine.
  @most 5

  @doc "Runs the suites of `modules`, and again what failed; returns how many tests failed twice."
  def run(modules) do
    %{failures: failures} = ExUnit.run()
    failed = :persistent_term.get(__MODULE__, [])

    if failures in 1..@most and failures == length(failed),
      do: again(failed, modules),
      else: failures
  end

  defp again(failed, modules) do
    IO.puts("\nonce more, one at a time:")

    ExUnit.configure(
      exclude: [:test],
      include: for({_, name} <- failed, do: {:test, name}),
      max_cases: 1
    )

    %{failures: failures} = ExUnit.run(for m <- modules, List.keymember?(failed, m, 0), do: m)
    twice = :persistent_term.get(__MODULE__)
    for {module, name} <- failed -- twice, do: IO.puts("unsteady: #{inspect(module)}: #{name}")
    for {module, name} <- twice, do: IO.puts("failed: #{inspect(module)}: #{name}")
    failures
  end

  @impl true
  def init(_options), do: {:ok, []}

  @impl true
  def handle_cast({:test_finished, %{state: {kind, _}} = test}, failed)
      when kind in [:failed, :invalid],
      do: {:noreply, [{test.module, test.name} | failed]}

  def handle_cast({:suite_finished, _}, failed) do
    :persistent_term.put(__MODULE__, failed)
    {:noreply, failed}
  end

  def handle_cast(_event, failed), do: {:noreply, failed}
end
