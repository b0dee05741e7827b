defmodule MetricsTest do
  @moduledoc "The web server of `metrics`: what it counts, and whom it answers."
  use TestCase

  defp coppice(settings \\ [], replicas \\ [views: counter()]) do
    settings = Keyword.put_new(settings, :metrics, %{port: 0})
    Coppice.start([replicas: replicas] ++ settings)
  end

  defp status({status, _, _}), do: status
  defp of(replica), do: ~s(replica="#{replica}")
  defp with_peer(replica, peer), do: ~s(replica="#{replica}",peer="#{peer}")

  # A metric of one series; answers are reused for a while.
  defp metric(c, name, labels \\ ""), do: Web.metrics(c)["coppice_" <> name][labels]

  defp mutate(c, name, op), do: :ok = GenServer.call({name, c.node}, {:mutate, op})

  defp pair do
    group = %{crdt: :or_set, group: fresh("g"), sync_interval: 20, anti_entropy_interval: 100}
    scope = fresh_atom("scope")
    one = coppice([scope: scope], tags: group)
    two = coppice([scope: scope, connect: [one.node]], tags: group)
    {one, two}
  end

  describe "metrics" do
    test "are those of the node and its replicas" do
      c = coppice([], views: counter(), tags: counter(crdt: :or_set))
      for op <- [{:add, [1]}, {:add, [2]}, {:remove, [1]}], do: mutate(c, :tags, op)
      metrics = Web.metrics(c)
      assert metrics["coppice_node_info"] == %{~s(node="#{c.node}") => 1.0}
      assert metrics["coppice_epmd_registered"] == %{"" => 1.0}
      assert metrics["coppice_replicas"] == %{"" => 2.0}
      assert metrics["coppice_replica_elements"][of("tags")] == 1.0
      assert metrics["coppice_replica_tombstones"][of("tags")] == 1.0
      assert metrics["coppice_replica_actors"][of("tags")] == 1.0
      assert metrics["coppice_replica_mutations_total"][of("tags")] == 3.0
      assert metrics["coppice_replica_mutations_total"][of("views")] == 0.0
      assert metrics["coppice_memory_allocated_bytes"][""] >= 0
      assert metrics["process_resident_memory_bytes"][""] > 1_000_000
      now = System.os_time(:second)
      assert_in_delta metrics["process_start_time_seconds"][""], now, 600
    end

    test "tell of peers, deltas and syncs" do
      {one, two} = pair()
      eventually(fn -> metric(one, "replica_members", of("tags")) == 1.0 end)
      mutate(one, :tags, {:add, ["x"]})
      eventually(fn -> metric(two, "replica_deltas_received_total", of("tags")) >= 1.0 end)
      eventually(fn -> metric(one, "replica_deltas_sent_total", of("tags")) >= 1.0 end)
      peer = with_peer("tags", two.node)
      now = System.os_time(:second)

      eventually(fn ->
        assert_in_delta metric(one, "member_last_sync_timestamp_seconds", peer), now, 600
      end)

      eventually(fn -> metric(one, "replica_syncs_total", of("tags")) >= 1.0 end)
      eventually(fn -> metric(one, "member_differs", peer) == 0.0 end)
      assert metric(one, "member_behind", peer) == 0.0
      assert metric(one, "peer_queue_bytes", ~s(peer="#{two.node}")) >= 0
      assert metric(one, "peers") >= 1.0
      assert metric(two, "peers_missing") == 0.0
      Coppice.stop(one)
      eventually(fn -> metric(two, "peers_missing") == 1.0 end)
    end

    test "tell of a replica that differs" do
      group = %{crdt: :gset, group: fresh("g"), sync_interval: 20, anti_entropy_interval: 100}
      scope = fresh_atom("scope")
      name = Coppice.name()
      c = coppice([scope: scope, read_only: [name]], tags: group)
      other = coppice([node: name, scope: scope, connect: [c.node]], tags: group)
      mutate(other, :tags, {:add, ["not taken"]})
      eventually(fn -> metric(c, "member_differs", with_peer("tags", name)) == 1.0 end)
    end

    test "tell of journal and snapshots" do
      file = Coppice.log_file("metrics.dets")
      storage = %{storage: %{file: to_charlist(file)}, snapshot_interval: 100}
      c = coppice([], views: Map.merge(counter(), storage), memory: counter())
      mutate(c, :views, {:increment, [1]})
      eventually(fn -> metric(c, "replica_snapshot_seconds_count", of("views")) == 1.0 end)
      metrics = Web.metrics(c)
      assert metrics["coppice_replica_journal_append_seconds_count"][of("views")] == 1.0
      assert metrics["coppice_replica_journal_append_seconds_sum"][of("views")] >= 0
      assert metrics["coppice_replica_journal_bytes"][of("views")] > 0
      assert metrics["coppice_replica_storage_failing"] == %{of("views") => 0.0}
      now = System.os_time(:second)
      last = metrics["coppice_replica_snapshot_last_success_timestamp_seconds"]
      assert %{} = last
      assert_in_delta last[of("views")], now, 600
    end

    test "tell why something was refused" do
      c = coppice()
      send({:views, c.node}, {:grove_delta, %{GSet.new("x") | elements: MapSet.new([1])}, self()})
      labels = of("views") <> ~s(,reason="type")
      eventually(fn -> metric(c, "replica_refused_total", labels) == 1.0 end)
      beam = Beam.start(cookie: :another)
      assert Beam.ping(beam, c.node) == :pang
      refused = "connections_refused_total"
      eventually(fn -> metric(c, refused, ~s(reason="cookie")) == 1.0 end)
    end

    test "quote names" do
      name = :"a \"b\\c\n<script>"
      c = coppice([], [{name, counter()}])
      labels = of(~S(a \"b\\c\n<script>))
      assert metric(c, "replica_elements", labels) == 0.0
    end
  end

  describe "the server" do
    test "says whether the node is ready" do
      c = coppice()
      assert {200, %{"content-type" => "text/plain" <> _}, "ready\n"} = Web.get(c, "/health")
    end

    test "keeps a connection" do
      c = coppice()
      socket = Web.open(c)

      for _ <- 1..3 do
        :ok = :gen_tcp.send(socket, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        {:ok, "HTTP/1.1 200 " <> rest} = :gen_tcp.recv(socket, 0, 20_000)
        assert rest =~ "\r\n\r\nready\n"
      end
    end

    test "answers to addresses and its own names only" do
      c = coppice(metrics: %{port: 0, hosts: ['C1.Example.com']})
      asked = fn host -> status(Web.get(c, "/metrics", [{"Host", host}])) end

      for host <- ~w(localhost LOCALHOST:80 127.0.0.1 127.0.0.1:9568 [::1] [::1]:9568) ++
                    ~w(10.0.0.1 c1.example.com c1.EXAMPLE.com:9568),
          do: assert({host, asked.(host)} == {host, 200})

      for host <- ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "["] ++
                    ["c1.example.com.", "x:127.0.0.1", String.duplicate("a", 300)],
          do: assert({host, asked.(host)} == {host, 403})
    end

    test "takes GET and HEAD only" do
      c = coppice()
      ask = &Web.request(c, "#{&1} /health HTTP/1.1\r\nHost: localhost\r\n#{&2}\r\n")
      assert {200, _, ""} = ask.("HEAD", "Connection: close\r\n")

      for method <- ~w(POST PUT DELETE OPTIONS TRACE CONNECT PATCH X) do
        assert {405, %{"allow" => "GET, HEAD"}, _} = ask.(method, "Content-Length: 1000000\r\n")
      end

      assert status(Web.get(c, "/nothing")) == 404
      assert status(Web.get(c, "/metrics/")) == 404
      assert status(Web.get(c, "//metrics")) == 404
    end

    test "bounds headers" do
      c = coppice()
      large = String.duplicate("a", 10_000)
      assert status(Web.get(c, "/metrics", [{"Host", "localhost"}, {"X", large}])) == 431
      assert status(Web.get(c, "/" <> large)) in [414, 431]
      assert status(Web.get(c, "/health")) == 200
    end

    test "bounds connections, and goes on" do
      c = coppice()
      sockets = for _ <- 1..40, do: Web.open(c)
      for socket <- sockets, do: :gen_tcp.send(socket, "GET /health HT")
      # The node itself goes on meanwhile.
      assert value({:views, c.node}) == 0
      for socket <- sockets, do: :gen_tcp.close(socket)
      eventually(fn -> status(Web.get(c, "/health")) == 200 end)
    end

    test "ends connections that are silent" do
      c = coppice()
      socket = Web.open(c)
      :ok = :gen_tcp.send(socket, "GET /health HT")
      # After 5 seconds; where it never ended, this would take its own limit.
      assert {:error, :closed} = :gen_tcp.recv(socket, 0, 60_000)
    end

    test "is there only when asked for, and refuses a port in use" do
      c = coppice()
      refute Coppice.log(Coppice.start()) =~ "metrics at"
      metrics = %{port: Web.port(c)}
      config = Coppice.config_text(node: Coppice.name(), metrics: metrics)
      {71, error} = Coppice.fail(["run", "-c", Coppice.config_file(config)])
      assert error =~ "metrics: cannot listen on 127.0.0.1 port #{Web.port(c)}: address already"
      assert error =~ "; choose another port in metrics, or 0 for any free one\n"
    end

    test "warns where others may read" do
      c = coppice(metrics: %{port: 0, address: '0.0.0.0'})
      assert Coppice.logs(c, ~r"status page at http://0.0.0.0:\d+/.* no password")
    end
  end

  describe "the status page" do
    test "is HTML that loads and runs nothing but its own" do
      c = coppice()
      {200, headers, body} = Web.get(c, "/")
      assert headers["content-type"] == "text/html; charset=utf-8"
      policy = headers["content-security-policy"]
      [_, style] = Regex.run(~r"<style>(.*)</style>"s, body)
      [_, script] = Regex.run(~r"<script>(.*)</script>"s, body)

      for {kind, text} <- [style: style, script: script] do
        hash = Base.encode64(:crypto.hash(:sha256, text))
        assert policy =~ "#{kind}-src 'sha256-#{hash}';"
      end

      assert policy =~ "default-src 'none';" and policy =~ "frame-ancestors 'none'"
      refute policy =~ "unsafe"
      refute body =~ ~r"(src|href)=.(?!data:image/svg)"
      refute body =~ ~r"\s(style|on\w+)="
    end

    test "shows what peers have sent as text" do
      evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\"'&"
      c = coppice([], views: counter(crdt: :gset))
      mutate(c, :views, {:add, [evil]})
      mutate(c, :views, {:add, [String.to_atom(evil)]})
      {200, _, body} = Web.get(c, "/")
      assert body =~ "&#60;/script&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#60;img"
      refute body =~ "<img" or body =~ "<script>alert" or body =~ "\u202e"
    end

    test "hides values where others may read" do
      c = coppice([metrics: %{port: 0, address: '0.0.0.0'}], views: counter(crdt: :gset))
      mutate(c, :views, {:add, ["secret"]})
      {200, _, body} = Web.get(c, "/")
      assert body =~ ">views</bdi>"
      refute body =~ "secret"
    end
  end

  test "a wrong configuration is refused" do
    for {text, message} <- [
          {"9568", "metrics: expected a map such as \#{port => 9568}, found 9568"},
          {"\#{port => 70000}", "metrics: port: expected 0 to 65535, found 70000"},
          {"\#{address => \"here\"}", "metrics: address: expected an IP address"},
          {"\#{hosts => [\"a b\"]}", "metrics: hosts: expected a list of host names"},
          {"\#{values => 1}", "metrics: values: expected true or false"},
          {"\#{prot => 1}", "metrics: expected the keys port, address, hosts, values"}
        ] do
      config = Coppice.config_file("{node, 'c1@127.0.0.1'}. {metrics, #{text}}.")
      assert {78, error} = Coppice.fail(["config", "check", config])
      assert error =~ message
    end
  end
end
