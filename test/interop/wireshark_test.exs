defmodule WiresharkTest do
  @moduledoc "Wireshark decodes every message of a conversation, in both directions."
  use TestCase

  # tshark for 0 seconds: capturing needs rights that not every user has.
  @may_capture "tshark -q -i lo -a duration:0 >/dev/null 2>&1"

  @moduletag skip:
               (cond do
                  System.find_executable("tshark") == nil ->
                    "tshark is not installed"

                  match?({_, 0}, System.cmd("/bin/sh", ["-c", @may_capture])) ->
                    false

                  true ->
                    "this user may not capture on the loopback interface"
                end)

  defp tshark(args), do: ["-c", ~S(exec tshark "$@" 2>/dev/null), "tshark" | args]

  # These fields of the captured packets that pass the filter, a list for each.
  defp shown(file, port, filter, fields) do
    decode = ["-r", file, "-d", "tcp.port==#{port},erldp", "-Y", filter, "-T", "fields"]
    args = tshark(decode ++ Enum.flat_map(fields, &["-e", &1]))
    # It fails while the file has only half a packet.
    {text, _status} = System.cmd("/bin/sh", args)
    for line <- String.split(text, "\n", trim: true), do: String.split(line, "\t")
  end

  # Captures what goes to and from the port while fun runs, and until its conversation is closed.
  defp capture(port, fun) do
    file = Coppice.log_file("capture")
    File.rm(file)
    args = tshark(["-q", "-i", "lo", "-f", "tcp port #{port}", "-w", file])
    capture = Port.open({:spawn_executable, "/bin/sh"}, args: args)
    {:os_pid, os_pid} = Port.info(capture, :os_pid)
    on_exit(fn -> TestCase.signal(os_pid, "INT") end)

    # Until a connection that says nothing is captured.
    eventually(fn ->
      Raw.connect(port) |> :gen_tcp.close()
      File.exists?(file) and shown(file, port, "tcp.flags.syn==1", ["tcp.stream"]) != []
    end)

    fun.()

    eventually(fn ->
      with [[stream] | _] <- shown(file, port, "tcp.len>0", ["tcp.stream"]) do
        shown(file, port, "tcp.stream==#{stream} && tcp.flags.fin==1", ["tcp.len"]) != []
      else
        _ -> false
      end
    end)

    file
  end

  # What each side has sent, by Wireshark's account: {the one that dialled, the other}.
  defp messages(file, port) do
    fields = ["tcp.srcport", "_ws.col.Protocol", "_ws.col.Info"]
    # What a busy machine sends again is not decoded again.
    packets = shown(file, port, "tcp.len>0 && !tcp.analysis.retransmission", fields)
    assert packets != []
    for [_, protocol, info] <- packets, do: assert({"ErlDP", info} == {protocol, info})
    assert shown(file, port, "_ws.malformed || _ws.expert.severity==error", ["frame.number"]) == []
    {ours, theirs} = Enum.split_with(packets, fn [from, _, _] -> from != "#{port}" end)
    {Enum.map(ours, &List.last/1), Enum.map(theirs, &List.last/1)}
  end

  defp port_of(beam) do
    [name, _host] = String.split("#{beam.node}", "@")
    {:port, port, _version} = :erl_epmd.port_please(String.to_charlist(name), {127, 0, 0, 1})
    port
  end

  defp talk(beam, c) do
    assert Beam.call(beam, GenServer, :call, [{:views, c.node}, :value]) == {:ok, 0}
    {:ok, pid} = Coppice.start_replica(c, fresh_atom("more"), counter())
    assert Beam.call(beam, GenServer, :stop, [pid]) == :ok
    assert Beam.disconnect(beam, c.node)
  end

  defp assert_decoded(file, port) do
    {dialled, accepted} = messages(file, port)
    assert ["SEND_NAME " <> _, "SEND_CHALLENGE_REPLY" | signals] = dialled

    assert ["SEND_STATUS ok", "SEND_CHALLENGE " <> _, "SEND_CHALLENGE_ACK" | answers] = accepted
    for sent <- [signals, answers], do: assert("REG_SEND" in sent or "MONITOR_P" in sent)
  end

  test "a BEAM dials a coppice" do
    c = Coppice.start(replicas: [views: counter()])
    beam = Beam.start()
    assert_decoded(capture(c.port, fn -> talk(beam, c) end), c.port)
  end

  test "a coppice dials a BEAM" do
    c = Coppice.start(replicas: [views: counter()])
    beam = Beam.start()
    port = port_of(beam)

    file =
      capture(port, fn ->
        assert GenServer.call({:coppice, c.node}, {:connect, beam.node}) == :ok
        eventually(fn -> c.node in Beam.nodes(beam) end)
        talk(beam, c)
      end)

    assert_decoded(file, port)
  end
end
