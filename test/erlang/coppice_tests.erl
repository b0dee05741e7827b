%% Tests the owner of a coppice with shell scripts in place of the program: each
%% test writes its own script, and checks how that was run.  The clients are in client_tests.erl.
-module(coppice_tests).
-behaviour(supervisor).
-include_lib("eunit/include/eunit.hrl").

-export([init/1, log/2]).

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
    {Listener, Port} = listen(),
    Options = #{timeout => 50, epmd_port => Port},
    fails_with({not_ready, 50}, "echo hello world; read line", Options),
    fails_with({not_ready, 50}, "echo ready; read line", Options),
    gen_tcp:close(Listener).

is_never_ready_test() ->
    {Listener, Port} = listen(),
    Options = #{timeout => 50, epmd_port => Port},
    fails_with({not_ready, 50}, "read line", Options),
    gen_tcp:close(Listener),
    fails_with({not_ready, 50, {no_epmd, Port}}, "read line", Options).

listen() ->
    {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listener),
    {Listener, Port}.

program_is_missing_test() ->
    process_flag(trap_exit, true),
    Options = #{program => "/nowhere/coppice", connect => []},
    ?assertEqual(
        {error, {program, "/nowhere/coppice", enoent}},
        quietly(fun() -> coppice:start_link(Options) end)
    ).

%% stop/1 sends SIGTERM, and returns after the program has ended.
stop_waits_test() ->
    Script = "trap 'sleep 0.2; echo done >last; exit 0' TERM; " ?READY "; read line",
    with_program(Script, fun(Options, Folder) ->
        {ok, Pid} = coppice:start_link(Options),
        coppice:stop(Pid),
        ?assertEqual("done", file(Folder, "last"))
    end).

a_temporary_one_ends_with_its_program_test() ->
    ends_with({exited, 137, {signal, 9}}, temporary, "kill -9 $$"),
    ends_with({shutdown, {exited, 0, ok}}, temporary, "exit 0").

a_transient_one_ends_when_its_program_is_stopped_test() ->
    ends_with({shutdown, {exited, 0, ok}}, transient, "exit 0").

ends_with(Reason, Restart, Script) ->
    process_flag(trap_exit, true),
    with_program(?READY "; " ++ Script, fun(Options, _Folder) ->
        quietly(fun() ->
            {ok, Pid} = coppice:start_link(Options#{restart => Restart}),
            ?assertEqual(Reason, receive {'EXIT', Pid, Why} -> Why end)
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

%% This supervisor accepts one restart in five seconds; the program ends at once each time.
is_started_again_after_pauses_test_() ->
    {timeout, 60, fun() ->
        with_program(?READY "; echo $$ >pipe; kill -9 $$", fun(Options, Folder) ->
            quietly(fun() ->
                Supervisor = supervise(Options),
                Pids = [from_pipe(Folder) || _ <- lists:seq(1, 3)],
                ?assertEqual(3, length(lists:usort(Pids))),
                [{_, Pid, worker, [coppice_owner]}] = supervisor:which_children(Supervisor),
                ?assertEqual('c1@127.0.0.1', coppice:node(Pid)),
                end_supervisor(Supervisor)
            end)
        end)
    end}.

%% The first start fails at once, the others are tried again.
a_start_that_fails_later_is_tried_again_test_() ->
    {timeout, 60, fun() ->
        Script =
            "[ -e started ] && { echo $$ >pipe; exit 78; }; touch started; "
            ?READY "; echo $$ >pipe; exit 1",
        with_program(Script, fun(Options, Folder) ->
            quietly(fun() ->
                Supervisor = supervise(Options),
                [_, _, _] = [from_pipe(Folder) || _ <- lists:seq(1, 3)],
                end_supervisor(Supervisor)
            end)
        end)
    end}.

supervise(Options) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, [coppice:child_spec(Options)]),
    Supervisor.

end_supervisor(Supervisor) ->
    process_flag(trap_exit, true),
    exit(Supervisor, shutdown),
    ?assertEqual(shutdown, receive {'EXIT', Supervisor, Reason} -> Reason end).

%% The emulator takes longer to stop than the first pause, since another program does.
nothing_is_started_while_the_emulator_stops_test_() ->
    {timeout, 60, fun() ->
        Slow = "trap 'echo stops >pipe; sleep 3; exit 0' TERM; " ?READY "; read line",
        Ended = "echo >>starts; " ?READY "; echo $$ >pipe; read line",
        with_program(Slow, fun(SlowOptions, SlowFolder) ->
            with_program(Ended, fun(Options, Folder) ->
                {ok, Peer, _} = peer:start(#{connection => standard_io, args => paths()}),
                {ok, _} = peer:call(Peer, supervisor, start_child, [
                    kernel_safe_sup, coppice:child_spec(SlowOptions)
                ]),
                {ok, _} = peer:call(Peer, gen_server, start, [
                    coppice_owner, coppice_config:options(Options), []
                ]),
                Program = from_pipe(Folder),
                Down = monitor(process, Peer),
                peer:cast(Peer, init, stop, []),
                "stops" = from_pipe(SlowFolder),
                os:cmd("kill " ++ Program),
                receive
                    {'DOWN', Down, _, _, _} -> ok
                end,
                ?assertEqual({ok, <<"\n">>}, file:read_file(filename:join(Folder, "starts")))
            end)
        end)
    end}.

paths() ->
    ["-kernel", "logger_level", "none", "-pa", filename:dirname(code:which(coppice))].

a_supervisor_stops_the_program_test() ->
    with_program(?READY "; echo $$ >pipe; read line", fun(Options, Folder) ->
        Supervisor = supervise(Options),
        Program = from_pipe(Folder),
        quietly(fun() -> end_supervisor(Supervisor) end),
        ?assertNotEqual("", os:cmd("kill -0 " ++ Program))
    end).

child_spec_test() ->
    Options = #{node => 'c1@127.0.0.1', cookie => <<"a secret">>},
    Spec = coppice:child_spec(Options),
    ?assertMatch(#{restart := permanent, modules := [coppice_owner]}, Spec),
    ?assertMatch(#{restart := transient}, coppice:child_spec(Options#{restart => transient})),
    ?assertEqual(ok, supervisor:check_childspecs([Spec])),
    %% Supervisors' reports contain it.
    ?assertEqual(nomatch, string:find(io_lib:format("~p", [Spec]), "a secret")).

%% Nobody sees the cookie in a list of processes.
cookie_is_not_an_argument_test() ->
    Script = "tr '\\0' ' ' </proc/$$/cmdline >arguments; " ?READY "; read line",
    with_program(Script, fun(Options, Folder) ->
        {ok, Pid} = coppice:start_link(Options#{cookie => fun() -> oatmeal end}),
        ?assertEqual(nomatch, string:find(file(Folder, "arguments"), "oatmeal")),
        ?assertEqual(nomatch, string:find(io_lib:format("~p", [sys:get_state(Pid)]), "oatmeal")),
        coppice:stop(Pid)
    end).

%% The log

log_lines_go_to_logger_test() ->
    Lines =
        "echo '2026-11-30T13:08:20.123Z warning a ä line  with spaces' >&2; "
        "echo '2026-11-30T13:08:20.124Z info connected' >&2; "
        "echo 'c1.config:3:1: what is this?' >&2; ",
    [Warning, Info, Other] = logged(Lines),
    ?assertMatch(
        {warning, <<"a ä line  with spaces"/utf8>>, #{
            application := coppice,
            coppice := 'c1@127.0.0.1',
            os_pid := _,
            time := 1796044100123000
        }},
        Warning
    ),
    ?assertMatch({info, <<"connected">>, #{time := 1796044100124000}}, Info),
    ?assertMatch({error, <<"c1.config:3:1: what is this?">>, #{}}, Other).

a_line_need_not_be_text_test() ->
    Line = "printf '2026-11-30T13:08:20.123Z error from \\377\\n' >&2; ",
    ?assertMatch([{error, <<"from ÿ"/utf8>>, _}], logged(Line)).

%% The last lines of a program that is stopped are among them.
lines_during_a_stop_are_logged_test() ->
    Trap = "trap 'echo 2026-11-30T13:08:20.123Z info ended; exit 0' TERM; ",
    ?assertMatch([{info, <<"ended">>, _}], logged(Trap)).

%% What is logged while a program with this script starts and is stopped.
logged(Script) ->
    logged_by(fun() ->
        with_program(Script ++ ?READY "; read line", fun(Options, _Folder) ->
            {ok, Pid} = coppice:start_link(Options),
            coppice:stop(Pid)
        end)
    end).

logged_by(Fun) ->
    {ok, #{level := Shown}} = logger:get_handler_config(default),
    ok = logger:set_handler_config(default, level, none),
    ok = logger:add_handler(?MODULE, ?MODULE, #{config => self()}),
    with_primary(level, all, Fun),
    ok = logger:remove_handler(?MODULE),
    ok = logger:set_handler_config(default, level, Shown),
    all_logged().

all_logged() ->
    receive
        {logged, #{level := Level, msg := {Format, Arguments}, meta := Meta}} ->
            Text = unicode:characters_to_binary(io_lib:format(Format, Arguments)),
            [{Level, Text, Meta} | all_logged()]
    after 0 -> []
    end.

%% The handler of logged/1.
log(#{meta := #{application := coppice}} = Event, #{config := Pid}) -> Pid ! {logged, Event};
log(_Event, _Config) -> ok.

%% A supervisor shows the reason as a term.
a_start_that_fails_is_explained_test() ->
    process_flag(trap_exit, true),
    Failed = fun() -> {error, _} = coppice:start_link(#{node => 'c1@127.0.0.1'}) end,
    Lines = [Text || {error, Text, _} <- logged_by(Failed)],
    ?assertEqual(
        [<<"coppice 'c1@127.0.0.1' cannot be started: this node is not distributed: "
            "start it with a name, or set connect to []">>],
        Lines
    ).

%% Plain Erlang shows warnings, without any configuration.
the_default_handler_shows_them_test() ->
    {ok, #{filters := Filters, filter_default := Default}} = logger:get_handler_config(default),
    Event = #{level => warning, msg => {string, "x"}, meta => #{application => coppice}},
    ?assertEqual(log, passes(Filters, Event, Default)).

passes([], _Event, Default) -> Default;
passes([{_, {Filter, Argument}} | Filters], Event, Default) ->
    case Filter(Event, Argument) of
        ignore -> passes(Filters, Event, Default);
        stop -> stop;
        #{} -> log
    end.

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
    with_primary(level, none, Fun).

with_primary(Key, Value, Fun) ->
    #{Key := Before} = logger:get_primary_config(),
    logger:set_primary_config(Key, Value),
    try
        Fun()
    after
        logger:set_primary_config(Key, Before)
    end.
