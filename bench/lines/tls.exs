# Calls over TLS, from a BEAM.

# Runs on the calling nodes, BEAMs of their own: all connections of a node are TLS, or none.
{:module, _, code, _} =
  defmodule TlsCalls do
    @doc """
    Calls of `value` per second by so many callers; each must have this count as its answer, or a
    set of one binary of so many bytes.
    """
    def rate(server, value, callers, ms) do
      parent = self()
      start = System.monotonic_time(:millisecond)
      call = fn -> send(parent, made(server, value, start + ms, 0)) end
      for _ <- 1..callers, do: spawn_link(call)
      total = Enum.sum(for _ <- 1..callers, do: receive(do: (n when is_integer(n) -> n)))
      total * 1000 / (System.monotonic_time(:millisecond) - start)
    end

    defp right?(%MapSet{} = set, bytes), do: Enum.map(set, &byte_size/1) == [bytes]
    defp right?(count, value), do: count == value

    @doc "Adds so many bytes to a set of Grove."
    def fill(server, bytes) do
      :ok = Grove.Replication.Server.mutate(server, &Grove.Set.GSet.add(&1, bytes))
    end

    defp made(server, value, deadline, n) do
      {:ok, answer} = GenServer.call(server, :value, 30_000)
      true = right?(answer, value)
      more = System.monotonic_time(:millisecond) < deadline
      if more, do: made(server, value, deadline, n + 1), else: n + 1
    end
  end

defmodule TlsNodes do
  import Servers

  @megabyte 1_000_000

  # A coppice, a BEAM with the same replicas, and the BEAM that calls both.
  def nodes(file) do
    more = if file, do: [tls: to_charlist(file)], else: []
    args = if file, do: ["-proto_dist", "inet_tls", "-ssl_dist_optfile", file], else: []
    replicas = [views: %{crdt: :gcounter}, large: %{crdt: :gset}]
    c = coppice("bench_tls_#{file != nil}", [replicas: replicas] ++ more)
    [beam, caller] = for _ <- 1..2, do: Beam.start(grove: true, args: args)
    Beam.replica(beam, name: :views, actor: "b", group: "views")
    Beam.replica(beam, name: :large, actor: "b", group: "large", crdt_module: Grove.Set.GSet)
    add = {:mutate, {:add, [megabyte()]}}
    :ok = Beam.call(caller, GenServer, :call, [{:large, c.node}, add])
    :ok = Beam.call(beam, TlsCalls, :fill, [:large, megabyte()])
    %{coppice: c, beam: beam, caller: caller}
  end

  def megabyte, do: :binary.copy("x", @megabyte)

  def rate(nodes, who, name, value, callers) do
    args = [{name, nodes[who].node}, value, callers, Bench.ms()]
    %{rate: Beam.call(nodes.caller, TlsCalls, :rate, args)}
  end

  def stop_all(nodes) do
    stop(nodes.coppice)
    for who <- [:beam, :caller], do: stop(nodes[who])
  end
end

Beam.keep_code([{TlsCalls, code}])
ca = Authority.start()
options = Authority.trust(ca, Authority.issue(ca, "bench"))
tls = TlsNodes.nodes(Authority.option_file(ca, "bench", options, options))
plain = TlsNodes.nodes(nil)
large = byte_size(TlsNodes.megabyte())

for {what, name, value, callers} <- [
      {"`value`, one caller", :views, 0, 1},
      {"`value`, 64 callers", :views, 0, 64},
      {"`value` of 1 MB, one caller", :large, large, 1}
    ] do
  Bench.lines("", [{:rate, "#{what}, TLS", "calls/s", :more}], [
    {:coppice, nil, fn -> TlsNodes.rate(tls, :coppice, name, value, callers) end},
    {:beam, nil, fn -> TlsNodes.rate(tls, :beam, name, value, callers) end},
    {:limit, "plain TCP", fn -> TlsNodes.rate(plain, :coppice, name, value, callers) end}
  ])
end

for nodes <- [tls, plain], do: TlsNodes.stop_all(nodes)
