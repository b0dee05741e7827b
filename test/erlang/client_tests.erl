%% Tests the functions for replicas and nodes with the real program.
-module(client_tests).
-include_lib("eunit/include/eunit.hrl").
-include_lib("coppice/include/coppice.hrl").

client_test_() ->
    {setup, fun start/0, fun stop/1, fun({Pid, _, _}) ->
        [
            {timeout, 30, {atom_to_list(Name), fun() -> Test(Pid, coppice:node(Pid)) end}}
         || {Name, Test} <- tests()
        ]
    end}.

tests() ->
    [
        {changes, fun changes/2},
        {names, fun names/2},
        {sets, fun sets/2},
        {errors, fun errors/2},
        {replicas_come_and_go, fun replicas_come_and_go/2},
        {subscriptions, fun subscriptions/2},
        {a_subscriber_asks_for_the_next, fun a_subscriber_asks_for_the_next/2},
        {status, fun status/2},
        {stop_a_replica, fun stop_a_replica/2}
    ].

changes(_Pid, Node) ->
    Views = {views, Node},
    ?assertEqual(ok, coppice:mutate(Views, {increment, [5]})),
    ?assertEqual(ok, coppice:mutate(Views, increment, 20000)),
    ?assertEqual(ok, coppice:batch(Views, [increment, increment])),
    ?assertEqual(ok, coppice:batch(Views, increment, infinity)),
    ?assertEqual({ok, [ok, ok]}, coppice:mutate_reply(Views, [increment, increment])),
    ?assertEqual({ok, ok}, coppice:mutate_reply(Views, increment, 20000)),
    ?assertEqual(ok, coppice:sync_now(Views)),
    ?assertEqual({ok, 12}, coppice:value(Views)),
    ?assertEqual({ok, 12}, coppice:value(Views, 20000)),
    {ok, #{'__struct__' := ?GROVE_GCOUNTER} = State} = coppice:state(Views),
    ?assertEqual({ok, State}, coppice:state(Views, 20000)),
    %% A fun is applied here.
    Twice = fun(#{counts := Counts} = Counter) ->
        Counter#{counts := maps:map(fun(_, N) -> 2 * N end, Counts)}
    end,
    ?assertEqual(ok, coppice:mutate(Views, Twice)),
    ?assertEqual({ok, 24}, coppice:value(Views)).

%% Whatever gen_server:call/2 takes.
names(_Pid, Node) ->
    Replica = rpc:call(Node, erlang, whereis, [views]),
    ?assertMatch({ok, _}, coppice:value(Replica)),
    yes = global:register_name(global_views, Replica),
    ?assertMatch({ok, _}, coppice:value({global, global_views})),
    ?assertMatch({ok, _}, coppice:value({via, global, global_views})),
    global:unregister_name(global_views),
    ?assertExit({noproc, _}, coppice:value({no_such_replica, Node})),
    ?assertExit({noproc, _}, coppice:value(no_such_name)).

sets(_Pid, Node) ->
    {ok, Tags} = coppice:start_replica(Node, tags, [{crdt, or_set}]),
    ok = coppice:mutate(Tags, [{add, [<<"red">>]}, {add, [<<"blue">>]}]),
    {ok, #{'__struct__' := 'Elixir.MapSet', map := Set}} = coppice:value(Tags),
    ?assert(sets:is_element(<<"red">>, Set)),
    ?assertEqual([<<"blue">>, <<"red">>], lists:sort(sets:to_list(Set))).

errors(_Pid, Node) ->
    ?assertEqual({error, {bad_op, {jump, []}}}, coppice:mutate({views, Node}, jump)),
    ?assertMatch({error, {bad_options, _}}, coppice:start_replica(Node, x, #{crdt => tree})),
    ?assertEqual({error, not_found}, coppice:stop_replica(Node, x)).

%% A node, its process, or the process's name.
replicas_come_and_go(Pid, Node) ->
    Storage = [{file, "/nowhere/likes.dets"}],
    ?assertMatch({ok, _}, coppice:start_replica(Node, likes, [{crdt, gset}, {storage, Storage}])),
    ?assertEqual({error, name_taken}, coppice:start_replica(Pid, likes, #{crdt => gset})),
    ?assertEqual(ok, coppice:stop_replica(the_coppice, likes)),
    ?assertEqual({error, not_found}, coppice:stop_replica({coppice, Node}, likes)).

subscriptions(_Pid, Node) ->
    {ok, Seen} = coppice:start_replica(Node, seen, #{crdt => gcounter}),
    {ok, Ref} = coppice:subscribe(Seen),
    {ok, Other} = coppice:subscribe({seen, Node}, self(), [{what, version}]),
    ?assertMatch(#{value := 0, version := _}, change(Ref)),
    ?assertEqual([version], maps:keys(change(Other))),
    ok = coppice:mutate(Seen, increment),
    ?assertMatch(#{value := 1}, change(Ref)),
    ok = coppice:unsubscribe(Seen, Ref),
    {ok, Last} = coppice:subscribe(Seen, self()),
    ?assertMatch(#{value := 1}, change(Last)),
    ok = coppice:unsubscribe(Seen, self()),
    ?assertMatch({error, {bad_options, _}}, coppice:subscribe(Seen, self(), #{jump => true})).

%% Without that it gets no second one, though it has the answer of a later call.
a_subscriber_asks_for_the_next(_Pid, Node) ->
    {ok, Asked} = coppice:start_replica(Node, asked, #{crdt => gcounter}),
    {ok, Ref} = coppice:subscribe(Asked, self(), #{ack => true}),
    ?assertMatch(#{value := 0}, change(Ref)),
    [ok = coppice:mutate(Asked, increment) || _ <- [1, 2, 3]],
    {ok, Free} = coppice:subscribe(Asked),
    ?assertMatch(#{value := 3}, change(Free)),
    receive
        {coppice_changed, asked, Ref, _} -> ?assert(false)
    after 0 -> ok
    end,
    ok = coppice:ack(Asked, Ref),
    ?assertMatch(#{value := 3}, change(Ref)).

change(Ref) ->
    receive
        {coppice_changed, _Name, Ref, Change} -> Change
    end.

status(Pid, Node) ->
    ?assertMatch(#{node := Node, replicas := #{views := #{}}}, coppice:status(Node)),
    ?assertMatch(#{node := Node}, coppice:status(Pid)),
    ?assertMatch(#{node := Node}, coppice:status(the_coppice)).

%% stop/1 of a replica leaves the program running.
stop_a_replica(Pid, Node) ->
    {ok, _} = coppice:start_replica(Pid, brief, #{crdt => gset}),
    ?assertEqual(ok, coppice:stop({brief, Node})),
    ?assertExit({noproc, _}, coppice:value({brief, Node})),
    ?assertEqual([brief], maps:get(stopped, coppice:status(Pid)) -- [likes]).

start() ->
    %% The daemon may return before it listens.
    os:cmd("epmd -daemon; for i in 1 2 3 4 5 6 7 8 9 10; do epmd -names && break; sleep 0.2; done"),
    Own = list_to_atom("coppice_client_" ++ os:getpid() ++ "@127.0.0.1"),
    {ok, _} = net_kernel:start([Own, longnames]),
    #{level := Level} = logger:get_primary_config(),
    logger:set_primary_config(level, none),
    {ok, Pid} = coppice:start_link(#{
        name => the_coppice,
        node => list_to_atom("coppice_" ++ atom_to_list(Own)),
        listen => #{address => "127.0.0.1"},
        replicas => #{views => #{crdt => gcounter}}
    }),
    unlink(Pid),
    {Pid, Level, Own}.

stop({Pid, Level, _Own}) ->
    coppice:stop(Pid),
    logger:set_primary_config(level, Level),
    net_kernel:stop().
