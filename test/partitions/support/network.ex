defmodule Partitions.Network do
  @moduledoc """
  A network of namespaces.  The namespace of this process is the router; each site is another
  one, connected to it by a veth pair, and kept alive by the epmd that runs in it.

  Links are cut in the router, by rules that drop packets from one site to another.  The sites
  notice only silence, as in a real network, and each direction is cut separately.
  """

  defstruct [:number, :pid, :address]

  @doc "Makes a new site; its number must be unique in the run."
  def open(number) do
    place = %__MODULE__{number: number, pid: namespace(), address: address(number, 2)}
    veth = "v#{number}"
    ip(~w(link add #{veth} type veth peer name eth0 netns #{place.pid}))
    ip(~w(addr add #{address(number, 1)}/30 dev #{veth}))
    ip(~w(link set #{veth} up))
    ip_in(place, ~w(addr add #{place.address}/30 dev eth0))
    ip_in(place, ~w(link set eth0 up))
    ip_in(place, ~w(route add default via #{address(number, 1)}))
    place
  end

  defp address(number, host), do: "10.77.#{number}.#{host}"

  # The namespace lives as long as its epmd.
  defp namespace do
    args = ["-n", "sh", "-c", "ip link set lo up && echo up && exec epmd 2>&-"]
    unshare = System.find_executable("unshare")
    port = Port.open({:spawn_executable, unshare}, [:binary, line: 80, args: args])
    {:os_pid, pid} = Port.info(port, :os_pid)

    receive do
      {^port, {:data, {:eol, "up"}}} -> pid
    after
      10_000 -> raise "a namespace could not be made"
    end
  end

  @doc "The command prefix that runs a command at a site."
  def inside(place), do: [System.find_executable("nsenter"), "-t", "#{place.pid}", "-n"]

  @doc "Changes the cuts, a set of pairs `{from, to}` of places, from `now` to `wanted`."
  def cut(now, wanted) do
    lines =
      for({from, to} <- MapSet.difference(wanted, now), do: rule("add", from, to)) ++
        for {from, to} <- MapSet.difference(now, wanted), do: rule("del", from, to)

    # All at once, so that nothing gets through a third site meanwhile.
    {"", 0} = shell("printf '#{Enum.join(lines, "\\n")}\\n' | ip -batch -")
    wanted
  end

  defp rule(verb, from, to), do: "rule #{verb} from #{from.address} to #{to.address} blackhole"

  # A delay of 60 ms +- 30, which also reorders, with 5% loss; or a limited rate with a queue of
  # half a second.
  @netem ~w(netem delay 60ms 30ms loss 5%)
  @narrow ~w(tbf rate 512kbit burst 4kb limit 32kb)

  @doc "How this kernel can degrade a link: `:netem`, `:narrow` (a limited rate) or `:none`."
  def impairment do
    cond do
      qdisc?(@netem) -> :netem
      qdisc?(@narrow) -> :narrow
      true -> :none
    end
  end

  defp qdisc?(args) do
    {_, status} = tc(~w(add dev lo root) ++ args)
    tc(~w(del dev lo root))
    status == 0
  end

  @doc "Degrades the link to a site; `restore/1` undoes it."
  def degrade(place) do
    args = if impairment() == :netem, do: @netem, else: @narrow
    {_, 0} = tc(~w(add dev v#{place.number} root) ++ args)
  end

  def restore(place), do: {_, 0} = tc(~w(del dev v#{place.number} root))

  defp tc(args), do: System.cmd("tc", ["qdisc" | args], stderr_to_stdout: true)

  defp ip(args), do: {"", 0} = System.cmd("ip", args, stderr_to_stdout: true)

  defp ip_in(place, args) do
    [nsenter | inside] = inside(place)
    {"", 0} = System.cmd(nsenter, inside ++ ["ip" | args], stderr_to_stdout: true)
  end

  defp shell(line), do: System.cmd("/bin/sh", ["-c", line], stderr_to_stdout: true)
end
