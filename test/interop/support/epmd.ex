defmodule Epmd do
  @moduledoc "An epmd beside the suites' own, for the stories in which it dies."

  @doc "Starts one, on `port` if given; answers `{port, os_pid}` once it listens."
  def start(port \\ free_port()) do
    epmd = System.find_executable("epmd")
    args = ["-port", "#{port}", "-address", "127.0.0.1"]
    handle = Port.open({:spawn_executable, epmd}, [:binary, args: args])
    {:os_pid, os_pid} = Port.info(handle, :os_pid)
    ExUnit.Callbacks.on_exit(fn -> kill({port, os_pid}) end)
    Story.eventually(fn -> names(port) != :none end)
    {port, os_pid}
  end

  def kill({port, os_pid}) do
    Story.signal(os_pid, "KILL")
    Story.eventually(fn -> names(port) == :none end)
  end

  @doc "What it lists, `:none` when nothing listens."
  def names(port) do
    case :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false]) do
      {:ok, socket} -> ask_names(socket)
      {:error, _} -> :none
    end
  end

  defp ask_names(socket) do
    :ok = :gen_tcp.send(socket, <<1::16, ?n>>)
    text = read(socket, "")
    for [_, name] <- Regex.scan(~r/name (\S+) at/, text), do: name
  end

  defp read(socket, text) do
    case :gen_tcp.recv(socket, 0, 5_000) do
      {:ok, more} -> read(socket, text <> more)
      {:error, _} -> text
    end
  end

  @doc "A port that was free a moment ago."
  def free_port do
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)
    :gen_tcp.close(socket)
    port
  end
end
