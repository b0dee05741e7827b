# Row 18: what a person types.

edits = fn ->
  file = "test/vectors/crdt/paper.gz"
  {line, 0} = System.cmd(Path.expand("build/bench/trace"), [file])
  ["259778", ms] = String.split(line)
  %{ms: String.to_float(ms)}
end

what = "259778 edits of a paper, one `mutate` each"
Bench.lines(18, [{:ms, what, "ms of CPU", :less}], [{:coppice, nil, edits}])
