#!/usr/bin/env escript
%% Records what one pg scope receives, does and sends in a dialogue with another.
%%
%%     escript record.escript FILE
%%
%% The nodes run the OTP that runs this script: this one, c1@127.0.0.1, whose scope is traced,
%% and b1@127.0.0.1.  The file is a sequence of records, each a length of four bytes and a term
%% in external format:
%%
%%     {start, Scope, Node, ScopePid}
%%     {nodeup, Node, Version}         the other node, and its pg:version()
%%     {join, Group, Pid}              calls of the traced scope
%%     {leave, Group, Pid}
%%     {exit, Pid}                     a local member has ended
%%     {received, Message}             from the other scope
%%     {sent, To, Message}             to the other scope
%%     {view, [{Group, [Pid]}]}        its groups after all records before this one
%%
%% otp25.trace, otp27.trace and otp29.trace were recorded with OTP 25.2.3, 27 and 29.1.2.
%% Needs a running epmd.

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
    %% Joined in an order whose reverse is key order.
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

%% Waits until both scopes have the same members, and records them.
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
            write_loop(File, Version, Main, write(File, received(Message, Version)));
        {trace, _, send, Message, To} ->
            write_loop(File, Version, Main, write(File, sent(Message, To)));
        stop ->
            ok = file:close(File),
            Main ! {self(), stopped}
    end.

collect(File, Version, Scope, Ref) ->
    receive
        {trace_delivered, Scope, Ref} -> ok;
        {trace, _, 'receive', Message} ->
            ok = write(File, received(Message, Version)),
            collect(File, Version, Scope, Ref);
        {trace, _, send, Message, To} ->
            ok = write(File, sent(Message, To)),
            collect(File, Version, Scope, Ref)
    end.

received({nodeup, Node}, Version) -> [{nodeup, Node, Version}];
received({'$gen_call', _, {join_local, Group, Pid}}, _) -> [{join, Group, Pid}];
received({'$gen_call', _, {leave_local, Group, Pid}}, _) -> [{leave, Group, Pid}];
received({'$gen_call', _, {update, Update}}, _) ->
    [{leave, Group, Pid} || {Group, _, Pids} <- Update, Pid <- Pids] ++
        [{join, Group, Pid} || {Group, Pids, _} <- Update, Pid <- Pids];
received({Down, _, process, Pid, _}, _) when Down =:= 'DOWN'; element(1, Down) =:= 'DOWN' ->
    [{exit, Pid}];
received({system, _, _}, _) -> [];
received(Message, _) -> [{received, Message}].

sent(Message, {_, Node} = To) when Node =/= node() -> [{sent, To, Message}];
sent(Message, To) when is_pid(To), node(To) =/= node() -> [{sent, To, Message}];
sent(_, _) -> [].

write(File, Records) ->
    file:write(File, [[<<(byte_size(B)):32>>, B] || R <- Records, B <- [term_to_binary(R)]]).
