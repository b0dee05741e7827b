# Records the messages of Elixir callers of Grove.Replication.Server.  Run with
# Elixir 1.14 on OTP 25:
#
#     elixir --sname recorder test/vectors/replica/record.exs
#
# It writes two files beside itself, each one external term.  calls.etf is a
# list of {Label, Message}, as received by a process on another node.
# answers.etf has, in the same order, {Label, Answer}: the caller's rex's answer
# to applying the call's fun to %GCounter{actor: "c1", counts: %{"c1" => 3}}, or
# `none` for a call without a fun.

grove = Path.join(__DIR__, "../../interop/grove")

files =
  for name <- ~w(crdt mergeable viewable counter/g_counter counter/pn_counter batch
                 cluster/membership replication/server),
      do: Path.join(grove, name <> ".ex")

out = Path.join(System.tmp_dir!(), "coppice-record-#{System.pid()}")
File.mkdir_p!(out)

File.write!(Path.join(out, "caller.ex"), """
defmodule Caller do
  alias Grove.Counter.GCounter
  alias Grove.Replication.Server

  def calls(server, more) do
    [
      captured: fn -> Server.mutate(server, &GCounter.increment/1) end,
      closure: fn -> Server.mutate(server, &GCounter.increment(&1, 5)) end,
      variable: fn -> Server.mutate(server, &GCounter.increment(&1, more)) end,
      batch: fn ->
        Server.batch(server, fn c -> GCounter.increment(c, 2) |> GCounter.increment(3) end)
      end,
      raises: fn -> Server.batch(server, fn _ -> raise "oops" end) end,
      throws: fn -> Server.batch(server, fn _ -> throw(:ball) end) end,
      no_struct: fn -> Server.batch(server, fn c -> GCounter.value(c) end) end,
      other_type: fn -> Server.batch(server, fn _ -> Grove.Counter.PNCounter.new("c1") end) end,
      malformed: fn -> Server.batch(server, fn c -> %{c | counts: %{"c1" => -1}} end) end,
      undefined: fn -> Server.batch(server, &NoSuchModule.change/1) end,
      captured_value: fn -> Server.batch(server, &GCounter.value/1) end,
      value: fn -> Server.value(server) end,
      state: fn -> Server.state(server) end,
      sync_now: fn -> Server.sync_now(server) end,
      operation: fn -> GenServer.call(server, {:mutate, {:increment, [5]}}) end,
      operations: fn -> GenServer.call(server, {:mutate, [{:increment, [5]}, :increment]}) end
    ]
  end

  def call(server, more, label) do
    try do
      Keyword.fetch!(calls(server, more), label).()
    catch
      :exit, _ -> :ok
    end
  end
end
""")

{:ok, _, _} =
  Kernel.ParallelCompiler.compile_to_path(files ++ [Path.join(out, "caller.ex")], out)

Code.append_path(out)
paths = [String.to_charlist(out) | :code.get_path()]
{:ok, peer, other} = :peer.start(%{name: :caller, args: [~c"-pa" | paths]})
Process.register(self(), :recorder)
server = {:recorder, node()}
struct = %{struct(Grove.Counter.GCounter, actor: "c1") | counts: %{"c1" => 3}}

applied = fn
  {:"$gen_call", _, {_, fun}} when is_function(fun) ->
    :gen_server.call({:rex, other}, {:call, :erlang, :apply, [fun, [struct]], :user})

  _ ->
    :none
end

recorded =
  for {label, _} <- apply(Caller, :calls, [server, 7]) do
    :erpc.cast(other, Caller, :call, [server, 7, label])

    receive do
      message ->
        {:"$gen_call", from, _} = message
        answer = {label, applied.(message)}
        GenServer.reply(from, :ok)
        {{label, message}, answer}
    end
  end

{calls, answers} = Enum.unzip(recorded)
File.write!(Path.join(__DIR__, "calls.etf"), :erlang.term_to_binary(calls))
File.write!(Path.join(__DIR__, "answers.etf"), :erlang.term_to_binary(answers))
:peer.stop(peer)
File.rm_rf!(out)
IO.inspect(answers, limit: :infinity)
