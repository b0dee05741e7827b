# Runs on the calling BEAM and, for the closure's sake, on the BEAM with the replica.
{:module, _, code, _} =
  defmodule Closures do
    alias Grove.Counter.GCounter

    @doc "Calls per second by so many callers; each must have been counted."
    def rate(server, callers, ms) do
      {:ok, before} = GenServer.call(server, :value, 30_000)
      parent = self()
      start = System.monotonic_time(:millisecond)
      for _ <- 1..callers, do: spawn_link(fn -> send(parent, made(server, start + ms, 0)) end)
      total = Enum.sum(for _ <- 1..callers, do: receive(do: (n when is_integer(n) -> n)))
      took = System.monotonic_time(:millisecond) - start
      {:ok, after_all} = GenServer.call(server, :value, 30_000)
      true = after_all == before + total
      total * 1000 / took
    end

    defp made(server, deadline, n) do
      one = n + 1 - n
      :ok = GenServer.call(server, {:mutate, &GCounter.increment(&1, one)}, 30_000)
      more = System.monotonic_time(:millisecond) < deadline
      if more, do: made(server, deadline, n + 1), else: n + 1
    end
  end

Beam.keep_code([{Closures, code}])
