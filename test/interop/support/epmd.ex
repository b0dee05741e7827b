defmodule Epmd do
  @moduledoc "Another epmd beside the suites' own, for tests in which it dies."

  @doc "Starts one on `port`, by default a free one, and returns the port."
  def start(port \\ free_port()) do
    System.cmd("epmd", ["-daemon", "-port", "#{port}", "-address", "127.0.0.1"])
    kill_at_end(port)
    TestCase.eventually(fn -> names(port) != :none end)
    port
  end

  @doc "Kills the epmd on that port, whoever started it, when the test ends."
  def kill_at_end(port), do: ExUnit.Callbacks.on_exit(fn -> kill(port) end)

  # Needs ERL_EPMD_RELAXED_COMMAND_CHECK in the environment, without which epmd
  # refuses to end while a node is registered.
  @doc "Kills it."
  def kill(port) do
    TestCase.eventually(fn ->
      System.cmd("epmd", ["-port", "#{port}", "-kill"], stderr_to_stdout: true)
      names(port) == :none
    end)
  end

  @doc "The names registered with it; `:none` if nothing listens."
  def names(port) do
    case :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false]) do
      {:ok, socket} -> ask_names(socket)
      {:error, _} -> :none
    end
  end

  defp ask_names(socket) do
    :gen_tcp.send(socket, <<1::16, ?n>>)
    text = read(socket, "")
    for [_, name] <- Regex.scan(~r/name (\S+) at/, text), do: name
  end

  defp read(socket, text) do
    case :gen_tcp.recv(socket, 0, 5_000) do
      {:ok, more} -> read(socket, text <> more)
      {:error, _} -> text
    end
  end

  @doc "Registers `node` with the suites' epmd on `port`, for as long as the caller lives."
  def register(node, port) do
    [name, _host] = String.split("#{node}", "@")
    about = <<?x, port::16, ?M, 0, 6::16, 5::16, byte_size(name)::16, name::binary, 0::16>>
    epmd = String.to_integer(System.fetch_env!("ERL_EPMD_PORT"))
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, epmd, [:binary, active: false])
    :ok = :gen_tcp.send(socket, [<<byte_size(about)::16>>, about])
    {:ok, <<answer, 0, _creation::binary>>} = :gen_tcp.recv(socket, 0, 5_000)
    true = answer in [?v, ?y]
  end

  @doc "A port that is free at the moment."
  def free_port do
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)
    :gen_tcp.close(socket)
    port
  end
end
