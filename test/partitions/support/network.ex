defmodule Partitions.Network do
  @moduledoc """
  A network of namespaces.  This process' own is the router in the middle; each site is
  another, joined to it by a pair of veth, in which an epmd runs that keeps it alive.

  Links are cut in the router, by rules that drop what goes from one site to another: the
  sites notice nothing but silence, as with a real network, and each way is cut by itself.
  """

  defstruct [:number, :pid, :address]

  @doc "A new site; its number is unique in the run."
  def open(number) do
    place = %__MODULE__{number: number, pid: hold(), address: address(number, 2)}
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
  defp hold do
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

  @doc "What to put before a command, so that it runs at a site."
  def inside(place), do: [System.find_executable("nsenter"), "-t", "#{place.pid}", "-n"]

  @doc "From the cuts that there are, pairs of places from and to, to those that shall be."
  def cut(now, wanted) do
    lines =
      for({from, to} <- MapSet.difference(wanted, now), do: rule("add", from, to)) ++
        for {from, to} <- MapSet.difference(now, wanted), do: rule("del", from, to)

    # All at once, so that no packet finds a way meanwhile by a third one.
    {"", 0} = shell("printf '#{Enum.join(lines, "\\n")}\\n' | ip -batch -")
    wanted
  end

  defp rule(verb, from, to), do: "rule #{verb} from #{from.address} to #{to.address} blackhole"

  # Late by 60 ms, give or take 30, which also changes the order, and one in 20 lost; or
  # a queue of at most half a second, in front of which the rest is lost.
  @netem ~w(netem delay 60ms 30ms loss 5%)
  @narrow ~w(tbf rate 512kbit burst 4kb limit 32kb)

  @doc "What bad weather this kernel can make: `:netem`, `:narrow` links, or none at all: `:fair`."
  def weather do
    cond do
      qdisc?(@netem) -> :netem
      qdisc?(@narrow) -> :narrow
      true -> :fair
    end
  end

  defp qdisc?(args) do
    {_, status} = tc(~w(add dev lo root) ++ args)
    tc(~w(del dev lo root))
    status == 0
  end

  @doc "Spoils the link to a site, or makes it good again."
  def spoil(place) do
    args = if weather() == :netem, do: @netem, else: @narrow
    {_, 0} = tc(~w(add dev v#{place.number} root) ++ args)
  end

  def clear(place), do: {_, 0} = tc(~w(del dev v#{place.number} root))

  defp tc(args), do: System.cmd("tc", ["qdisc" | args], stderr_to_stdout: true)

  defp ip(args), do: {"", 0} = System.cmd("ip", args, stderr_to_stdout: true)

  defp ip_in(place, args) do
    [nsenter | inside] = inside(place)
    {"", 0} = System.cmd(nsenter, inside ++ ["ip" | args], stderr_to_stdout: true)
  end

  defp shell(line), do: System.cmd("/bin/sh", ["-c", line], stderr_to_stdout: true)
end
