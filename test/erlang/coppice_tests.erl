%% Tests the owner of a coppice with shell scripts in place of the program: each
%% test writes its own script, and checks how that was run.
-module(coppice_tests).
-behaviour(supervisor).
-include_lib("eunit/include/eunit.hrl").

-export([init/1]).

-define(READY, "echo ready c1@127.0.0.1 4711").

ready_test() ->
    with_program(?READY "; read line", fun(Options, _Folder) ->
        {ok, Pid} = coppice:start_link(Options),
        ?assertEqual('c1@127.0.0.1', coppice:node(Pid)),
        ?assertEqual(4711, coppice:port(Pid)),
        ?assertEqual(ok, coppice:stop(Pid)),
        ?assertNot(is_process_alive(Pid))
    end).

gets_its_options_test() ->
    Script = "echo \"$1 $2 $3 $4\" >arguments; " ?READY "; read line",
    with_program(Script, fun(Options, Folder) ->
        Replica = #{crdt => gcounter, actor => <<"ä\n"/utf8>>},
        {ok, Pid} = coppice:start_link(Options#{
            net_ticktime => 4,
            timeout => 5000,
            cookie => never_in_a_file,
            replicas => #{'page views' => Replica}
        }),
        Terms = config(Folder),
        ?assertEqual(
            [{connect, []}, {net_ticktime, 4}, {node, 'c1@127.0.0.1'},
                {replica, 'page views', Replica}],
            lists:sort(Terms)
        ),
        ?assertEqual("run --owned -c -", file(Folder, "arguments")),
        coppice:stop(Pid)
    end).

accepts_a_list_test() ->
    with_program(?READY "; read line", fun(Options, Folder) ->
        Replica = {replica, views, #{crdt => gcounter}},
        {ok, Pid} = coppice:start_link([Replica | maps:to_list(Options)]),
        Terms = config(Folder),
        ?assertEqual([{connect, []}, {node, 'c1@127.0.0.1'}, Replica], lists:sort(Terms)),
        coppice:stop(Pid)
    end).

accepts_keyword_lists_test() ->
    with_program(?READY "; read line", fun(Options, Folder) ->
        Storage = [{file, "views.dets"}],
        {ok, Pid} = coppice:start_link(Options#{
            listen => [{port, 4711}],
            connect => ['a@h', {dns, "h", [{name, "a"}]}],
            tls => [{certfile, "c.pem"}],
            replicas => [{views, [{crdt, gcounter}, {storage, Storage}]}, {tags, #{crdt => gset}}]
        }),
        ?assertEqual(
            [
                {connect, ['a@h', {dns, "h", #{name => "a"}}]},
                {listen, #{port => 4711}},
                {node, 'c1@127.0.0.1'},
                {tls, #{certfile => "c.pem"}},
                {replica, tags, #{crdt => gset}},
                {replica, views, #{crdt => gcounter, storage => #{file => "views.dets"}}}
            ],
            lists:sort(config(Folder))
        ),
        coppice:stop(Pid)
    end).

accepts_a_keyword_list_for_dns_alone_test() ->
    with_program(?READY "; read line", fun(Options, Folder) ->
        {ok, Pid} = coppice:start_link(Options#{connect => {dns, <<"h">>, [{interval, 500}]}}),
        ?assertEqual(
            [{connect, {dns, <<"h">>, #{interval => 500}}}, {node, 'c1@127.0.0.1'}],
            lists:sort(config(Folder))
        ),
        coppice:stop(Pid)
    end).

tls_may_be_a_file_test() ->
    with_program(?READY "; read line", fun(Options, Folder) ->
        {ok, Pid} = coppice:start_link(Options#{tls => "dist.conf"}),
        ?assertEqual("dist.conf", proplists:get_value(tls, config(Folder))),
        coppice:stop(Pid)
    end).

has_a_name_test() ->
    with_program(?READY "; read line", fun(Options, _Folder) ->
        {ok, Pid} = coppice:start_link(Options#{name => my_coppice}),
        ?assertEqual(Pid, whereis(my_coppice)),
        ?assertEqual('c1@127.0.0.1', coppice:node(my_coppice)),
        coppice:stop(my_coppice)
    end).

needs_a_distributed_node_test() ->
    process_flag(trap_exit, true),
    with_program(?READY "; read line", fun(Options, _Folder) ->
        ?assertEqual(
            {error, not_distributed},
            quietly(fun() -> coppice:start_link(maps:remove(connect, Options)) end)
        )
    end).

each_has_an_id_test() ->
    #{id := One} = coppice:child_spec(#{node => 'c1@127.0.0.1'}),
    #{id := Two} = coppice:child_spec([{node, 'c2@127.0.0.1'}]),
    ?assertNotEqual(One, Two),
    ?assertMatch(#{id := _}, coppice:child_spec("c1.config")).

accepts_a_file_test() ->
    with_program("echo \"$4\" >argument; " ?READY "; read line", fun(Options, Folder) ->
        {ok, Pid} = coppice:start_link(Options#{config_file => "some.config"}),
        ?assertEqual("some.config", file(Folder, "argument")),
        coppice:stop(Pid)
    end).

cookie_is_in_the_environment_test() ->
    with_program("echo \"$COPPICE_COOKIE\" >cookie; " ?READY "; read line", fun(Options, Folder) ->
        {ok, Pid} = coppice:start_link(Options#{cookie => <<"oatmeal">>}),
        ?assertEqual("oatmeal", file(Folder, "cookie")),
        coppice:stop(Pid)
    end).

%% On a distributed node, the coppice gets the node to connect to, and its cookie.
joins_its_owners_cluster_test() ->
    %% The daemon may return before it listens.
    os:cmd("epmd -daemon; for i in 1 2 3 4 5 6 7 8 9 10; do epmd -names && break; sleep 0.2; done"),
    Owner = list_to_atom("coppice_owner_" ++ os:getpid() ++ "@127.0.0.1"),
    {ok, _} = net_kernel:start([Owner, longnames]),
    erlang:set_cookie(crumbs),
    Script = "echo \"$COPPICE_COOKIE\" >cookie; " ?READY "; read line",
    with_program(Script, fun(Options, Folder) ->
        {ok, Pid} = coppice:start_link(maps:remove(connect, Options)),
        ok = net_kernel:stop(),
        Terms = config(Folder),
        ?assertEqual([{connect, [Owner]}, {node, 'c1@127.0.0.1'}], lists:sort(Terms)),
        ?assertEqual("crumbs", file(Folder, "cookie")),
        coppice:stop(Pid)
    end).

exits_at_once_test() ->
    fails_with({exited, 78, config}, "exit 78"),
    fails_with({exited, 64, usage}, "exit 64"),
    fails_with({exited, 3, failure}, "exit 3").

prints_something_else_test() ->
    fails_with({unexpected_output, <<"hello world">>}, "echo hello world; read line").

is_never_ready_test() ->
    {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listener),
    Options = #{timeout => 50, epmd_port => Port},
    fails_with({not_ready, 50}, "read line", Options),
    gen_tcp:close(Listener),
    fails_with({not_ready, 50, {no_epmd, Port}}, "read line", Options).

program_is_missing_test() ->
    process_flag(trap_exit, true),
    ?assertEqual(
        {error, {program, "/nowhere/coppice", enoent}},
        coppice:start_link(#{program => "/nowhere/coppice", connect => []})
    ).

%% stop/1 sends SIGTERM, and returns after the program has ended.
stop_waits_test() ->
    Script = "trap 'sleep 0.2; echo done >last; exit 0' TERM; " ?READY "; read line",
    with_program(Script, fun(Options, Folder) ->
        {ok, Pid} = coppice:start_link(Options),
        coppice:stop(Pid),
        ?assertEqual("done", file(Folder, "last"))
    end).

ends_with_its_program_test() ->
    process_flag(trap_exit, true),
    with_program(?READY "; kill -9 $$", fun(Options, _Folder) ->
        quietly(fun() ->
            {ok, Pid} = coppice:start_link(Options),
            receive
                {'EXIT', Pid, Reason} -> ?assertEqual({exited, 137, {signal, 9}}, Reason)
            after 2000 -> ?assert(false)
            end
        end)
    end).

%% Even a killed owner leaves no orphan.
program_ends_with_its_owner_test() ->
    process_flag(trap_exit, true),
    with_program(?READY "; read line; echo end of input >pipe", fun(Options, Folder) ->
        {ok, Pid} = coppice:start_link(Options),
        exit(Pid, kill),
        ?assertEqual("end of input", from_pipe(Folder))
    end).

%% The emulator may be about to stop as well.
a_program_that_was_stopped_is_not_restarted_at_once_test_() ->
    {timeout, 10, fun() ->
        process_flag(trap_exit, true),
        with_program(?READY "; exit 0", fun(Options, _Folder) ->
            quietly(fun() ->
                {ok, Pid} = coppice:start_link(Options),
                receive
                    {'EXIT', Pid, _} -> ?assert(false)
                after 500 -> ok
                end,
                receive
                    {'EXIT', Pid, Reason} -> ?assertEqual({exited, 0, ok}, Reason)
                after 2000 -> ?assert(false)
                end
            end)
        end)
    end}.

is_restarted_by_its_supervisor_test() ->
    process_flag(trap_exit, true),
    with_program(?READY "; echo $$ >pipe; read line", fun(Options, Folder) ->
        {ok, Supervisor} = supervisor:start_link(?MODULE, [coppice:child_spec(Options)]),
        First = from_pipe(Folder),
        Second = quietly(fun() ->
            os:cmd("kill -9 " ++ First),
            from_pipe(Folder)
        end),
        ?assertNotEqual(First, Second),
        exit(Supervisor, shutdown),
        receive
            {'EXIT', Supervisor, Reason} -> ?assertEqual(shutdown, Reason)
        end,
        ?assertNotEqual("", os:cmd("kill -0 " ++ Second))
    end).

%% The real program: it becomes ready, listens on its port, and stops.
the_real_program_test_() ->
    {timeout, 30, fun() ->
        Node = list_to_atom("coppice_eunit_" ++ os:getpid() ++ "@127.0.0.1"),
        {ok, Pid} = coppice:start_link(#{
            node => Node,
            cookie => eunit,
            connect => [],
            listen => #{address => "127.0.0.1"},
            replicas => #{views => #{crdt => gcounter}}
        }),
        Port = coppice:port(Pid),
        ?assertEqual(Node, coppice:node(Pid)),
        {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, []),
        gen_tcp:close(Socket),
        ok = coppice:stop(Pid),
        ?assertEqual({error, econnrefused}, gen_tcp:connect({127, 0, 0, 1}, Port, []))
    end}.

the_real_program_refuses_an_unknown_key_test() ->
    process_flag(trap_exit, true),
    ?assertEqual(
        {error, {exited, 78, config}},
        quietly(fun() ->
            coppice:start_link(#{node => 'c1@127.0.0.1', connect => [], no_such_key => 1})
        end)
    ).

%% The supervisor of a test.
init(Children) ->
    {ok, {#{}, Children}}.

%% Helpers

fails_with(Reason, Script) ->
    fails_with(Reason, Script, #{}).

fails_with(Reason, Script, More) ->
    process_flag(trap_exit, true),
    with_program(Script, fun(Options, _Folder) ->
        Result = quietly(fun() -> coppice:start_link(maps:merge(Options, More)) end),
        ?assertEqual({error, Reason}, Result)
    end).

%% Runs Test(Options, Folder), with the options that start the script, and its working
%% folder.
with_program(Script, Test) ->
    Folder = string:trim(os:cmd("mktemp -d")),
    Program = filename:join(Folder, "coppice"),
    Config = "[ \"$4\" = - ] && sed -z q >config\n",
    ok = file:write_file(Program, ["#!/bin/sh\ncd ", Folder, "\n", Config, Script, "\n"]),
    ok = file:change_mode(Program, 8#755),
    "" = os:cmd("mkfifo " ++ filename:join(Folder, "pipe")),
    try
        Test(#{program => Program, node => 'c1@127.0.0.1', connect => []}, Folder)
    after
        os:cmd("rm -r " ++ Folder)
    end.

%% The file that the script wrote before it was ready, or before it ended.
file(Folder, Name) ->
    {ok, Text} = file:read_file(filename:join(Folder, Name)),
    string:trim(binary_to_list(Text)).

%% The configuration that the script took from its standard input.
config(Folder) ->
    {ok, Text} = file:read_file(filename:join(Folder, "config")),
    [Config, <<>>] = binary:split(Text, <<0>>),
    ok = file:write_file(filename:join(Folder, "terms"), Config),
    {ok, Terms} = file:consult(filename:join(Folder, "terms")),
    Terms.

%% The next line that the script writes to its pipe.
from_pipe(Folder) ->
    string:trim(os:cmd("timeout 5 cat " ++ filename:join(Folder, "pipe"))).

%% Runs Fun without crash reports.
quietly(Fun) ->
    #{level := Level} = logger:get_primary_config(),
    logger:set_primary_config(level, none),
    try
        Fun()
    after
        logger:set_primary_config(level, Level)
    end.
