defmodule Soak.Faults do
  @moduledoc "One fault each 10 to 30 seconds, and its end some seconds later."

  alias Soak.{Cluster, Ledger, Report}

  # c1 is cut off and reloaded as the others are, but never killed or stopped.
  @kinds [:kill_beam, :kill_coppice, :freeze, :cut, :disconnect, :reload]

  @doc "Makes faults of every kind, in a random order, until the deadline; then all have ended."
  def run(cluster, deadline, kinds \\ [])
  def run(cluster, deadline, []), do: run(cluster, deadline, Enum.shuffle(@kinds))

  def run(cluster, deadline, [kind | kinds]) do
    Process.sleep(Enum.random(8_000..20_000))

    if System.monotonic_time(:millisecond) > deadline,
      do: cluster,
      else: kind |> draw() |> fault(cluster) |> run(deadline, kinds)
  end

  defp draw(:kill_beam), do: {:kill, :b}
  defp draw(:kill_coppice), do: {:kill, Enum.random([:c2, :c3])}
  defp draw(:freeze), do: {:freeze, Enum.random([:b, :c2, :c3])}
  defp draw(:cut), do: {:cut, Enum.take_random(Cluster.coppices(), 2)}
  defp draw(:disconnect), do: {:disconnect, Enum.random(Cluster.coppices())}
  defp draw(:reload), do: :reload

  defp fault({:kill, id}, cluster) do
    note(:kills, "kill -9 #{id}")
    cluster = Cluster.kill(cluster, id)
    later()
    Cluster.start_node(cluster, id)
  end

  defp fault({:freeze, id}, cluster) do
    note(:freezes, "SIGSTOP #{id}")
    Cluster.signal(cluster, id, "STOP")
    later()
    Cluster.signal(cluster, id, "CONT")
    cluster
  end

  # One of them refuses the other.
  defp fault({:cut, [id, other]}, cluster) do
    note(:cuts, "#{id} refuses #{other}")
    cluster = Cluster.reload(cluster, id, refused: [other])
    later()
    Cluster.reload(cluster, id, refused: [])
  end

  defp fault({:disconnect, id}, cluster) do
    note(:disconnects, "disconnect b and this node from #{id}")
    Beam.disconnect(cluster.nodes.b, Cluster.node_of(id))
    Node.disconnect(Cluster.node_of(id))
    cluster
  end

  # One replica is stopped and its state forgotten, another is started again from its files.
  defp fault(:reload, cluster) do
    note(:reloads, "SIGHUP c1, with one replica less and another restarted")
    cluster = Cluster.reload(cluster, :c1, without: [:guest], sync_interval: 700)
    later()
    Cluster.reload(cluster, :c1, without: [], sync_interval: 500)
  end

  defp note(what, text) do
    Ledger.did(what)
    Report.say(text)
  end

  defp later, do: Process.sleep(Enum.random(1_000..8_000))
end
