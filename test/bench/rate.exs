defmodule Rate do
  @moduledoc "Measures rates."

  @ms 2000

  @doc "Calls of `round` per second by `callers` processes, measured for #{@ms} ms."
  def of(callers, round) do
    parent = self()
    deadline = now() + @ms

    for _ <- 1..callers do
      spawn_link(fn -> send(parent, {:rounds, rounds(round, deadline, 0)}) end)
    end

    total = for(_ <- 1..callers, do: receive(do: ({:rounds, n} -> n))) |> Enum.sum()
    total * 1000 / @ms
  end

  defp rounds(round, deadline, n) do
    round.()
    if now() < deadline, do: rounds(round, deadline, n + 1), else: n
  end

  defp now, do: System.monotonic_time(:millisecond)
end
