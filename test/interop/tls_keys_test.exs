defmodule TlsKeysTest do
  @moduledoc "New keys within a connection (TLS 1.3), taken by a BEAM every `key_update_at` bytes."
  use TestCase

  # How often the BEAM has taken new keys, for what it sends or for what it reads.
  @update {:tls_v1, :update_traffic_secret, 2}

  defp updates(beam) do
    {:call_count, count} = Beam.call(beam, :erlang, :trace_info, [@update, :call_count])
    count
  end

  for role <- [:dials, :is_dialled] do
    test "a BEAM that #{role} takes new keys all the time, and goes on" do
      ca = Authority.start()
      often = [versions: [:"tlsv1.3"], key_update_at: 100_000]
      b = Tls.beam(Tls.both(ca, Authority.issue(ca, "b"), often))
      Beam.call(b, :code, :ensure_loaded, [:tls_v1])
      1 = Beam.call(b, :erlang, :trace_pattern, [@update, true, [:call_count]])
      own = Tls.tls(ca, Authority.issue(ca, "c"))
      connect = if unquote(role) == :dials, do: [], else: [b.node]
      replicas = [big: counter(crdt: :gset)]
      c = Coppice.start(tls: own, connect: connect, replicas: replicas)
      if unquote(role) == :dials, do: assert(Beam.ping(b, c.node) == :pong)
      eventually(fn -> c.node in Beam.nodes(b) end)
      set = {:big, c.node}

      size =
        Beam.run(b, fn ->
          for i <- 1..20, do: :ok = GenServer.call(set, {:mutate, {:add, [text(i)]}})
          {:ok, value} = GenServer.call(set, :value)
          value |> Enum.map(&byte_size/1) |> Enum.sum()
        end)

      assert size == 20 * 200_000
      assert updates(b) > 10
      refute Coppice.log(c) =~ "disconnected"
    end
  end

  defp text(i), do: :binary.copy(<<i>>, 200_000)
end
