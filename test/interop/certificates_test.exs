defmodule CertificatesTest do
  @moduledoc "Who may be connected by the names of its certificate (`allow_certificates`)."
  use TestCase
  import Tls

  # A certificate issued for `name` is for these: Authority.issue/3.
  defp refused(name) do
    "its certificate (DNS:127.0.0.1, DNS:#{name}.example.com) has no name that is among those " <>
      "of allow_certificates"
  end

  # All certificates are for 127.0.0.1, which is not compared with that list.
  defp guarded(ca, settings \\ []) do
    own = tls(ca, Authority.issue(ca, "c"))
    start([tls: own, allow_certificates: [~c"good.example.com"]] ++ settings)
  end

  defp beam_named(ca, name), do: beam(both(ca, Authority.issue(ca, name)))

  defp peer_named(ca, name, settings \\ []),
    do: start([tls: tls(ca, Authority.issue(ca, name))] ++ settings)

  defp not_allowed(beam, c) do
    {:ok, status} = Beam.call(beam, GenServer, :call, [{:coppice, c.node}, :status])
    status.not_allowed
  end

  test "a BEAM that dials shows one that is allowed, or is refused" do
    ca = Authority.start()
    c = guarded(ca)
    [good, bad] = for name <- ~w(good bad), do: beam_named(ca, name)
    assert Beam.ping(good, c.node) == :pong
    assert not_allowed(good, c) == 0
    assert Beam.ping(bad, c.node) == :pang
    assert line(c, "a stranger disconnected: ") == refused("bad")
    assert not_allowed(good, c) >= 1
    assert Beam.call(good, GenServer, :call, [{:r, c.node}, :value]) == {:ok, 0}
    assert c.node not in Beam.nodes(bad)
  end

  test "and so does a BEAM that is dialled" do
    ca = Authority.start()
    [good, bad] = for name <- ~w(good bad), do: beam_named(ca, name)
    c = guarded(ca, connect: [bad.node, good.node])
    eventually(fn -> c.node in Beam.nodes(good) end)
    assert line(c, "cannot connect to #{bad.node}: ") == refused("bad")
    assert not_allowed(good, c) >= 1
    assert c.node not in Beam.nodes(bad)
  end

  test "coppices do the same, and the one that is refused is told" do
    ca = Authority.start()
    c = guarded(ca)
    good = peer_named(ca, "good", connect: [c.node])
    Coppice.logs(good, "connected to #{c.node}")
    bad = peer_named(ca, "bad", connect: [c.node])
    assert line(bad, "cannot connect to #{c.node}: ") =~ "the peer refuses this node"
    assert line(c, "a stranger disconnected: ") == refused("bad")
    other = guarded(ca, connect: [bad.node, good.node])
    assert line(other, "cannot connect to #{bad.node}: ") == refused("bad")
    Coppice.logs(other, "connected to #{good.node}")
  end

  test "the CN counts where there is no subjectAltName, patterns count in both" do
    ca = Authority.start()
    own = tls(ca, Authority.issue(ca, "c"))
    c = start(tls: own, allow_certificates: [:"plain*", ~c"*.EXAMPLE.com"])
    names = [{"plain1", nil}, {"x", "DNS:a.b.example.COM"}]

    for {name, san} <- names do
      tls = tls(ca, Authority.issue(ca, name, san: san))
      Coppice.logs(start(tls: tls, connect: [c.node]), "connected to #{c.node}")
    end

    tls = tls(ca, Authority.issue(ca, "plain2", san: "IP:127.0.0.1"))
    start(tls: tls, connect: [c.node])
    assert line(c, "a stranger disconnected: ") =~ "its certificate (no DNS name) has no name"
  end

  test "commands are nodes like others, and compare nothing themselves" do
    ca = Authority.start()
    config = [tls: both(ca, Authority.issue(ca, "c")), allow_certificates: [~c"good.example.com"]]
    c = start(config)
    [good, bad] = for name <- ~w(good bad), do: both(ca, Authority.issue(ca, name))
    assert {0, "0\n", ""} = Coppice.run(["value", c.node, "r", "--tls", good])
    assert {_, errors} = Coppice.fail(["value", c.node, "r", "--tls", bad])
    assert errors =~ "refuses"
    peer = peer_named(ca, "p")
    file = Coppice.config_file(Coppice.config_text(config))
    assert {0, "0\n", ""} = Coppice.run(["value", peer.node, "r", "-c", file])
  end

  describe "SIGHUP" do
    # Has the coppice show the certificate that was issued for `name`.
    defp change(coppice, ca, own, name) do
      File.cp!(Authority.issue(ca, name)[:certfile], own[:certfile])
      File.cp!(Authority.path(ca, "#{name}.key"), own[:keyfile])
      Coppice.signal(coppice, "HUP")
      Coppice.logs(coppice, "SIGHUP: read again: TLS with certificate CN=#{name}")
    end

    test "has a peer's new certificate compared when it connects again" do
      ca = Authority.start()
      settings = [tls: tls(ca, Authority.issue(ca, "c")), node: Coppice.name()]
      settings = [allow_certificates: [~c"good.example.com"]] ++ settings
      c = start(settings)
      own = Authority.issue(ca, "good")
      peer = start(tls: tls(ca, own), connect: [c.node])
      Coppice.logs(peer, "connected to #{c.node}")
      change(peer, ca, own, "bad")
      refute Coppice.log(c) =~ "disconnected"
      Coppice.kill(c)
      c = start(settings)
      assert line(c, "a stranger disconnected: ") == refused("bad")
      change(peer, ca, own, "good")
      Coppice.logs(c, "connected to #{peer.node}")
    end

    test "does not take options with which nothing would be proved" do
      ca = Authority.start()
      own = Authority.issue(ca, "c")
      file = both(ca, own)
      c = start(tls: file, allow_certificates: ~c"good.example.com")
      File.cp!(Authority.option_file(ca, "careless", own, verify: :verify_none), file)
      Coppice.signal(c, "HUP")
      line = line(c, "SIGHUP: tls: #{file}: ")
      assert line =~ "verify: allow_certificates compares the names of nodes that are dialled"
      assert line =~ "; nothing is changed"
      assert Beam.ping(beam_named(ca, "bad"), c.node) == :pang
      assert Beam.ping(beam_named(ca, "good"), c.node) == :pong
    end
  end

  test "a configuration in which nothing would be proved is refused" do
    ca = Authority.start()
    own = Authority.issue(ca, "c")

    check = fn settings ->
      settings = [node: :c@localhost, allow_certificates: [~c"*"]] ++ settings
      config = Coppice.config_file(Coppice.config_text(settings))
      {78, why} = Coppice.fail(["config", "check", config])
      assert {78, ^why} = Coppice.fail(["run", "-c", config])
      why
    end

    assert check.([]) =~ "allow_certificates: there are no certificates without tls"
    assert check.(tls: careless(own)) =~ "verify: allow_certificates compares the names of nodes"
    # As OTP has it, a server does not verify unless it is told to.
    default = Map.delete(tls(ca, own), :verify)
    assert check.(tls: default) =~ "nodes that dial (server), and so needs verify => verify_peer"
    optional = tls(ca, own, fail_if_no_peer_cert: false)
    assert check.(tls: optional) =~ "so needs fail_if_no_peer_cert => true"
    server = [verify: :verify_none] ++ own
    file = Authority.option_file(ca, "half", server, Authority.trust(ca, own))
    assert check.(tls: file) =~ "tls: #{file}: verify: allow_certificates compares"
  end
end
