# Row 18: what people type.

trace = fn count, args ->
  {line, 0} = System.cmd(Path.expand("build/bench/trace"), args)
  [^count, ms] = String.split(line)
  %{ms: String.to_float(ms)}
end

paper = fn -> trace.("259778", ["paper", "test/vectors/crdt/paper.gz"]) end
what = "259778 edits of a paper, one `mutate` each"
Bench.lines(18, [{:ms, what, "ms of CPU", :less}], [{:coppice, nil, paper}])

authors = fn -> trace.("26000", ["authors", "26000"]) end
what = "26000 keys of two authors at once, each a `mutate` here and a join there"
Bench.lines(18, [{:ms, what, "ms of CPU", :less}], [{:coppice, nil, authors}])
