defmodule Soak.Samples do
  @moduledoc "Memory, descriptors and threads of a process, each ten seconds."

  @every_ms 10_000

  @doc "Starts to take them of a process, also into a file in `folder`."
  def start(os_pid, folder) do
    file = File.open!(Path.join(folder, "samples.tsv"), [:write])
    began_s = System.monotonic_time(:second)
    spawn_link(fn -> collect(os_pid, file, began_s, []) end)
  end

  @doc "Stops, and returns the samples."
  def stop(collector) do
    send(collector, {:stop, self()})

    receive do
      {:samples, samples} -> samples
      {:EXIT, ^collector, reason} -> exit({:no_samples, reason})
    end
  end

  @doc "One sample; memory in kB."
  def take(os_pid) do
    status = File.read!("/proc/#{os_pid}/status")
    [resident, private] = for field <- ["VmRSS", "RssAnon"], do: number(status, field)
    {:ok, descriptors} = File.ls("/proc/#{os_pid}/fd")

    %{
      resident: resident,
      private: private,
      threads: number(status, "Threads"),
      descriptors: length(descriptors)
    }
  end

  defp number(status, field) do
    [_, digits] = Regex.run(~r/^#{field}:\s*(\d+)/m, status)
    String.to_integer(digits)
  end

  defp collect(os_pid, file, began_s, samples) do
    sample = Map.put(take(os_pid), :second, System.monotonic_time(:second) - began_s)
    fields = [:second, :resident, :private, :descriptors, :threads]
    IO.puts(file, Enum.map_join(fields, "\t", &sample[&1]))
    samples = [sample | samples]

    receive do
      {:stop, from} -> send(from, {:samples, Enum.reverse(samples)})
    after
      @every_ms -> collect(os_pid, file, began_s, samples)
    end
  end
end
