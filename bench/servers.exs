defmodule Servers do
  @moduledoc """
  The competitors, each as `%{node: NODE, port: PORT, pid: OS_PID}` and more, and the load on them.
  """

  alias Grove.Counter.GCounter

  @folder "build/bench/run"

  @doc "A coppice; settings as in its configuration, with `replicas: [name: map]`."
  def coppice(name, settings) do
    folder = folder(name)
    settings = Keyword.put_new(settings, :node, :"#{name}@127.0.0.1")
    File.write!("#{folder}/config", Coppice.config_text(settings))
    coppice_again(name)
  end

  @doc "The same once more, after `Coppice.kill/1`."
  def coppice_again(name) do
    c = Coppice.launch_file("#{@folder}/#{name}/config", "#{@folder}/#{name}/log")
    Map.put(c, :pid, c.os_pid)
  end

  @doc "An empty folder for the files of a server."
  def folder(name) do
    File.rm_rf!("#{@folder}/#{name}")
    File.mkdir_p!("#{@folder}/#{name}")
    "#{@folder}/#{name}"
  end

  @doc "Replicas views_1 and so on, all like this one."
  def replicas(count, like \\ fn _ -> %{crdt: :gcounter} end) do
    for i <- 1..count, do: {:"views_#{i}", like.(i)}
  end

  @doc """
  A BEAM with Grove counters: `views`, or as many as told.  Its schedulers do not wait busily,
  unless told so: that would be counted as work.
  """
  def beam(opts \\ []) do
    busy = if opts[:busy], do: [], else: ~w(+sbwt none +sbwtdcpu none +sbwtdio none)
    beam = Beam.start(grove: true, args: busy ++ ["+P", "262144"])

    names =
      if opts[:replicas], do: for(i <- 1..opts[:replicas], do: :"views_#{i}"), else: [:views]

    for name <- names, do: Beam.replica(beam, name: name, actor: "b", group: "#{name}")
    [name, _] = String.split("#{beam.node}", "@")
    {:port, port, _} = :erl_epmd.port_please(String.to_charlist(name), {127, 0, 0, 1})
    Map.merge(beam, %{port: port, pid: beam.os_pid})
  end

  def stop(%Coppice{} = c), do: 0 = Coppice.stop(Map.delete(c, :pid))
  def stop(%{peer: peer}), do: :peer.stop(peer)

  @doc "Runs `fun` with a server that prints its port: the epoll echo, or the node on `ei`."
  def with_program(program, args, fun) do
    path = Path.expand("build/bench/#{program}")
    port = Port.open({:spawn_executable, path}, [:binary, line: 20, args: args])
    {:os_pid, pid} = Port.info(port, :os_pid)
    number = receive(do: ({^port, {:data, {:eol, number}}} -> number))

    try do
      fun.(%{node: "#{List.first(args)}@127.0.0.1", port: number, pid: pid})
    after
      # A node on `ei` ends with its connection.
      if Port.info(port), do: TestCase.signal(pid, "TERM")
      close(port)
    end
  end

  @doc "Closes a port, unless the end of its program has."
  def close(port) do
    Port.close(port)
  rescue
    ArgumentError -> true
  end

  @doc """
  What bench/load/load.c measures: calls per second (`rate`), per second of the server's processor
  time (`per_cpu`), percentiles and the longest call in microseconds, and so on.  Options as
  there.
  """
  def load(work, server, opts \\ []) do
    opts = Keyword.put_new(opts, :ms, Bench.ms())
    args = ["#{work}", "#{server.node}", "#{server.port}", "#{server.pid}"]
    args = args ++ for {key, value} <- opts, do: "#{key}=#{value}"
    {line, 0} = System.cmd(Path.expand("build/bench/load"), args)
    numbers = for word <- String.split(line), do: elem(Float.parse(word), 0)
    [calls, s, cpu, p50, p99, longest, bytes] = numbers

    %{rate: calls / s, per_cpu: calls / cpu, us_of_cpu: 1.0e6 * cpu / calls}
    |> Map.merge(%{p50: p50, p99: p99, longest: longest, ms: 1000 * s, bytes: round(bytes)})
  end

  def echo(opts), do: with_program("echo", [], &load(:echo, &1, opts))

  def ei(work, opts) do
    name = TestCase.fresh("ei")
    with_program("ei_node", [name, "#{name}@127.0.0.1"], &load(work, &1, opts))
  end

  @doc "Calls of `round` per second by `callers` processes; `round` says which caller it is for."
  def rate(callers, round) do
    parent = self()
    deadline = now() + Bench.ms()
    start = now()

    for i <- 1..callers do
      spawn_link(fn -> send(parent, {:made, made(round, i, deadline, 0)}) end)
    end

    total = Enum.sum(for _ <- 1..callers, do: receive(do: ({:made, n} -> n)))
    {total, total * 1000 / (now() - start)}
  end

  defp made(round, caller, deadline, n) do
    round.(caller)
    if now() < deadline, do: made(round, caller, deadline, n + 1), else: n + 1
  end

  defp now, do: System.monotonic_time(:millisecond)

  def memory_kb(server, field \\ "VmRSS") do
    [_, kb] = Regex.run(~r/#{field}:\s+(\d+)/, File.read!("/proc/#{server.pid}/status"))
    String.to_integer(kb)
  end

  @doc "Processor time of a process so far, in milliseconds, as /proc has it (to 10 ms)."
  def cpu_ms(server) do
    stat = File.read!("/proc/#{server.pid}/stat")
    fields = stat |> String.split(")") |> List.last() |> String.split()
    10 * (String.to_integer(Enum.at(fields, 11)) + String.to_integer(Enum.at(fields, 12)))
  end

  def increment, do: &GCounter.increment/1
end
