defmodule Terminal do
  @moduledoc """
  A command in a terminal of its own, which script(1) makes.  Whatever shell the user of the
  suites has, it is run by `sh`.
  """

  @doc "Why there are no terminals here; false if there are."
  def missing, do: if(System.find_executable("script") == nil, do: "no script(1)", else: false)

  @doc "Runs one line of `sh` until it ends: what the terminal showed, and its status."
  def run(line, env \\ []), do: System.cmd("script", args(line), env: env(env))

  @doc "Starts one line of `sh`: the port of its terminal, which is hung up with the test."
  def open(line, env \\ [], opts \\ []) do
    env = for {key, value} <- env(env), do: {to_charlist(key), value && to_charlist(value)}
    opts = [:binary, :exit_status, args: args(line), env: env] ++ opts
    port = Port.open({:spawn_executable, System.find_executable("script")}, opts)
    {:os_pid, pid} = Port.info(port, :os_pid)
    kill = fn -> System.cmd("kill", ["-KILL", "#{pid}"], stderr_to_stdout: true) end
    ExUnit.Callbacks.on_exit(kill)
    port
  end

  @doc "What is printed next; fails if it ends, or prints no more after `text`."
  def next(port, text) do
    receive do
      {^port, {:data, data}} -> data
      {^port, {:exit_status, status}} -> ExUnit.Assertions.flunk("exit #{status}: #{text}")
    after
      20_000 * TestCase.slowdown() -> ExUnit.Assertions.flunk("no more than #{inspect(text)}")
    end
  end

  defp args(line), do: ["-qec", line, "/dev/null"]
  defp env(env), do: Coppice.env([]) ++ [{"SHELL", "/bin/sh"} | env]
end
