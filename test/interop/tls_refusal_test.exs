defmodule TlsRefusalTest do
  use TestCase
  import Tls

  # A coppice dials another that shows `own`: the line of the first one's log.
  defp refuses_server(ca, own, more \\ []) do
    bad = start(tls: careless(own))
    good = start(tls: tls(ca, Authority.issue(ca, "good"), more), connect: [bad.node])
    line(good, "cannot connect to #{bad.node}: ")
  end

  # The same the other way round, with the line of the one that dials, too.
  defp refuses_client(ca, own, more \\ []) do
    good = start(tls: tls(ca, Authority.issue(ca, "good"), more))
    bad = start(tls: careless(own), connect: [good.node])
    refused = line(good, ~r/a connection from 127.0.0.1 port \d+ is refused: /)
    {refused, line(bad, "cannot connect to #{good.node}: ")}
  end

  describe "the certificate of a node that is dialled" do
    test "has expired" do
      ca = Authority.start()
      own = Authority.issue(ca, "old", from: "20200101000000Z", until: "20210101000000Z")
      line = refuses_server(ca, own)
      assert line =~ "its certificate (CN=old) has expired: notAfter is Jan  1 00:00:00 2021 GMT"
    end

    test "is not valid yet" do
      ca = Authority.start()
      own = Authority.issue(ca, "new", from: "20480101000000Z", until: "20490101000000Z")
      assert refuses_server(ca, own) =~ "is not valid yet: notBefore is Jan  1 00:00:00 2048 GMT"
    end

    test "is self-signed" do
      ca = Authority.start()
      line = refuses_server(ca, Authority.issue(ca, "own", self_signed: true))
      assert line =~ "its certificate (CN=own) is self-signed: have it issued"
      assert line =~ ca.certificate
    end

    test "has an issuer that is not trusted" do
      ca = Authority.start()
      line = refuses_server(ca, Authority.issue(Authority.start("others"), "x"))
      assert line =~ "has an issuer that this node does not trust: CN=others is not in cacertfile"
    end

    test "is for another host" do
      ca = Authority.start()
      line = refuses_server(ca, Authority.issue(ca, "x", san: "DNS:a.example.com,DNS:*.0.0.1"))
      assert line =~ "its certificate (CN=x) is for another host"
      assert line =~ "subjectAltName DNS:a.example.com, DNS:*.0.0.1, not 127.0.0.1"
    end

    test "has the host as its CN, and another in subjectAltName" do
      ca = Authority.start()
      line = refuses_server(ca, Authority.issue(ca, "127.0.0.1", san: "IP:10.0.0.1"))
      assert line =~ "it has subjectAltName IP Address:10.0.0.1, not 127.0.0.1"
    end

    test "is for another purpose" do
      ca = Authority.start()
      line = refuses_server(ca, Authority.issue(ca, "x", usage: "clientAuth"))
      assert line =~ "is refused: unsuitable certificate purpose"
    end

    test "is revoked" do
      ca = Authority.start()
      own = Authority.issue(ca, "gone")
      Authority.revoke(ca, "gone")
      line = refuses_server(ca, own, crlfile: Authority.revocations(ca))
      assert line =~ "its certificate (CN=gone) is revoked: serial number 01"
    end

    test "is revoked by a list in a folder" do
      ca = Authority.start()
      own = Authority.issue(ca, "gone")
      Authority.revoke(ca, "gone")
      folder = Authority.revocation_folder(ca)
      cache = {:ssl_crl_hash_dir, {:internal, [dir: folder]}}
      line = refuses_server(ca, own, crl_cache: cache, crl_check: :peer)
      assert line =~ "its certificate (CN=gone) is revoked"
    end

    test "has no revocation list" do
      ca = Authority.start()
      others = Authority.start("others")
      own = Authority.issue(ca, "x")
      crl = [crlfile: Authority.revocations(others)]
      assert refuses_server(ca, own, crl) =~ "unable to get certificate CRL of its issuer CN=auth"
      bad = start(tls: careless(own))
      good = tls(ca, Authority.issue(ca, "g"), crl ++ [crl_check: :best_effort])
      start(tls: good, connect: [bad.node]) |> Coppice.logs("connected to #{bad.node}")
    end

    for {san, what} <- [{"IP:127.0.0.1", "its address"}, {nil, "its CN, without other names"}] do
      test "names #{what}" do
        ca = Authority.start()
        peer = start(tls: careless(Authority.issue(ca, "127.0.0.1", san: unquote(san))))
        c = start(tls: tls(ca, Authority.issue(ca, "c")), connect: [peer.node])
        Coppice.logs(c, "connected to #{peer.node}")
      end
    end
  end

  describe "the certificate of a node that dials" do
    test "is missing" do
      ca = Authority.start()
      file = Authority.option_file(ca, "bad", Authority.issue(ca, "bad"), verify: :verify_none)
      good = start(tls: tls(ca, Authority.issue(ca, "good")))
      bad = start(tls: file, connect: [good.node])
      refused = line(good, ~r/a connection from 127.0.0.1 port \d+ is refused: /)
      assert refused =~ "it has shown no certificate, and verify is verify_peer"
      assert line(bad, "cannot connect to #{good.node}: ") =~ "set certfile"
    end

    test "has an issuer that is not trusted" do
      {line, there} = refuses_client(Authority.start(), Authority.issue(Authority.start("x"), "x"))
      assert line =~ "CN=x is not in cacertfile"
      assert there =~ "the peer refuses this node's certificate (certfile): alert 48, unknown CA"
    end

    test "has expired" do
      ca = Authority.start()
      own = Authority.issue(ca, "old", from: "20200101000000Z", until: "20210101000000Z")
      {line, there} = refuses_client(ca, own)
      assert line =~ "its certificate (CN=old) has expired: notAfter is Jan  1 00:00:00 2021 GMT"
      assert there =~ "certificate expired"
    end

    test "is self-signed" do
      ca = Authority.start()
      {line, _} = refuses_client(ca, Authority.issue(ca, "own", self_signed: true))
      assert line =~ "its certificate (CN=own) is self-signed"
    end

    test "is revoked" do
      ca = Authority.start()
      own = Authority.issue(ca, "gone")
      Authority.revoke(ca, "gone")
      {line, there} = refuses_client(ca, own, crlfile: Authority.revocations(ca))
      assert line =~ "its certificate (CN=gone) is revoked"
      assert there =~ "certificate revoked"
    end
  end

  describe "refused by a coppice is a BEAM" do
    test "that dials without a certificate" do
      ca = Authority.start()
      c = start(tls: tls(ca, Authority.issue(ca, "c")))
      own = Authority.issue(ca, "b")
      b = beam(Authority.option_file(ca, "b", own, verify: :verify_none))
      assert Beam.ping(b, c.node) == :pang
      assert line(c, ~r/ is refused: /) =~ "it has shown no certificate"
    end

    test "with a certificate for another host" do
      ca = Authority.start()
      b = beam(both(ca, Authority.issue(ca, "b", san: "DNS:b.example.com")))
      c = start(tls: tls(ca, Authority.issue(ca, "c")), connect: [b.node])
      assert line(c, "cannot connect to #{b.node}: ") =~ "DNS:b.example.com, not 127.0.0.1"
    end

    test "without TLS, which says so at once" do
      ca = Authority.start()
      c = start(tls: tls(ca, Authority.issue(ca, "c")))
      b = Beam.start()
      assert Beam.ping(b, c.node) == :pang
      assert line(c, ~r/ is refused: /) =~ "it does not speak TLS"
    end

    test "without TLS, which is dialled" do
      ca = Authority.start()
      b = Beam.start(kernel: [net_setuptime: 1])
      c = start(tls: tls(ca, Authority.issue(ca, "c")), connect: [b.node])
      assert line(c, "cannot connect to #{b.node}: ") =~ "is it a node without TLS"
      file = both(ca, Authority.issue(ca, "x"))
      {69, "pang\n", why} = Coppice.run(["ping", b.node, "--tls", file])
      assert why =~ "is it a node without TLS"
    end

    test "with TLS, by a coppice without" do
      ca = Authority.start()
      b = beam(both(ca, Authority.issue(ca, "b")))
      c = start(connect: [b.node])
      assert line(c, "cannot connect to #{b.node}: ") =~ "it speaks TLS, and this node does not"
      assert Beam.ping(b, c.node) == :pang
      assert line(c, "a stranger disconnected: ") =~ "it speaks TLS, and this node does not"
    end
  end

  test "a coppice without TLS and one with it refuse each other" do
    ca = Authority.start()
    plain = start([])
    c = start(tls: tls(ca, Authority.issue(ca, "c")), connect: [plain.node])
    assert line(c, "cannot connect to #{plain.node}: ") =~ "is it a node without TLS"
    assert line(plain, "a stranger disconnected: ") =~ "it speaks TLS, and this node does not"
    other = start(connect: [c.node])
    assert line(c, ~r/ is refused: /) =~ "it does not speak TLS"
    assert line(other, "cannot connect to #{c.node}: ") =~ "it speaks TLS, and this node does not"
  end

  test "versions and ciphers that have nothing in common are told" do
    ca = Authority.start()
    own = Authority.issue(ca, "x")
    twelve = [versions: [:"tlsv1.2"]]
    old = start(tls: tls(ca, own, twelve ++ [ciphers: [~c"ECDHE-ECDSA-AES128-GCM-SHA256"]]))
    new = start(tls: tls(ca, own, versions: [:"tlsv1.3"]), connect: [old.node])
    assert line(old, ~r/ is refused: /) =~ "no TLS version in common"
    assert line(new, "cannot connect to #{old.node}: ") =~ "no TLS version in common"
    ciphers = [ciphers: ~c"ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384"]
    start(tls: tls(ca, own, twelve ++ ciphers), connect: [old.node])
    eventually(fn -> Coppice.log(old) =~ "no cipher in common" end)
  end

  describe "a configuration is refused" do
    setup do
      ca = Authority.start()
      %{ca: ca, own: Authority.issue(ca, "c")}
    end

    defp check(value) do
      config = Coppice.config_file(Coppice.config_text(node: :c@localhost, tls: value))
      {78, why} = Coppice.fail(["config", "check", config])
      assert {78, ^why} = Coppice.fail(["run", "-c", config])
      why
    end

    test "with an unknown option, a wrong value", %{own: own} do
      assert check(Map.new([bad: 1] ++ own)) =~ ":3:1: tls: option: expected one of certfile, "
      assert check(Map.new([verify: true] ++ own)) =~ "tls: verify: expected verify_none or verify"
      assert check(:yes) =~ "tls: tls: expected a map with certfile and others, or the path"
    end

    test "without a certificate, key or authority", %{ca: ca, own: own} do
      assert check(%{verify: :verify_none}) =~ "tls: certfile: missing, and needed by a node that"
      assert check(Map.new(own)) =~ "tls: cacertfile: missing, and needed to verify"
      assert check(careless(certfile: ~c"/no/where")) =~ "certfile: /no/where: No such file"
      assert check(careless(certfile: own[:certfile])) =~ "keyfile: #{own[:certfile]}: "
      key = Authority.issue(ca, "other")[:keyfile]
      assert check(careless(Keyword.put(own, :keyfile, key))) =~ "key values mismatch"
      assert check(careless([ciphers: ~c"NONE"] ++ own)) =~ "ciphers: OpenSSL knows none"
    end

    test "with files of authorities and of revocations that are none", %{ca: ca, own: own} do
      trusts = [cacertfile: ca.certificate] ++ own
      missing = "/no/where: No such file"
      assert check(Map.new([cacertfile: ~c"/no/where"] ++ own)) =~ "tls: cacertfile: #{missing}"
      assert check(Map.new([cacertfile: own[:keyfile]] ++ own)) =~ "cacertfile: #{own[:keyfile]}: "
      assert check(Map.new([crlfile: ~c"/no/where"] ++ trusts)) =~ "tls: crlfile: #{missing}"
      assert check(Map.new([crlfile: ca.certificate] ++ trusts)) =~ "crlfile: #{ca.certificate}: "
      assert check(Map.new([crl_check: true] ++ trusts)) =~ "set crlfile or crl_cache"
    end

    test "with a wrong option file", %{ca: ca, own: own} do
      file = Authority.option_file(ca, "wrong", own, verify_fun: {:erlang, :halt, 3})
      assert check(file) =~ "tls: #{file}: verify_fun: expected {fun inet_tls_dist:verify_client"
      File.write!(file, "[{server, [\n  {certfile, }]}].")
      assert check(file) =~ "tls: #{file}:2:14: "
      assert check(~c"/no/file") =~ "tls: /no/file: No such file"
    end

    test "with a password that does not fit", %{ca: ca, own: own} do
      Authority.lock(ca, "c.key", "c2.key", "secret")
      locked = Keyword.put(own, :keyfile, Authority.path(ca, "c2.key"))
      assert check(careless(locked)) =~ "keyfile: "
      refute check(careless([password: :secret] ++ locked)) =~ "secret"
      c = start(tls: careless([password: ~c"secret"] ++ locked))
      map = "\#{cacertfile => \"#{ca.certificate}\"}"
      assert {0, "pong\n", ""} = Coppice.run(["ping", c.node, "--tls", map])
    end
  end
end
