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

  # Has a megabyte of log lines written, and more: each replica that is new has one.
  defp noise(c, config) do
    File.write!(config, for(n <- 1..5000, do: "{replica, #{long(n)}, \#{crdt => gcounter}}.\n"), [
      :append
    ])

    Coppice.signal(c, "HUP")
    eventually(fn -> replicas(c) == 5000 end)
  end

  defp long(n), do: "r#{String.duplicate("_", 200)}#{n}"
  defp replicas(c), do: length(elem(GenServer.call({:coppice, c.node}, :replicas), 1))

  defp start_unread do
    fifo = fifo()
    config = Coppice.config_file(Coppice.config_text(node: Coppice.name()))
    c = Coppice.launch_file(config, Coppice.log_file("c"), wrap: full_pipe(fifo, 2))
    on_exit(fn -> Coppice.finish(c) end)
    {c, config, fifo}
  end

  defp answers?(c), do: match?({:ok, _}, GenServer.call({:coppice, c.node}, :replicas))

  # The descriptor of a process, as a path.
  defp descriptor(c, n), do: File.read_link!("/proc/#{c.os_pid}/fd/#{n}")

  describe "a log that nobody reads" do
    test "does not stop the node, and its lost lines are counted" do
      {c, config, fifo} = start_unread()
      noise(c, config)
      {line, 0} = System.cmd("grep", ["-am1", "lines were lost", fifo])
      assert [_, count] = Regex.run(~r/ warning (\d+) log lines were lost/, line)
      assert String.to_integer(count) > 100
      assert Coppice.stop(c) == 0
    end

    test "does not keep SIGTERM from ending the node" do
      {c, config, _} = start_unread()
      noise(c, config)
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
      [reader] = children(c.os_pid)
      TestCase.signal(reader, "KILL")
      strangers(c, 50)
      assert answers?(c)
      assert Coppice.stop(c) == 0
    end
  end

  # The pids of the children of a process, by default all of them, or those in this state.
  defp children(os_pid, state \\ ".") do
    files = Path.wildcard("/proc/[0-9]*/stat")
    stats = for file <- files, {:ok, text} <- [File.read(file)], do: text
    ours = ~r/^(\d+) \(.*\) #{state} #{os_pid} /s
    for text <- stats, [_, pid] <- [Regex.run(ours, text)], do: pid
  end

  # As a service manager does whose watchdog has waited in vain.
  test "SIGABRT ends it, without a word about libraries" do
    c = Coppice.start()
    Coppice.signal(c, "ABRT")
    assert PortOwner.exit_status(c.owner) == 134
    refute Coppice.log(c) =~ "library"
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

  @nonblocking 0o4000

  defp nonblocking?(fdinfo) do
    [_, flags] = Regex.run(~r/flags:\s*(\d+)/, fdinfo)
    Bitwise.band(String.to_integer(flags, 8), @nonblocking) != 0
  end

  test "descriptors 0, 1 and 2 are not made non-blocking" do
    c = Coppice.start()

    for descriptor <- 0..2 do
      refute nonblocking?(File.read!("/proc/#{c.os_pid}/fdinfo/#{descriptor}"))
    end
  end

  describe "a terminal" do
    # What a shell finds after the command has ended in its terminal.
    @in_terminal ~S"""
    sh -c 'echo "pid $$"; exec "$@"' sh "$@"
    echo "status $?"
    grep flags /proc/$$/fdinfo/0
    """

    for {ending, status} <- [{"SIGTERM", 0}, {"SIGKILL", 137}, {"the end of input", 0}] do
      test "is as it was after #{ending}" do
        {owner, os_pid} = in_terminal(["--owned"])
        assert nonblocking?(flags_after(owner, os_pid, unquote(ending), unquote(status))) == false
      end
    end
  end

  test "a terminal that is closed ends the node: its SIGHUP is no request to read files" do
    {port, os_pid} = in_terminal([])
    {:os_pid, terminal} = Port.info(port, :os_pid)
    TestCase.signal(terminal, "KILL")
    eventually(fn -> not File.exists?("/proc/#{os_pid}") end)
  end

  # Runs a coppice in a terminal of its own: the port of the terminal, and the coppice's pid.
  defp in_terminal(arguments) do
    config = Coppice.config_file(Coppice.config_text(node: Coppice.name()))
    command = Coppice.command(["run", "-c", config | arguments])
    script = Coppice.config_file(@in_terminal)
    line = Enum.join(["exec", "sh", script | command], " ")
    port = Terminal.open(line, [], line: 4096)
    assert "pid " <> pid = line_of(port, "pid ")
    assert "ready " <> _ = line_of(port, "ready ")
    {port, pid}
  end

  defp flags_after(port, os_pid, ending, status) do
    case ending do
      "SIG" <> signal -> TestCase.signal(os_pid, signal)
      # Ctrl-D at the beginning of a line.
      "the end of input" -> Port.command(port, <<4>>)
    end

    assert line_of(port, "status ") == "status #{status}"
    line_of(port, "flags")
  end

  # The next line that begins like this.
  defp line_of(port, start) do
    assert_receive {^port, {:data, {:eol, line}}}, 10_000 * slowdown()
    line = String.trim_trailing(line)
    if String.starts_with?(line, start), do: line, else: line_of(port, start)
  end

  describe "--owned" do
    @usage 64

    test "without an owner is refused, and says why" do
      config = Coppice.config_file(Coppice.config_text(node: Coppice.name()))

      for input <- ["</dev/null", "<&-", "<#{config}"] do
        [program | args] = Coppice.command(["run", "-c", config, "--owned"])
        shell = ["-c", ~s(exec "$0" "$@" 2>&1 #{input}), program | args]
        {text, status} = System.cmd("/bin/sh", shell, env: Coppice.env([]))
        assert {status, input} == {@usage, input}
        assert text =~ "--owned"
        assert text =~ "standard input"
      end
    end

    test "says why it ends" do
      config = Coppice.config_file(Coppice.config_text(node: Coppice.name()))
      [program | args] = Coppice.command(["run", "-c", config, "--owned"])
      shell = ["-c", ~S(true | "$0" "$@" 2>&1), program | args]
      {text, status} = System.cmd("/bin/sh", shell, env: Coppice.env([]))
      assert status == 0
      assert text =~ "info standard input has ended"
    end
  end

  describe "signals" do
    for signal <- ["TERM", "INT"] do
      test "#{signal} ends it in an orderly way, and the log says so" do
        table = Table.path()
        c = Coppice.start(replicas: [views: counter(storage: %{file: table})])
        :ok = GenServer.call({:views, c.node}, {:mutate, :increment})
        Coppice.signal(c, unquote(signal))
        assert PortOwner.exit_status(c.owner) == 0
        Coppice.logs(c, "info SIG#{unquote(signal)}: saving")
        # Its state is in the table, not only in the journal.
        assert {0, about, _} = Coppice.run(["dets", "check", table])
        assert about =~ "objects => 1,"
      end
    end

    # It waits half a second for a reader of its log, when all else has ended.
    test "HUP changes nothing of the end" do
      {c, config, _} = start_unread()
      noise(c, config)
      Coppice.signal(c, "TERM")
      for _ <- 1..20, do: Coppice.signal(c, "HUP")
      assert PortOwner.exit_status(c.owner) == 0
    end

    test "HUP is ignored where nohup has it ignored" do
      c = Coppice.start([], wrap: ["nohup"])
      Coppice.signal(c, "HUP")
      assert answers?(c)
      assert Coppice.stop(c) == 0
    end

    test "USR1, USR2, PIPE and XFSZ are ignored" do
      c = Coppice.start()
      for signal <- ["USR1", "USR2", "PIPE", "XFSZ"], do: Coppice.signal(c, signal)
      assert answers?(c)
    end
  end

  describe "children" do
    test "left by the shell that became the coppice are reaped" do
      script = ~S(for i in 1 2 3; do sleep 0.$i & done; exec "$0" "$@")
      c = Coppice.start([], wrap: ["/bin/sh", "-c", script])
      eventually(fn -> children(c.os_pid) == [] end)
    end

    @pid_namespace Enum.find([~w(unshare -pf), ~w(unshare -rpf)], fn [command | args] ->
                     match?({_, 0}, System.cmd(command, args ++ ["true"], stderr_to_stdout: true))
                   end)
    @tag skip: @pid_namespace == nil && "no pid namespaces here"

    # Its own children are a child for each snapshot, and epmd, which becomes a daemon.
    test "of others are reaped by process 1, which still waits for its own" do
      port = Epmd.free_port()
      stored = counter(storage: %{file: Table.path()}, snapshot_interval: 100)
      settings = [epmd_port: port, replicas: [views: stored]]
      outside = Coppice.start(settings, wrap: @pid_namespace)
      Epmd.kill_at_end(port)
      [os_pid] = children(outside.os_pid)
      inside = %{outside | os_pid: os_pid}
      user = if "-rpf" in @pid_namespace, do: ["-U", "--preserve-credentials"], else: []
      enter = ["-t", os_pid, "-p" | user]

      for _ <- 1..5 do
        assert {0, "ok\n", _} =
                 Coppice.run(~w(mutate --epmd_port #{port} #{inside.node} views increment))

        script = "for i in 1 2 3 4 5 6 7 8; do (sleep 0.0$i &); done"
        {_, 0} = System.cmd("nsenter", enter ++ ["sh", "-c", script])
      end

      Epmd.kill(port)
      eventually(fn -> children(os_pid, "Z") == [] end)
      refute Coppice.log(inside) =~ "failed"
      Coppice.signal(inside, "TERM")
      assert PortOwner.exit_status(inside.owner) == 0
    end
  end

  test "the log begins with what runs where, and ends with the end" do
    c = Coppice.start()
    assert {0, version, _} = Coppice.run(["version"])
    assert Coppice.stop(c) == 0
    lines = c |> Coppice.log() |> String.split("\n", trim: true)
    [first, second | _] = for line <- lines, do: String.replace(line, ~r/^\S+ info /, "")
    assert first =~ ~r/^#{String.trim(version)}, process #{c.os_pid}, configuration \/.*\.log$/
    assert second == "listening on 127.0.0.1 port #{c.port}"
    assert [saving, ended] = Enum.take(lines, -2)
    assert saving =~ "info SIGTERM: saving"
    assert ended =~ ~r/ info ended$/
  end

  test "a node that is refused logs its exit code" do
    c = Coppice.start()
    file = Coppice.config_file(Coppice.config_text(node: c.node))
    assert {status, text} = Coppice.fail(["run", "-c", file])
    assert text =~ "info ended, exit code #{status}\n"
  end

  describe "the limit of open files" do
    defp limits(c) do
      text = File.read!("/proc/#{c.os_pid}/limits")
      [_, soft, hard] = Regex.run(~r/^Max open files\s+(\d+)\s+(\d+)/m, text)
      {String.to_integer(soft), String.to_integer(hard)}
    end

    defp limited(replicas, options) do
      file = Table.path()
      stored = &{fresh_atom("r"), counter(storage: %{file: "#{file}#{&1}"})}
      script = "ulimit #{options}; exec \"$0\" \"$@\""
      Coppice.start([replicas: Enum.map(1..replicas, stored)], wrap: ["/bin/sh", "-c", script])
    end

    test "is raised to the hard one" do
      {soft, hard} = limits(limited(1, "-Sn 64"))
      assert soft == min(hard, 2048 + 3 * 4096 + 64)
    end

    test "is in the log if the configuration needs more" do
      c = limited(20, "-n 80")
      Coppice.logs(c, ~r/warning the limit of open files is 80, .* may need 92:/)
      assert limits(c) == {80, 80}
    end

    test "is not in the log if it suffices" do
      refute Coppice.log(limited(10, "-n 80")) =~ "open files"
    end
  end
end
