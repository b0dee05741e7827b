defmodule Soak do
  @moduledoc "Load, faults and samples for some minutes; then the checks."

  alias Soak.{Cluster, Faults, Ledger, Load, Report, Samples}

  # A dial is retried after at most 30 s; anti-entropy comes on top.
  @agreement_ms 180_000
  # The last connections of the load are closed soon, not at once.
  @closing_ms 60_000

  def run(minutes) do
    Ledger.open()
    cluster = Cluster.start(Path.expand("../log", :code.which(Soak) |> Path.dirname()))
    agree()
    samples = Samples.start(cluster.nodes.c1.os_pid, cluster.folder)
    load = Load.start()
    deadline = System.monotonic_time(:millisecond) + :timer.minutes(minutes)
    cluster = Faults.run(cluster, deadline)
    Load.stop(load)
    Report.say("the load has stopped")
    agree()
    Report.say("all replicas are equal")
    samples = Samples.stop(samples)
    Report.counts(cluster)
    Report.curve(samples)
    wrong = Cluster.violations() ++ Report.growth(samples) ++ left_open(cluster, hd(samples))
    Cluster.stop(cluster)
    if wrong != [], do: Report.fail(wrong)
    IO.puts("    ok  soak")
  end

  defp agree do
    TestCase.eventually(fn -> Cluster.differences() == [] end, @agreement_ms)
  rescue
    ExUnit.AssertionError -> Report.fail(Cluster.differences())
  end

  defp left_open(cluster, %{descriptors: before}) do
    now = fn -> Samples.take(cluster.nodes.c1.os_pid).descriptors end

    try do
      TestCase.eventually(fn -> now.() <= before end, @closing_ms)
      []
    rescue
      ExUnit.AssertionError -> ["c1 has #{now.()} descriptors; at first it had #{before}"]
    end
  end
end
