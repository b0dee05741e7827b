# Records the messages that a real BEAM sends to a process of another node, and the replies
# of its rex:
#
#     elixir --sname recorder test/vectors/otp/record.exs
#
# writes requests.etf and rex.etf beside this script.  Each is one external term, a list of
# {Name, Message}.  In requests.etf atoms have the old encoding (100), in rex.etf UTF-8 (119).
# The files here were recorded with Elixir 1.14 on OTP 25.

{:ok, peer, other} = :peer.start(%{name: :caller, args: [~c"-pa" | :code.get_path()]})
here = node()
Process.register(self(), :recorder)
pid = self()
name = {:recorder, here}

# Runs one request on the other node and returns the message it sends here.
record = fn {label, {m, f, a}} ->
  :erpc.cast(other, m, f, a)

  receive do
    message -> {label, message}
  after
    5000 -> raise "#{label}: no message"
  end
end

requests =
  [
    call_name: {GenServer, :call, [name, {:mutate, {:increment, [5]}}, 200]},
    call_pid: {GenServer, :call, [pid, :value, 200]},
    cast: {GenServer, :cast, [name, {:mutate, {:add, ["x"]}}]},
    info: {:erlang, :send, [name, {:grove_delta, %{}, pid}]},
    multi_call: {:gen_server, :multi_call, [[here], :recorder, :value, 200]},
    send_request: {:gen_server, :send_request, [name, :value]},
    labelled: {:gen_server, :send_request, [pid, :value, :label, :gen_server.reqids_new()]},
    statem: {:gen_statem, :call, [pid, :value, {:clean_timeout, 200}]},
    get_state: {:sys, :get_state, [name, 200]},
    get_status: {:sys, :get_status, [name, 200]},
    suspend: {:sys, :suspend, [name, 200]},
    resume: {:sys, :resume, [name, 200]},
    replace_state: {:sys, :replace_state, [name, &Function.identity/1, 200]},
    change_code: {:sys, :change_code, [name, :mod, :undefined, [], 200]},
    log_on: {:sys, :log, [name, true, 200]},
    log_get: {:sys, :log, [name, :get, 200]},
    log_print: {:sys, :log, [name, :print, 200]},
    trace_on: {:sys, :trace, [name, true, 200]},
    trace_off: {:sys, :trace, [name, false, 200]},
    log_to_file_off: {:sys, :log_to_file, [name, false, 200]},
    statistics_on: {:sys, :statistics, [name, true, 200]},
    statistics_get: {:sys, :statistics, [name, :get, 200]},
    no_debug: {:sys, :no_debug, [name, 200]},
    install: {:sys, :install, [name, {&Function.identity/1, []}, 200]},
    remove: {:sys, :remove, [name, &Function.identity/1, 200]},
    stop: {GenServer, :stop, [name, :normal, 200]},
    stop_shutdown: {GenServer, :stop, [pid, {:shutdown, "moved"}, 200]},
    ping: {:gen_server, :call, [name, {:is_auth, other}, 200]}
  ]
  |> Enum.map(record)

# A call has a plain reference only within one node and with an infinite timeout.
{caller, _} = spawn_monitor(fn -> GenServer.call(pid, :value, :infinity) end)

plain =
  receive do
    {:"$gen_call", {^caller, ref}, _} = message when is_reference(ref) -> {:plain, message}
  end

File.write!(Path.join(__DIR__, "requests.etf"), :erlang.term_to_binary(requests ++ [plain]))

rex = fn {label, {m, f, a}} ->
  {label, :gen_server.call({:rex, other}, {:call, m, f, a, :user})}
end

eval = fn text -> {Code, :eval_string, [text]} end

answers =
  [
    value: {Map, :put, [%{}, :a, 1]},
    looks_failed: {:erlang, :element, [1, {{:badrpc, :nodedown}}]},
    throws: {:erlang, :throw, [:ball]},
    exits: {:erlang, :exit, [:over]},
    exits_with_list: {:erlang, :exit, [{:over, [1, 2, 3]}]},
    key_error: {Map, :fetch!, [%{}, :a]},
    raises: eval.("raise \"no\""),
    argument_error: {String, :to_integer, ["x"]},
    error: {:erlang, :error, [:boom]},
    no_module: {:no_such_module, :f, [1]},
    no_function: {Enum, :no_such_function, []},
    no_module_deeper: eval.("[:no_such_module.f(1)]"),
    no_module_of_fun: {:erlang, :apply, [rex, [{1, {2, 3, 4}}]]},
    raising_fun: {:erlang, :apply, [&String.to_integer/1, ["x"]]},
    wrong_arity: {:erlang, :apply, [&String.to_integer/1, []]},
    no_list: {:erlang, :self, :no_list},
    killed: eval.("Process.exit(self(), :kill)")
  ]
  |> Enum.map(rex)

File.write!(
  Path.join(__DIR__, "rex.etf"),
  :erlang.term_to_binary(answers, minor_version: 2)
)

:peer.stop(peer)
IO.inspect(requests, limit: :infinity)
IO.inspect(plain)
IO.inspect(answers, limit: :infinity)
