defmodule PeersTest do
  @moduledoc "Peers that are no BEAM are sent nothing that they have not announced."
  use TestCase

  # What erl_interface and JInterface announce: no names of monitored processes, no exit reasons
  # as payloads, no spawning.
  @ei 0x407074F9C
  # AtomVM's in addition: both monitor flags and spawning, but no fragments.
  @atomvm 0x407174FBC + 0x100101000

  defp peer_name, do: fresh("raw") <> "@127.0.0.1"

  for {kind, flags} <- [ei: @ei, atomvm: @atomvm] do
    test "#{kind}: the first message that it gets is the answer to its own call" do
      c = Coppice.start(replicas: [views: counter()])
      name = peer_name()
      socket = Raw.handshake(c.port, name, unquote(flags))
      call = {:"$gen_call", {Raw.pid(name), Raw.ref(name)}, :value}
      Raw.write(socket, Raw.frame({6, Raw.pid(name), :"", :views}, call))
      assert {{2, :"", to}, {ref, {:ok, 0}}} = Raw.receive_frame(socket)
      assert to == Raw.pid(name) and ref == Raw.ref(name)
      assert Coppice.status(c).peers[String.to_atom(name)].beam == false
    end
  end

  test "a call into one is sent without a monitor" do
    name = peer_name()
    listener = Raw.listen(name)

    peer =
      Task.async(fn ->
        socket = Raw.accept(listener, name, @ei)
        {control, {:"$gen_call", {pid, ref}, :hello}} = Raw.receive_frame(socket)
        Raw.write(socket, Raw.frame({2, :"", pid}, {ref, :world}))
        assert Raw.closed?(socket)
        control
      end)

    assert {0, "world\n", ""} = Coppice.run(["call", name, "server", "hello"])
    assert {6, _, :"", :server} = Task.await(peer, :infinity)
  end

  test "a call into one that does not answer ends in time" do
    name = peer_name()
    listener = Raw.listen(name)
    peer = Task.async(fn -> Raw.closed?(Raw.accept(listener, name, @ei)) end)
    {_status, text} = Coppice.fail(["call", "--timeout", 3000, name, "nobody", "hello"])
    assert text =~ "no answer in time"
    assert Task.await(peer, :infinity)
  end
end
