# Tells the story, or lets chaos have its time, and exits by what came of it.

alias Partitions.{Chaos, Halves, Network, World}

[what] = System.argv()
seed = String.to_integer(System.get_env("SEED") || "#{:rand.uniform(1_000_000)}")
minutes = String.to_integer(System.get_env("MINUTES", "1"))
:rand.seed(:exsss, {seed, 0, 0})

# A node that stopped answering must not stop the run.
limit = :timer.minutes(minutes + 5)
{:ok, _} = :timer.apply_after(limit, World, :give_up, ["it took more than #{limit} ms"])

folder = Path.expand("../log", :code.which(World) |> Path.dirname())
File.rm_rf!(folder)
File.mkdir_p!(folder)

case Network.weather() do
  :netem ->
    :ok

  :narrow ->
    IO.puts("  note  this kernel has no netem: links are made narrow, not late and lossy")

  :fair ->
    IO.puts("  note  this kernel has no netem: links are cut, but not late and lossy")
end

try do
  case what do
    "story" -> Halves.tell(folder)
    "chaos" -> Chaos.run(folder, seed, minutes)
  end
rescue
  error -> World.give_up(Exception.format(:error, error, __STACKTRACE__))
catch
  kind, reason -> World.give_up(Exception.format(kind, reason, __STACKTRACE__))
end

System.halt(0)
