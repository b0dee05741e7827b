#!/usr/bin/env escript
%% Writes down what one pg scope hears, does and says while it talks to another.
%%
%%     escript record.escript FILE
%%
%% Two nodes of the running OTP hold a dialogue: this one, c1@127.0.0.1, whose
%% scope is traced, and b1@127.0.0.1.  The file is a row of records, each four
%% bytes of length and one term in external format:
%%
%%     {start, Scope, Node, ScopePid}
%%     {nodeup, Node, Version}         the other node, and its pg:version()
%%     {join, Group, Pid}              what the traced scope is asked
%%     {leave, Group, Pid}
%%     {exit, Pid}
%%     {received, Message}             what the other scope says to it
%%     {sent, To, Message}             and it to the other
%%     {view, [{Group, [Pid]}]}        its groups, after all that stands before
%%
%% otp25.trace, otp27.trace and otp29.trace were recorded so with OTP 25.2.3,
%% 27 and 29.1.2.  Needs a running epmd.

-define(SCOPE, grove).

main([File]) ->
    {ok, _} = net_kernel:start(['c1@127.0.0.1', longnames]),
    erlang:set_cookie(node(), record),
    {ok, Peer, There} = peer:start(#{name => b1, host => "127.0.0.1", longnames => true,
                                     connection => standard_io,
                                     args => ["-setcookie", "record"]}),
    Call = fun(M, F, A) -> peer:call(Peer, M, F, A) end,
    {ok, _} = Call(pg, start, [?SCOPE]),
    {ok, Scope} = pg:start(?SCOPE),
    Version = try Call(pg, version, []) catch error:undef -> 0 end,
    Main = self(),
    Writer = spawn_link(fun() -> write_loop(File, Version, Main) end),
    Writer ! {record, {start, ?SCOPE, node(), Scope}},
    erlang:trace(Scope, true, [send, 'receive', {tracer, Writer}]),
    dialogue(Call, There, fun() -> view(Scope, Writer, Call) end),
    Writer ! stop,
    receive {Writer, stopped} -> ok end,
    peer:stop(Peer).

dialogue(Call, There, View) ->
    [A1, A2] = [Call(erlang, spawn, [timer, sleep, [infinity]]) || _ <- [1, 2]],
    [B1, B2] = [spawn(fun() -> timer:sleep(infinity) end) || _ <- [1, 2]],
    Hits = {counter, <<"hits">>},
    [ok = Call(pg, join, [?SCOPE, G, P]) || {G, P} <- [{Hits, A1}, {<<"bin">>, A1}]],
    [ok = Call(pg, join, [?SCOPE, <<"bin">>, A2]) || _ <- [1, 2]],
    ok = pg:join(?SCOPE, Hits, B1),
    ok = pg:join(?SCOPE, "only here", B1),
    true = net_kernel:connect_node(There),
    View(),
    ok = Call(pg, join, [?SCOPE, #{1 => [2.5], true => 'å'}, [A1, A2, A1]]),
    View(),
    ok = Call(pg, leave, [?SCOPE, <<"bin">>, A2]),
    View(),
    ok = Call(pg, leave, [?SCOPE, <<"bin">>, [A2, A1]]),
    View(),
    %% Newest first is also key order here.
    ok = pg:join(?SCOPE, <<"last">>, B2),
    ok = pg:join(?SCOPE, [1, 1000], B2),
    ok = pg:join(?SCOPE, Hits, B2),
    View(),
    ok = pg:leave(?SCOPE, Hits, B1),
    View(),
    exit(B2, kill),
    View(),
    ok = Call(pg, join, [?SCOPE, 17, A1]),
    true = Call(erlang, exit, [A1, kill]),
    View().

%% Waits until both scopes know the same, and has it written down.
view(Scope, Writer, Call) -> view(Scope, Writer, Call, 200).

view(Scope, Writer, Call, Tries) when Tries > 0 ->
    timer:sleep(50),
    Mine = groups(fun erlang:apply/3),
    case groups(Call) of
        Mine ->
            Writer ! {flush, Scope},
            receive {Writer, flushed} -> ok end,
            Writer ! {record, {view, [{G, lists:usort(Ps)} || {G, Ps} <- Mine]}};
        _ ->
            view(Scope, Writer, Call, Tries - 1)
    end.

groups(Call) ->
    Known = [{G, lists:sort(Call(pg, get_members, [?SCOPE, G]))}
             || G <- lists:sort(Call(pg, which_groups, [?SCOPE]))],
    [{G, Ps} || {G, Ps} <- Known, Ps =/= []].

write_loop(Path, Version, Main) ->
    {ok, File} = file:open(Path, [write, raw, binary]),
    write_loop(File, Version, Main, ok).

write_loop(File, Version, Main, ok) ->
    receive
        {record, Record} ->
            write_loop(File, Version, Main, write(File, [Record]));
        {flush, Scope} ->
            Ref = erlang:trace_delivered(Scope),
            collect(File, Version, Scope, Ref),
            Main ! {self(), flushed},
            write_loop(File, Version, Main, ok);
        {trace, _, 'receive', Message} ->
            write_loop(File, Version, Main, write(File, heard(Message, Version)));
        {trace, _, send, Message, To} ->
            write_loop(File, Version, Main, write(File, said(Message, To)));
        stop ->
            ok = file:close(File),
            Main ! {self(), stopped}
    end.

collect(File, Version, Scope, Ref) ->
    receive
        {trace_delivered, Scope, Ref} -> ok;
        {trace, _, 'receive', Message} ->
            ok = write(File, heard(Message, Version)),
            collect(File, Version, Scope, Ref);
        {trace, _, send, Message, To} ->
            ok = write(File, said(Message, To)),
            collect(File, Version, Scope, Ref)
    end.

heard({nodeup, Node}, Version) -> [{nodeup, Node, Version}];
heard({'$gen_call', _, {join_local, Group, Pid}}, _) -> [{join, Group, Pid}];
heard({'$gen_call', _, {leave_local, Group, Pid}}, _) -> [{leave, Group, Pid}];
heard({'$gen_call', _, {update, Update}}, _) ->
    [{leave, Group, Pid} || {Group, _, Pids} <- Update, Pid <- Pids] ++
        [{join, Group, Pid} || {Group, Pids, _} <- Update, Pid <- Pids];
heard({Down, _, process, Pid, _}, _) when Down =:= 'DOWN'; element(1, Down) =:= 'DOWN' ->
    [{exit, Pid}];
heard({system, _, _}, _) -> [];
heard(Message, _) -> [{received, Message}].

said(Message, {_, Node} = To) when Node =/= node() -> [{sent, To, Message}];
said(Message, To) when is_pid(To), node(To) =/= node() -> [{sent, To, Message}];
said(_, _) -> [].

write(File, Records) ->
    file:write(File, [[<<(byte_size(B)):32>>, B] || R <- Records, B <- [term_to_binary(R)]]).
