# Rows 8 and 9: the join of a large state with an empty one.

# Its code runs on the other BEAM, too.
{:module, _, code, _} =
  defmodule Joins do
    @count 100_000
    @program "build/bench/types"

    def count, do: @count

    @doc "Writes a state to a file; returns its digest."
    def write(type, file), do: types(["state", "#{type}", "#{@count}", file])

    def coppice(type, file, digest) do
      %{ms: String.to_float(types(["join", "#{type}", file, digest]))}
    end

    defp types(args) do
      {line, 0} = System.cmd(Path.expand(@program), args)
      String.trim(line)
    end

    @doc "The same bytes, decoded and merged there, by a new process."
    def beam(beam, module, file) do
      took =
        Beam.run(beam, fn ->
          state = File.read!(file)

          Task.async(fn ->
            start = System.monotonic_time(:microsecond)
            merged = module.merge(module.new("b"), :erlang.binary_to_term(state))
            took = System.monotonic_time(:microsecond) - start
            @count = size(module, merged)
            took
          end)
          |> Task.await(60_000)
        end)

      %{ms: took / 1000}
    end

    defp size(Grove.Sequence.RGA, rga), do: map_size(rga.elements)
    defp size(Grove.Map.ORMap, map), do: map_size(map.values)
    defp size(module, set), do: MapSet.size(module.value(set))
  end

import Servers

Beam.keep_code([{Joins, code}])
b = beam()

for {row, type, module, what} <- [
      {8, :or_set, Grove.Set.ORSet, "elements of an OR-set"},
      {9, :rga, Grove.Sequence.RGA, "elements of an RGA"},
      {9, :or_map, Grove.Map.ORMap, "keys of an OR-map"}
    ] do
  file = Path.expand("build/bench/#{type}.etf")
  digest = Joins.write(type, file)

  Bench.lines(row, [{:ms, "join of #{Joins.count()} #{what}", "ms", :less}], [
    {:coppice, nil, fn -> Joins.coppice(type, file, digest) end},
    {:beam, nil, fn -> Joins.beam(b, module, file) end}
  ])
end

stop(b)
