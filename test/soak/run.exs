# Runs the soak for MINUTES; exits with 0 if all checks pass, else 1.

minutes = String.to_integer(System.get_env("MINUTES", "60"))
seed = String.to_integer(System.get_env("SEED") || "#{:rand.uniform(1_000_000)}")
:rand.seed(:exsss, {seed, 0, 0})
IO.puts("  soak: SEED=#{seed} MINUTES=#{minutes}")

# A node that hangs must not hang the run.
{:ok, _} = :timer.apply_after(:timer.minutes(minutes + 10), Soak.Report, :fail, [["it hangs"]])

# A BEAM that is killed ends its link.
Process.flag(:trap_exit, true)

try do
  Soak.run(minutes)
rescue
  error -> Soak.Report.fail([Exception.format(:error, error, __STACKTRACE__)])
catch
  kind, reason -> Soak.Report.fail([Exception.format(kind, reason, __STACKTRACE__)])
end

System.halt(0)
