# A benchmark; see test/bench/run.

rate = Code.require_file("rate.exs", __DIR__)

# Runs on the calling nodes, BEAMs of their own: all connections of a node are TLS, or none.
{:module, _, code, _} =
  defmodule TlsCalls do
    @doc "Calls of `request` per second."
    def rate(server, request, callers) do
      round(Rate.of(callers, fn -> {:ok, _} = GenServer.call(server, request, 30_000) end))
    end

    @doc "Adds so many bytes to a set of Grove."
    def fill(server, bytes) do
      :ok = Grove.Replication.Server.mutate(server, &Grove.Set.GSet.add(&1, bytes))
    end
  end

Beam.keep_code([{TlsCalls, code} | rate])

defmodule TlsBench do
  @megabyte 1_000_000

  def node_with(file, opts \\ []), do: Beam.start([args: arguments(file)] ++ opts)

  defp arguments(nil), do: []
  defp arguments(file), do: ["-proto_dist", "inet_tls", "-ssl_dist_optfile", file]

  def coppice(name, more) do
    replicas = [views: %{crdt: :gcounter}, large: %{crdt: :gset}]
    config = Coppice.config_text([node: :"#{name}@127.0.0.1", replicas: replicas] ++ more)
    File.mkdir_p!("build/bench")
    File.write!("build/bench/#{name}", config)
    Coppice.launch_file("build/bench/#{name}", "build/bench/#{name}.log")
  end

  # Rates of a coppice and of a BEAM, both called from the same third node.
  def rates(file) do
    more = if file, do: [tls: to_charlist(file)], else: []
    c = coppice("bench_tls_#{file != nil}", more)
    beam = node_with(file, grove: true)
    caller = node_with(file, grove: true)
    {views, _} = Beam.replica(beam, actor: "b", group: "other", crdt_module: Grove.Counter.GCounter)
    {large, _} = Beam.replica(beam, actor: "b", group: "large", crdt_module: Grove.Set.GSet)
    megabyte = :binary.copy("x", @megabyte)
    there = {large, beam.node}
    :ok = Beam.call(caller, GenServer, :call, [{:large, c.node}, {:mutate, {:add, [megabyte]}}])
    :ok = Beam.call(beam, TlsCalls, :fill, [large, megabyte])

    rates =
      for {request, callers, coppice, beam} <- [
            {:value, 1, {:views, c.node}, {views, beam.node}},
            {:value, 64, {:views, c.node}, {views, beam.node}},
            {:value, 1, {:large, c.node}, there}
          ],
          server <- [coppice, beam],
          do: Beam.call(caller, TlsCalls, :rate, [server, request, callers])

    Coppice.stop(c)
    rates
  end

  def run do
    ca = Authority.start()
    options = Authority.trust(ca, Authority.issue(ca, "bench"))
    file = Authority.option_file(ca, "bench", options, options)
    IO.puts("                       callers   coppice/s     with TLS       BEAM/s     with TLS")
    [plain, tls] = for rates <- [rates(nil), rates(file)], do: Enum.chunk_every(rates, 2)

    for {{what, callers}, {[c, b], [ct, bt]}} <-
          Enum.zip([{"value", 1}, {"value", 64}, {"value of 1 MB", 1}], Enum.zip(plain, tls)) do
      format = "~-22s ~4w ~14w ~12w ~12w ~12w"
      IO.puts(:io_lib.format(format, [what, callers, c, ct, b, bt]))
    end
  end
end

TlsBench.run()
