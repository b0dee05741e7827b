#!/usr/bin/env escript
%% Records connections between a real node and a scripted peer, for the suites to replay.
%%
%%     cd test/vectors/dist && ./record.escript
%%
%% Starts an epmd and a node of its own, acts as the peer with a fixed challenge,
%% creation and cookie, and writes for each SCENARIO of scenarios.erl:
%%
%%     SCENARIO.in       the bytes that the node sent
%%     SCENARIO.out      the bytes that the peer sent
%%     SCENARIO.signals  the signals in those bytes, one a line, decoded by
%%                       binary_to_term and encoded by term_to_binary
%%
%% and the same for the handshakes below, without .signals for those that fail.
%% epmd_*.out and .in are one request and its answer.
-mode(compile).

-define(EPMD, 45369).
-define(NAME, "c1@127.0.0.1").
-define(NODE, "b@127.0.0.1").
-define(COOKIE, "secret").
-define(CREATION, 16#00C0FFEE).
-define(CHALLENGE, 16#01020304).
-define(FLAGS, 16#2C07CF4FBC).
-define(FLAGS_PLAIN, (16#407074FBC)). % no fragments, sender, exit payload, alias
-define(SELF_ID, 1).

main(_) ->
    os:putenv("ERL_EPMD_PORT", integer_to_list(?EPMD)),
    os:cmd("epmd -daemon"),
    {ok, scenarios} = compile:file("scenarios.erl", []),
    {ok, Listen} = gen_tcp:listen(0, [binary, {active, false}, {recbuf, 16384},
                                      {ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listen),
    Epmd = register_at_epmd(Port),
    Node = start_node(),
    NodePort = look_up("b", "epmd_found"),
    look_up("nobody", "epmd_nobody"),
    [run(Node, Listen, Scenario, ?FLAGS) ||
        Scenario <- ["calls", "monitors", "links", "stop", "spawns", "aliases", "traced", "large",
                     "ticks"]],
    put(plain, true),
    run(Node, Listen, "plain", ?FLAGS_PLAIN),
    erase(plain),
    dialled(NodePort),
    alive(NodePort),
    refused(NodePort),
    simultaneous(Node, Listen, NodePort),
    port_close(Node),
    gen_tcp:close(Epmd),
    timer:sleep(500),
    ok = file:delete("scenarios.beam"),
    io:format("~s", [os:cmd("epmd -kill")]).

%% --- epmd ------------------------------------------------------------------

ask_epmd(Request, File) ->
    {ok, S} = gen_tcp:connect({127, 0, 0, 1}, ?EPMD, [binary, {active, false}]),
    Bytes = <<(byte_size(Request)):16, Request/binary>>,
    ok = gen_tcp:send(S, Bytes),
    {ok, Answer} = gen_tcp:recv(S, 0),
    ok = file:write_file(File ++ ".out", Bytes),
    ok = file:write_file(File ++ ".in", Answer),
    {S, Answer}.

register_at_epmd(Port) ->
    {S, <<118, 0, _:32>>} =
        ask_epmd(<<120, Port:16, 72, 0, 6:16, 6:16, 2:16, "c1", 0:16>>, "epmd_registered"),
    S.

look_up(Name, File) ->
    {S, Answer} = ask_epmd(<<122, (list_to_binary(Name))/binary>>, File),
    gen_tcp:close(S),
    case Answer of
        <<119, 0, Port:16, _/binary>> -> Port;
        <<119, _>> -> none
    end.

%% --- the node ----------------------------------------------------------------

%% With small output buffers, so that large sends interleave.
start_node() ->
    Command = "erl -noshell -name " ++ ?NODE ++ " -setcookie " ++ ?COOKIE ++
        " +zdbbl 128 -kernel net_ticktime 4 inet_dist_connect_options [{sndbuf,16384}]"
        " -s scenarios serve",
    Port = open_port({spawn, Command}, [binary, {line, 1000}, stderr_to_stdout]),
    wait_for_node(50),
    Port.

wait_for_node(Tries) when Tries > 0 ->
    timer:sleep(100),
    case look_up("b", "epmd_found") of
        none -> wait_for_node(Tries - 1);
        _ -> ok
    end.

run(Node, Listen, Scenario, Flags) ->
    port_command(Node, Scenario ++ "\n"),
    C0 = accept(Listen, Flags),
    C = receive_all(C0),
    finish(C, Scenario),
    wait_for_result(Node, Scenario).

wait_for_result(Node, Scenario) ->
    receive
        {Node, {data, {eol, <<"done ", Reason/binary>>}}} ->
            io:format("~s: ~s~n", [Scenario, Reason]);
        {Node, {data, {_, Logged}}} ->
            io:format("    ~s~n", [Logged]),
            wait_for_result(Node, Scenario)
    end.

%% --- a connection: bytes in and out, newest first ------------------------------

-record(c, {socket, in = [], out = [], rest = <<>>, sequences = #{}, signals = [], watchers = []}).

out(C = #c{socket = S}, Bytes) ->
    ok = gen_tcp:send(S, Bytes),
    C#c{out = [Bytes | C#c.out]}.

out2(C, Bytes) -> out(C, <<(byte_size(Bytes)):16, Bytes/binary>>).

in(C = #c{socket = S}, N) ->
    {ok, Bytes} = gen_tcp:recv(S, N, 5000),
    {Bytes, C#c{in = [Bytes | C#c.in]}}.

in2(C0) ->
    {<<N:16>>, C1} = in(C0, 2),
    in(C1, N).

finish(C, Name) ->
    gen_tcp:close(C#c.socket),
    save(C, Name),
    ok = file:write_file(Name ++ ".signals", lists:reverse(C#c.signals)).

save(C, Name) ->
    ok = file:write_file(Name ++ ".in", lists:reverse(C#c.in)),
    ok = file:write_file(Name ++ ".out", lists:reverse(C#c.out)).

digest(Challenge) -> erlang:md5([?COOKIE, integer_to_list(Challenge)]).

accept(Listen, Flags) ->
    {ok, S} = gen_tcp:accept(Listen, 5000),
    {<<$N, _/binary>>, C1} = in2(#c{socket = S}),
    C2 = out2(C1, <<"sok">>),
    accepted(C2, Flags).

accepted(C2, Flags) ->
    C3 = out2(C2, <<$N, Flags:64, ?CHALLENGE:32, ?CREATION:32, (length(?NAME)):16, ?NAME>>),
    {<<$r, Challenge:32, Digest:16/binary>>, C4} = in2(C3),
    Digest = digest(?CHALLENGE),
    out2(C4, <<$a, (digest(Challenge))/binary>>).

dial(Port, Name) ->
    {ok, S} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    C = out2(#c{socket = S}, <<$N, ?FLAGS:64, ?CREATION:32, (length(Name)):16,
                               (list_to_binary(Name))/binary>>),
    in2(C).

challenged(C0) ->
    {<<$N, _:64, Challenge:32, _/binary>>, C1} = in2(C0),
    C2 = out2(C1, <<$r, ?CHALLENGE:32, (digest(Challenge))/binary>>),
    {<<$a, Digest:16/binary>>, C3} = in2(C2),
    Digest = digest(?CHALLENGE),
    C3.

%% --- handshakes --------------------------------------------------------------

dialled(Port) ->
    {<<"sok">>, C0} = dial(Port, ?NAME),
    C1 = challenged(C0),
    C2 = ping(C1),
    finish(C2, "dialled"),
    timer:sleep(100).

%% What net_adm:ping/1 sends, to the node's net_kernel.
ping(C) ->
    Self = pid(),
    Ref = binary_to_term(<<131, 90, 1:16, 119, 12, ?NAME, ?CREATION:32, 1:32>>),
    Call = {'$gen_call', {Self, Ref}, {is_auth, list_to_atom(?NAME)}},
    receive_one(frame_out(C, {6, Self, '', net_kernel}, [Call])).

alive(Port) ->
    {<<"sok">>, C0} = dial(Port, ?NAME),
    Older = challenged(C0),
    {<<"salive">>, C1} = dial(Port, ?NAME),
    C2 = out2(C1, <<"sfalse">>),
    {error, closed} = gen_tcp:recv(C2#c.socket, 0, 2000),
    save(C2, "alive_false"),
    {<<"salive">>, C3} = dial(Port, ?NAME),
    C4 = challenged(out2(C3, <<"strue">>)),
    finish(ping(C4), "alive_true"),
    gen_tcp:close(Older#c.socket),
    timer:sleep(100).

refused(Port) ->
    {ok, S} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    C0 = out2(#c{socket = S}, <<$N, 16:64, ?CREATION:32, (length(?NAME)):16, ?NAME>>),
    {<<"snot_allowed">>, C1} = in2(C0),
    save(C1, "not_allowed").

%% The node dials us, and we dial it before answering.  The attempt of the greater
%% name wins: c1's, so the node yields.
simultaneous(Node, Listen, Port) ->
    port_command(Node, "aliases\n"),
    {ok, Held} = gen_tcp:accept(Listen, 5000),
    {<<"sok_simultaneous">>, C0} = dial(Port, ?NAME),
    gen_tcp:close(Held),
    C1 = receive_all(challenged(C0)),
    finish(C1, "simultaneous"),
    wait_for_result(Node, "simultaneous").

%% --- signals -------------------------------------------------------------------

pid() -> binary_to_term(<<131, 88, 119, 12, ?NAME, ?SELF_ID:32, 0:32, ?CREATION:32>>).

%% Reads frames until the scenario is done.
receive_all(C0) ->
    case receive_frame(C0) of
        {done, C} -> C;
        {_, C} -> receive_all(C)
    end.

%% Reads frames until one signal has arrived.
receive_one(C0) ->
    case receive_frame(C0) of
        {none, C} -> receive_one(C);
        {_, C} -> C
    end.

receive_frame(C0) ->
    {<<N:32>>, C1} = in(C0, 4),
    case N of
        0 -> {none, C1};
        _ -> {Body, C2} = in(C1, N), body(Body, C2)
    end.

body(<<112, 131, Terms/binary>>, C) ->
    signal(Terms, 1, C);
body(<<131, 68, 0, Terms/binary>>, C) ->
    signal(Terms, 0, C);
body(<<131, 69, Id:64, N:64, 0, Terms/binary>>, C = #c{sequences = Q}) when N > 1 ->
    {none, C#c{sequences = Q#{Id => {N, Terms}}}};
body(<<131, 70, Id:64, N:64, More/binary>>, C = #c{sequences = Q}) ->
    #{Id := {Before, Terms}} = Q,
    Before = N + 1,
    case N of
        1 -> signal(<<Terms/binary, More/binary>>, 0, C#c{sequences = maps:remove(Id, Q)});
        _ -> {none, C#c{sequences = Q#{Id := {N, <<Terms/binary, More/binary>>}}}}
    end.

signal(Terms, Skip, C) ->
    {Control, Used} = binary_to_term(<<131, Terms/binary>>, [used]),
    Payload = case Terms of
                  <<_:(Used - 1)/binary>> -> <<>>;
                  <<_:(Used - 1)/binary, _:Skip/binary, P/binary>> -> P
              end,
    Line = line(Control, Payload),
    answer(Control, decoded(Payload), C#c{signals = [Line | C#c.signals]}).

decoded(<<>>) -> nothing;
decoded(Payload) -> binary_to_term(<<131, Payload/binary>>).

line(Control, Payload) ->
    {Kind, From, To, Ref, Reason, Id, Message} = meaning(Control, Payload),
    io_lib:format("~s from=~s to=~s ref=~s reason=~s id=~w payload=~w:~8.16.0b~n",
                  [Kind, hex(From), hex(To), hex(Ref), hex(Reason), Id,
                   byte_size(Message), erlang:crc32(Message)]).

%% Kind, from, to, ref, reason, id, payload.
meaning({1, F, T}, <<>>) -> {"LINK", F, T, none, none, 0, <<>>};
meaning({2, _, T}, P) -> {"SEND", none, T, none, none, 0, P};
meaning({3, F, T, R}, <<>>) -> {"EXIT", F, T, none, R, 0, <<>>};
meaning({4, F, T}, <<>>) -> {"UNLINK", F, T, none, none, 0, <<>>};
meaning({6, F, _, T}, P) -> {"REG_SEND", F, T, none, none, 0, P};
meaning({7, F, T}, <<>>) -> {"GROUP_LEADER", F, T, none, none, 0, <<>>};
meaning({8, F, T, R}, <<>>) -> {"EXIT2", F, T, none, R, 0, <<>>};
meaning({12, _, T, _}, P) -> {"SEND", none, T, none, none, 0, P};
meaning({13, F, T, _, R}, <<>>) -> {"EXIT", F, T, none, R, 0, <<>>};
meaning({16, F, _, T, _}, P) -> {"REG_SEND", F, T, none, none, 0, P};
meaning({18, F, T, _, R}, <<>>) -> {"EXIT2", F, T, none, R, 0, <<>>};
meaning({19, F, T, R}, <<>>) -> {"MONITOR", F, T, R, none, 0, <<>>};
meaning({20, F, T, R}, <<>>) -> {"DEMONITOR", F, T, R, none, 0, <<>>};
meaning({21, F, T, R, X}, <<>>) -> {"MONITOR_EXIT", F, T, R, X, 0, <<>>};
meaning({22, F, T}, P) -> {"SEND", F, T, none, none, 0, P};
meaning({23, F, T, _}, P) -> {"SEND", F, T, none, none, 0, P};
meaning({24, F, T}, P) -> {"EXIT", F, T, none, decoded(P), 0, <<>>};
meaning({25, F, T, _}, P) -> {"EXIT", F, T, none, decoded(P), 0, <<>>};
meaning({26, F, T}, P) -> {"EXIT2", F, T, none, decoded(P), 0, <<>>};
meaning({27, F, T, _}, P) -> {"EXIT2", F, T, none, decoded(P), 0, <<>>};
meaning({28, F, T, R}, P) -> {"MONITOR_EXIT", F, T, R, decoded(P), 0, <<>>};
meaning({31, R, T, Bits, F}, <<>>) -> {"SPAWN_REPLY", F, T, R, none, Bits, <<>>};
meaning({33, F, T}, P) -> {"ALIAS_SEND", F, T, none, none, 0, P};
meaning({34, F, T, _}, P) -> {"ALIAS_SEND", F, T, none, none, 0, P};
meaning({35, I, F, T}, <<>>) -> {"UNLINK_ID", F, T, none, none, I, <<>>};
meaning({36, I, F, T}, <<>>) -> {"UNLINK_ID_ACK", F, T, none, none, I, <<>>}.

hex(none) -> "";
hex(Term) ->
    case tail(Term) of
        Long when byte_size(Long) > 100 ->
            io_lib:format("~w:~8.16.0b", [byte_size(Long), erlang:crc32(Long)]);
        Bytes -> [io_lib:format("~2.16.0b", [B]) || <<B>> <= Bytes]
    end.

frame_out(C, Control, Payloads) ->
    Terms = [tail(T) || T <- [Control | Payloads]],
    Body = case get(plain) of
               true -> [112 | [[131, T] || T <- Terms]];
               _ -> [131, 68, 0 | Terms]
           end,
    out(C, iolist_to_binary([<<(iolist_size(Body)):32>>, Body])).

tail(Term) ->
    <<131, Bytes/binary>> = term_to_binary(Term, [{minor_version, 2}]),
    Bytes.

%% The peer's reaction to a signal.
answer({35, Id, From, To}, _, C) ->
    {unlink, frame_out(C, {36, Id, To, From}, [])};
answer({19, From, To, Ref}, _, C) ->
    {monitor, C#c{watchers = [{To, From, Ref} | C#c.watchers]}};
answer(_, {send, Control}, C) ->
    {send, frame_out(C, Control, [])};
answer(_, {send, Control, Payload}, C) ->
    {send, frame_out(C, Control, [Payload])};
answer(_, {pause, Ms}, C) ->
    timer:sleep(Ms),
    {pause, C};
answer(_, {'$gen_call', _, silence}, C) ->
    {silence, C};
answer(_, {'$gen_call', From, Request}, C) ->
    {call, reply(From, Request, C)};
answer(_, {system, From, {terminate, Reason}}, C) ->
    {stop, lists:foldl(fun({Watched, Watcher, Ref}, D) ->
                               frame_out(D, {28, Watched, Watcher, Ref}, [Reason])
                       end, reply(From, ok, C), C#c.watchers)};
answer(_, done, C) ->
    {done, C};
answer(_, _, C) ->
    {other, C}.

reply({_, [alias | Alias] = Tag}, Reply, C) ->
    frame_out(C, {33, pid(), Alias}, [{Tag, Reply}]);
reply({Pid, Tag}, Reply, C) ->
    frame_out(C, {2, '', Pid}, [{Tag, Reply}]).
