# Runs the scenario or the chaos; exits with 0 if all checks pass, else 1.

alias Partitions.{Chaos, Scenario, Network, Cluster}

[what] = System.argv()
seed = String.to_integer(System.get_env("SEED") || "#{:rand.uniform(1_000_000)}")
minutes = String.to_integer(System.get_env("MINUTES", "1"))
:rand.seed(:exsss, {seed, 0, 0})

# A node that hangs must not hang the run.
limit = :timer.minutes(minutes + 5)
{:ok, _} = :timer.apply_after(limit, Cluster, :give_up, ["it took more than #{limit} ms"])

folder = Path.expand("../log", :code.which(Cluster) |> Path.dirname())
File.rm_rf!(folder)
File.mkdir_p!(folder)

case Network.impairment() do
  :netem ->
    :ok

  :narrow ->
    IO.puts("  note  this kernel has no netem: bandwidth is limited, without delay and loss")

  :none ->
    IO.puts("  note  this kernel has no netem: links are cut only, without delay and loss")
end

try do
  case what do
    "scenario" -> Scenario.run(folder)
    "chaos" -> Chaos.run(folder, seed, minutes)
  end
rescue
  error -> Cluster.give_up(Exception.format(:error, error, __STACKTRACE__))
catch
  kind, reason -> Cluster.give_up(Exception.format(kind, reason, __STACKTRACE__))
end

System.halt(0)
