defmodule RunningTest do
  @moduledoc "Descriptors, signals and children, as shells and service managers have them."
  use TestCase

  alias Coppice.PortOwner

  # Starts a command with descriptor `$1` open on a pipe that is full, and that nobody reads.
  @full ~S"""
  exec 9<>"$0" && head -c 65536 /dev/zero >&9 || exit
  descriptor=$1 && shift && eval "exec \"\$@\" $descriptor>&9 9>&-"
  """

  defp fifo do
    path = Coppice.log_file(fresh("fifo"))
    File.rm!(path)
    {_, 0} = System.cmd("mkfifo", [path])
    path
  end

  defp full_pipe(fifo, descriptor), do: ["/bin/sh", "-c", @full, fifo, "#{descriptor}"]

  # Each leaves two long lines in the log: it is connected, and disconnected.
  defp strangers(c, count) do
    for _ <- 1..count do
      name = fresh("stranger") <> String.duplicate("_", 200)
      socket = Raw.handshake(c.port, "#{name}@127.0.0.1")
      Raw.write(socket, Raw.frame(:hello))
      assert Raw.closed?(socket)
      :gen_tcp.close(socket)
    end
  end

  defp answers?(c), do: match?({:ok, _}, GenServer.call({:coppice, c.node}, :replicas))

  # The descriptor of a process, as a path.
  defp descriptor(c, n), do: File.read_link!("/proc/#{c.os_pid}/fd/#{n}")

  describe "a log that nobody reads" do
    test "does not stop the node, and its lost lines are counted" do
      fifo = fifo()
      c = Coppice.start([], wrap: full_pipe(fifo, 2))
      strangers(c, 2500)
      assert answers?(c)
      {line, 0} = System.cmd("grep", ["-am1", "lines were lost", fifo])
      assert [_, count] = Regex.run(~r/ warning (\d+) log lines were lost/, line)
      assert String.to_integer(count) > 100
      assert Coppice.stop(c) == 0
    end

    test "does not keep SIGTERM from ending the node" do
      c = Coppice.start([], wrap: full_pipe(fifo(), 2))
      strangers(c, 2500)
      {took, status} = timed(fn -> Coppice.stop(c) end)
      assert status == 0
      assert took < 5_000 * slowdown()
    end

    test "nor does a closed one" do
      c = Coppice.start([], wrap: ["/bin/sh", "-c", ~S(exec "$0" "$@" 2>&-)])
      assert descriptor(c, 2) == "/dev/null"
      strangers(c, 500)
      assert answers?(c)
      assert Coppice.stop(c) == 0
    end

    test "nor one whose reader has ended" do
      script = ~S(cat "$0" >/dev/null & exec "$@" 2>"$0")
      c = Coppice.start([], wrap: ["/bin/sh", "-c", script, fifo()])
      [reader] = children(c)
      TestCase.signal(reader, "KILL")
      strangers(c, 50)
      assert answers?(c)
      assert Coppice.stop(c) == 0
    end
  end

  defp children(c) do
    {pids, _} = System.cmd("pgrep", ["-P", "#{c.os_pid}"])
    String.split(pids)
  end

  test "a standard output that nobody reads does not stop the node" do
    settings = [node: Coppice.name()]
    config = settings |> Coppice.config_text() |> Coppice.config_file()
    command = full_pipe(fifo(), 1) ++ Coppice.command(["run", "-c", config])
    {:ok, owner} = GenServer.start(PortOwner, {command, Coppice.env([]), Coppice.log_file("c")})
    on_exit(fn -> GenServer.stop(owner) end)
    c = %Coppice{node: settings[:node], owner: owner, os_pid: :sys.get_state(owner).os_pid}
    eventually(fn -> answers?(c) end)
    assert Coppice.stop(c) == 0
  end
end
