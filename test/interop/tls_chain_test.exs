defmodule TlsChainTest do
  @moduledoc "Certificates of an authority that is itself certified by another."
  use TestCase
  import Tls

  # root, one and two: what `two` issues has two certificates between it and the root.
  setup do
    root = Authority.start("root")
    one = Authority.below(root, "one")
    {:ok, root: root, one: one, two: Authority.below(one, "two")}
  end

  # Their certificates in one file, for cacertfile.
  defp bundle(authorities) do
    file = Authority.path(hd(authorities), "#{fresh("all")}.pem")
    File.write!(file, Enum.map(authorities, &File.read!(&1.certificate)))
    file
  end

  defp connects?(from, to), do: Beam.ping(from, to.node) == :pong

  test "are verified up to the root by both sides, whoever dials", %{root: root, two: two} do
    b = beam(both(root, Authority.issue(two, "b")))
    c = start(tls: tls(root, Authority.issue(two, "c")))
    assert connects?(b, c)
    d = start(tls: tls(root, Authority.issue(two, "d")), connect: [b.node, c.node])
    eventually(fn -> d.node in Beam.nodes(b) end)
    Coppice.logs(d, "connected to #{c.node}")
  end

  describe "depth is the number of certificates between" do
    test "in what a BEAM dials with", %{root: root, two: two} do
      b = beam(both(root, Authority.issue(two, "b")))
      assert connects?(b, start(tls: tls(root, Authority.issue(two, "c"), depth: 2)))
      c = start(tls: tls(root, Authority.issue(two, "d"), depth: 1))
      refute connects?(b, c)
      assert line(c, ~r/ is refused: /) =~ "(CN=b) has more certificates between itself and an"
    end

    test "in what a BEAM is dialled with", %{root: root, two: two} do
      b = beam(both(root, Authority.issue(two, "b")))
      own = Authority.issue(two, "c")
      c = start(tls: tls(root, own, depth: 2), connect: [b.node])
      eventually(fn -> c.node in Beam.nodes(b) end)
      d = start(tls: tls(root, own, depth: 1), connect: [b.node])
      line = line(d, "cannot connect to #{b.node}: ")
      assert line =~ "its certificate (CN=b) has more certificates between itself and an authority"
    end

    test "for a BEAM, too", %{root: root, two: two} do
      c = start(tls: tls(root, Authority.issue(two, "c")))
      assert connects?(beam(both(root, Authority.issue(two, "b"), depth: 2)), c)
      refute connects?(beam(both(root, Authority.issue(two, "d"), depth: 1)), c)
    end

    test "and may be none", %{root: root, one: one} do
      direct = beam(both(root, Authority.issue(root, "b"), depth: 0))
      c = start(tls: tls(root, Authority.issue(root, "c"), depth: 0))
      assert connects?(direct, c)
      assert not connects?(beam(both(root, Authority.issue(one, "d"))), c)
    end
  end

  test "without those between are refused, with their issuer", %{root: root, two: two} do
    c = start(tls: tls(root, Authority.issue(two, "c")))
    b = beam(both(root, Authority.issue(two, "b", alone: true)))
    refute connects?(b, c)
    line = line(c, ~r/ is refused: /)
    assert line =~ "its certificate (CN=b) has an issuer that this node does not trust: CN=two is"
  end

  test "with those between in cacertfile instead are shown with them", world do
    %{root: root, one: one, two: two} = world
    all = bundle([root, one, two])
    c = start(tls: tls(root, Authority.issue(two, "c", alone: true), cacertfile: all))
    b = beam(both(root, Authority.issue(root, "b")))
    assert connects?(b, c)
    other = beam(both(root, Authority.issue(two, "d", alone: true), cacertfile: all))
    assert connects?(other, start(tls: tls(root, Authority.issue(root, "e"))))
  end

  # As for a BEAM: of those that two BEAMs show each other, the root has to be known.
  test "are not trusted without the root", %{root: root, one: one} do
    own = fn name -> Authority.issue(one, name, alone: true) end
    [a, b] = for name <- ~w(a b), do: beam(both(one, own.(name)))
    refute connects?(a, b)
    c = start(tls: tls(one, own.("c")))
    assert not connects?(a, c)
    d = start(tls: tls(one, own.("d")), connect: [c.node])
    line = line(d, "cannot connect to #{c.node}: ")
    assert line =~ "the certificate above its own (CN=one) has an issuer that this node does not"
    assert line =~ "CN=root is not in cacertfile #{one.certificate}"
    e = start(tls: tls(root, own.("e"), cacertfile: bundle([root, one])))
    assert connects?(beam(both(root, Authority.issue(one, "f"))), e)
  end

  test "are revoked with the certificate of their authority", %{root: root, one: one, two: two} do
    lists = Authority.path(root, "lists.pem")
    Authority.revoke_authority(root, one)
    File.write!(lists, Enum.map([root, one, two], &File.read!(Authority.revocations(&1))))
    own = Authority.issue(root, "c")
    c = start(tls: tls(root, own, crlfile: lists))
    b = beam(both(root, Authority.issue(two, "b")))
    refute connects?(b, c)
    assert line(c, ~r/ is refused: /) =~ "the certificate above its own (CN=one) is revoked"
    assert connects?(b, start(tls: tls(root, own, crlfile: lists, crl_check: :peer)))
    # Also where its authority is in cacertfile itself.
    all = bundle([root, one, two])
    d = start(tls: tls(root, own, crlfile: lists, cacertfile: all))
    refute connects?(b, d)
    assert line(d, ~r/ is refused: /) =~ "the certificate above its own (CN=one) is revoked"
  end
end
