# Row 12: the memory of a million binaries of 15 bytes.

# Its code runs on the other BEAM, too.
{:module, _, code, _} =
  defmodule Memory do
    @count 1_000_000

    def coppice(type) do
      args = ["memory", "#{type}", "#{@count}"]
      {line, 0} = System.cmd(Path.expand("build/bench/types"), args)
      %{mb: String.to_integer(hd(String.split(line))) / 1.0e6}
    end

    @doc "The heap of a process that has nothing else, after a garbage collection."
    def beam(beam, make) do
      bytes =
        Beam.run(beam, fn ->
          Task.async(fn ->
            elements = for i <- 1..@count, do: "element-" <> String.pad_leading("#{i}", 7, "0")
            set = make.(elements)
            :erlang.garbage_collect()
            {:memory, bytes} = Process.info(self(), :memory)
            %module{} = set
            @count = MapSet.size(module.value(set))
            bytes
          end)
          |> Task.await(60_000)
        end)

      %{mb: bytes / 1.0e6}
    end

    def gset(elements), do: %Grove.Set.GSet{elements: MapSet.new(elements)}

    def or_set(elements) do
      {entries, _} = Enum.map_reduce(elements, 1, &{{&1, MapSet.new([{"b", &2}])}, &2 + 1})
      %{Grove.Set.ORSet.new("b") | entries: Map.new(entries), counter: @count}
    end
  end

import Servers

Beam.keep_code([{Memory, code}])
b = beam()

for {type, make} <- [gset: &Memory.gset/1, or_set: &Memory.or_set/1] do
  Bench.lines(12, [{:mb, "memory of 1000000 binaries in a #{type}", "MB", :less}], [
    {:coppice, nil, fn -> Memory.coppice(type) end},
    {:beam, nil, fn -> Memory.beam(b, make) end}
  ])
end

stop(b)
