defmodule ForeignNode do
  @moduledoc """
  A node that is no BEAM: a program of its own, which is told what to do by lines on
  its standard input, and answers each with one line.

      connect NODE             ok, when it is connected
      ping NODE                pong or pang
      increment NODE SERVER N  the reply of a counter
      value NODE SERVER        what is in {ok, Value}
      calls NODE SERVER COUNT  ok COUNT, after as many increments in a row
      large NODE SERVER BYTES  same BYTES, if a register returns the binary that it was set to
      link NODE PID            ok; PID as term_to_binary/1 has it, in hexadecimal
      end NODE                 ok; the linked process of this node ends with the reason `finished`
      exit_reason              the reason of the exit signal that came over the link, or none
      lost NODE                how many connections to that node have ended
      strays                   how many messages came that nobody asked for, since the last time
                               that it was asked; 0, or more words

  What it cannot do it answers by `error` and the reason.  It serves a process
  `echo`, which answers a call with `{echo, Request}`.
  """
  use GenServer

  @enforce_keys [:owner, :node]
  defstruct [:owner, :node]

  @doc "Starts one, to which `command` is given its name and the cookie.  It ends with the caller."
  def start(command, name, log) do
    node = :"#{name}@127.0.0.1"
    arguments = command ++ ["#{node}", "#{Node.get_cookie()}"]
    {:ok, owner} = GenServer.start_link(__MODULE__, {arguments, log})
    "ready " <> _ = GenServer.call(owner, :ready, 20_000)
    %ForeignNode{owner: owner, node: node}
  end

  @doc "Its answer to a command of these words."
  def ask(foreign, words), do: GenServer.call(foreign.owner, {:ask, words}, 40_000)

  @doc "A pid as its command `link` takes it."
  def hex(pid), do: pid |> :erlang.term_to_binary() |> Base.encode16()

  @impl true
  def init({command, log}) do
    args = ["-c", ~S(exec setpriv --pdeathsig KILL "$@" 2>>"$0"), log | command]
    opts = [:binary, :exit_status, line: 4096, args: args]
    {:ok, %{port: Port.open({:spawn_executable, "/bin/sh"}, opts), lines: [], waiting: []}}
  end

  @impl true
  def handle_call(:ready, from, state), do: {:noreply, wait(state, from)}

  def handle_call({:ask, words}, from, state) do
    Port.command(state.port, Enum.map_join(words, " ", &to_string/1) <> "\n")
    {:noreply, wait(state, from)}
  end

  @impl true
  def handle_info({_port, {:data, {:eol, line}}}, state), do: {:noreply, line(state, line)}

  # A program that ends answers nothing more.
  def handle_info({_port, {:exit_status, status}}, state) do
    {:stop, {:the_program_ended, status}, state}
  end

  defp wait(%{lines: []} = state, from), do: %{state | waiting: state.waiting ++ [from]}

  defp wait(%{lines: [line | lines]} = state, from) do
    GenServer.reply(from, line)
    %{state | lines: lines}
  end

  defp line(%{waiting: []} = state, line), do: %{state | lines: state.lines ++ [line]}

  defp line(%{waiting: [from | waiting]} = state, line) do
    GenServer.reply(from, line)
    %{state | waiting: waiting}
  end
end
