defmodule TlsIPv6Test do
  @moduledoc "TLS over IPv6: BEAMs with `-proto_dist inet6_tls`."
  use TestCase

  # Like inet_tls_dist of OTP 25, some nodes look for the address among the DNS names.
  defp issue(ca, name), do: Authority.issue(ca, name, san: "DNS:::1,IP:::1")

  defp file(ca, name), do: Tls.both(ca, issue(ca, name))

  defp beam(ca, name, opts \\ []) do
    args = ["-proto_dist", "inet6_tls", "-ssl_dist_optfile", file(ca, name)]
    Beam.start([host: "::1", args: args, hidden: true] ++ opts)
  end

  defp coppice(ca, name, settings) do
    defaults = [node: :"#{fresh("c")}@::1", listen: %{port: 0}, tls: file(ca, name)]
    Coppice.start(Keyword.merge(defaults, settings))
  end

  test "BEAMs dial a coppice, are dialled, and commands reach both" do
    ca = Authority.start()
    b = beam(ca, "b")
    dialled = coppice(ca, "c", replicas: [r: counter()])
    assert Beam.ping(b, dialled.node) == :pong
    assert Beam.call(b, GenServer, :call, [{:r, dialled.node}, :value]) == {:ok, 0}
    dials = coppice(ca, "d", connect: [b.node])
    eventually(fn -> dials.node in Beam.nodes(b) end)
    x = file(ca, "x")
    for node <- [b.node, dialled.node], do: assert(ping(node, x) == {0, "pong\n", ""})
  end

  defp ping(node, file), do: Coppice.run(["ping", node, "--tls", file])

  test "a coppice that stands between BEAMs passes on what each of them changes" do
    ca = Authority.start()
    group = {:counter, fresh("g")}
    [one, two] = for name <- ~w(one two), do: beam(ca, name, grove: true)
    options = counter(group: group, sync_interval: 50, anti_entropy_interval: 100)
    c = coppice(ca, "c", replicas: [r: options], connect: [one.node])
    assert Beam.ping(two, c.node) == :pong
    eventually(fn -> c.node in Beam.nodes(one) end)

    [first, second] =
      for {beam, actor} <- [{one, "1"}, {two, "2"}] do
        Beam.replica(beam, actor: actor, group: group, sync_interval: 50)
      end

    change = &Beam.call(&1, Grove.Replication.Server, :mutate, [&2, fn x -> add(x, &3) end])
    assert change.(one, first, 3) == :ok
    assert change.(two, second, 4) == :ok
    value = &Beam.call(&1, GenServer, :call, [&2, :value])
    eventually(fn -> value.(one, first) == {:ok, 7} and value.(two, second) == {:ok, 7} end)
    assert value.(two, {:r, c.node}) == {:ok, 7}
    assert Beam.nodes(one) == [c.node] and Beam.nodes(two) == [c.node]
  end

  defp add(counter, n), do: Grove.Counter.GCounter.increment(counter, n)

  test "a certificate for another address is refused by either side" do
    ca = Authority.start()
    wrong = Tls.both(ca, Authority.issue(ca, "wrong", san: "DNS:::2,IP:::2"))
    args = ["-proto_dist", "inet6_tls", "-ssl_dist_optfile", wrong]
    b = Beam.start(host: "::1", args: args)
    c = coppice(ca, "c", connect: [b.node])
    assert Tls.line(c, "cannot connect to #{b.node}: ") =~ ", not ::1, the host of the node's name"
    d = coppice(ca, "d", tls: wrong)
    assert Tls.line(d, "warning TLS with certificate CN=wrong, ") =~ "it is not for ::1"
    assert Beam.ping(beam(ca, "e"), d.node) == :pang
  end
end
