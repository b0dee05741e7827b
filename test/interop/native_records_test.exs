defmodule NativeRecordsTest do
  @moduledoc """
  Native records, which only OTP 29 knows: terms like any other here, and never sent to a
  node that does not know them.  A release without them sends one by a socket of its own.
  """
  use TestCase

  # #m:r{a = 1}
  @record <<67, 1::32, 1, 119, 1, "m", 119, 1, "r", 119, 1, "a", 97, 1>>

  setup do
    c = Coppice.start(replicas: [set: counter(crdt: :gset), busy: counter()])
    {:ok, c: c, set: {:set, c.node}}
  end

  defp known?, do: :erlang.system_info(:otp_release) >= ~c"29"

  defp raw_call(c, name, request) do
    socket = Raw.handshake(c.port, "raw@127.0.0.1")
    Raw.call(socket, name, request, @record)
  end

  defp add(c, name \\ :set), do: raw_call(c, name, {:mutate, {:add, [:TERM]}})

  test "are kept and printed", %{c: c} do
    assert add(c) == :ok
    assert {0, text, ""} = Coppice.run(["value", c.node, "set"])
    assert text =~ "\#m:r{a = 1}"
  end

  test "are returned only to those who know them", %{c: c, set: set} do
    assert add(c) == :ok

    if known?() do
      assert [record] = Enum.to_list(value(set))
      assert :erlang.term_to_binary(record) == <<131>> <> @record
    else
      for request <- [:value, :state], do: assert(GenServer.call(set, request) == refusal())
      assert_raise ErlangError, fn -> :sys.get_state(set) end
    end

    # The connection is still the same.
    assert value({:busy, c.node}) == 0
    assert Node.list(:hidden) |> Enum.member?(c.node)
  end

  defp refusal, do: {:error, {:bad_term, :unknown_type}}

  test "reach coppices, and other members where they are known", %{c: c} do
    group = fresh("g")
    set = counter(crdt: :gset, group: group)
    two = Coppice.start(connect: [c.node], replicas: [set: set])
    {:ok, _} = Coppice.start_replica(c, :shared, set)
    beam = Beam.start(grove: :coppice_scope)
    there = Beam.replica(beam, crdt_module: GSet, actor: "b", group: group)
    :pong = Beam.ping(beam, c.node)
    :pong = Beam.ping(beam, two.node)
    assert add(c, :shared) == :ok
    :ok = Server.sync_now({:shared, c.node})
    print = fn -> Coppice.run(["value", two.node, "set"]) end
    eventually(fn -> elem(print.(), 1) =~ "\#m:r{a = 1}" end)

    if known?(),
      do: eventually(fn -> Beam.run(beam, fn -> MapSet.size(value(there)) == 1 end) end),
      else: Coppice.logs(c, ~r/not sent to .*: a native record/)

    assert two.node in Beam.nodes(beam) and c.node in Beam.nodes(beam)
  end

  test "are not a group", %{c: c} do
    map = %{crdt: :gset, group: :TERM}
    assert {:error, _} = reply = raw_call(c, :coppice, {:start_replica, :other, map})
    assert inspect(reply) =~ "native records"
  end
end
