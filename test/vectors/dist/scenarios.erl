%% What a real node sends to a hidden peer, one function a scenario.  Runs on the
%% node that record.escript starts: reads the name of a scenario from standard
%% input, runs it, waits for the connection to close and reports the result.
-module(scenarios).
-compile(export_all).
-compile(nowarn_export_all).

-define(PEER, 'c1@127.0.0.1').
-define(SRV, {srv, ?PEER}).

serve() ->
    case io:get_line("") of
        eof ->
            halt();
        Line ->
            erlang:monitor_node(?PEER, true),
            {Pid, Ref} = spawn_monitor(?MODULE, list_to_existing_atom(string:trim(Line)), []),
            receive {'DOWN', Ref, process, Pid, Reason} -> Reason end,
            ?SRV ! done,
            receive {nodedown, ?PEER} -> ok end,
            io:format("done ~p~n", [Reason]),
            serve()
    end.

%% Pids and references of the recorder.
pid(Id) ->
    binary_to_term(<<131, 88, 119, 12, "c1@127.0.0.1", Id:32, 0:32, 16#00C0FFEE:32>>).

ref(Id) ->
    binary_to_term(<<131, 90, 3:16, 119, 12, "c1@127.0.0.1", 16#00C0FFEE:32, Id:32, 7:32, 9:32>>).

%% Makes the recorder send a control message.
send(Control) -> ?SRV ! {send, Control}.
send(Control, Payload) -> ?SRV ! {send, Control, Payload}.

%% Waits until the recorder has received everything sent so far.
settle() -> gen_server:call(?SRV, settle).

calls() ->
    hello = gen_server:call(?SRV, hello),
    {hello, 1} = gen_server:call(pid(1), {hello, 1}),
    ok = gen_server:cast(?SRV, {cast, by_name}),
    ok = gen_server:cast(pid(1), {cast, by_pid}),
    ?SRV ! {plain, 1.5, -0.0, "text", <<"binary">>, #{key => [value]}},
    pid(1) ! {plain, 1 bsl 80, fun lists:map/2},
    {'EXIT', {timeout, _}} = (catch gen_server:call(?SRV, silence, 50)),
    abcast = gen_server:abcast([?PEER], srv, abcast),
    {[{?PEER, multi}], []} = gen_server:multi_call([?PEER], srv, multi).

monitors() ->
    ByName = monitor(process, ?SRV),
    ByPid = monitor(process, pid(1)),
    true = demonitor(ByName),
    true = demonitor(ByPid, [flush]),
    settle(),
    exits(fun() -> receive stop -> ok end end, stop),
    exits(fun() -> receive stop -> exit({shutdown, [reason, 1, <<"x">>]}) end end, stop),
    exits(fun() -> receive stop -> exit(binary:copy(<<"long">>, 40000)) end end, stop),
    P = spawn(fun() -> receive after infinity -> ok end end),
    send({19, pid(1), P, ref(100)}),
    settle(),
    exit(P, kill),
    send({19, pid(1), nobody_here, ref(101)}),
    send({19, pid(1), P, ref(102)}),
    settle(),
    M = monitor(process, ?SRV),
    send({28, srv, self(), M}, went_away),
    receive {'DOWN', M, process, ?SRV, went_away} -> ok end,
    N = monitor(process, pid(1)),
    send({21, pid(1), self(), N, went_away}),
    receive {'DOWN', N, process, _, went_away} -> ok end.

%% Ends a named process that the recorder monitors by name and by pid.
exits(Fun, Message) ->
    P = spawn(Fun),
    register(watched, P),
    send({19, pid(1), watched, ref(1)}),
    send({19, pid(1), P, ref(2)}),
    send({19, pid(1), P, ref(3)}),
    send({20, pid(1), P, ref(3)}),
    settle(),
    P ! Message,
    M = monitor(process, P),
    receive {'DOWN', M, process, P, _} -> ok end,
    settle().

links() ->
    process_flag(trap_exit, true),
    link(pid(1)),
    unlink(pid(1)),
    settle(),
    link(pid(2)),
    send({24, pid(2), self()}, {bye, 2}),
    receive {'EXIT', _, {bye, 2}} -> ok end,
    link(pid(3)),
    send({3, pid(3), self(), bye}),
    receive {'EXIT', _, bye} -> ok end,
    exit(pid(1), kill),
    exit(pid(1), {reason, #{}}),
    P = spawn(fun() -> receive stop -> exit(stopped) end end),
    send({1, pid(1), P}),
    send({35, 77, pid(1), P}),
    send({1, pid(1), P}),
    settle(),
    P ! stop,
    send({1, pid(1), P}),
    settle(),
    Q = spawn(fun() -> link(pid(1)), exit({bad, "thing"}) end),
    M = monitor(process, Q),
    receive {'DOWN', M, process, Q, _} -> ok end,
    group_leader(self(), pid(1)),
    settle().

stop() ->
    ok = gen_server:stop(?SRV, normal, 1000).

spawns() ->
    send({29, ref(1), pid(1), self(), {erlang, exit, 1}, [monitor]}, [{answer, 42}]),
    send({29, ref(2), pid(1), self(), {lists, reverse, 1}, [link]}, [[1, 2]]),
    send({29, ref(3), pid(1), self(), {lists, reverse, 1}, [nonsense]}, [[1, 2]]),
    timer:sleep(100),
    settle().

aliases() ->
    ref(1) ! {to_alias, 1},
    ref(2) ! {ref(2), answer},
    A = alias(),
    send({33, pid(1), A}, by_alias),
    receive by_alias -> ok end,
    settle().

%% Sequential tracing adds a token to every message of this process.
traced() ->
    process_flag(trap_exit, true),
    seq_trace:set_token(label, 17),
    ?SRV ! to_name,
    pid(1) ! to_pid,
    ref(1) ! to_alias,
    exit(pid(1), reason),
    Q = spawn(fun() -> seq_trace:set_token(label, 18), link(pid(1)), exit({bad, "thing"}) end),
    seq_trace:set_token([]),
    M = monitor(process, Q),
    receive {'DOWN', M, process, Q, _} -> ok end,
    settle().

%% Two concurrent large messages to a peer that pauses reading.
large() ->
    settle(),
    ?SRV ! {pause, 300},
    Senders = [spawn_monitor(fun() -> ?SRV ! {large, N, body(N, 700000)} end) || N <- [1, 2]],
    [receive {'DOWN', M, process, P, _} -> ok end || {P, M} <- Senders],
    ?SRV ! {small, after_them},
    settle().

body(N, Size) -> << <<(I * N):32>> || I <- lists:seq(1, Size div 4) >>.

ticks() ->
    settle(),
    timer:sleep(3500).

%% For a peer that announced as few flags as it may.
plain() ->
    hello = gen_server:call(?SRV, hello),
    ok = gen_server:cast(pid(1), {cast, by_pid}),
    pid(1) ! {list, lists:seq(1, 300)},
    exit(pid(1), kill),
    link(pid(1)),
    unlink(pid(1)),
    exits(fun() -> receive stop -> exit({shutdown, x}) end end, stop),
    ?SRV ! {medium, body(3, 100000)},
    traced().
