#!/usr/bin/env escript
%%! -name beam@127.0.0.1 -setcookie secret -hidden -start_epmd false
%% A BEAM beside the program `hits`: peer.escript PROGRAM
%%
%% Each sees what the other counts, and the BEAM sees it leave.
-mode(compile).

main([Program]) ->
    Node = 'hits@127.0.0.1',
    %% Its input ends behind the third line.
    Command = io_lib:format("sed -u 3q | ~s ~s ~s", [Program, Node, node()]),
    Port = open_port({spawn, lists:flatten(Command)}, [{line, 1000}, exit_status]),
    line(Port, "0"),
    port_command(Port, "one\ntwo\n"),
    line(Port, "2"),
    true = lists:member(Node, nodes(hidden) ++ nodes()),
    {ok, 2} = gen_server:call({hits, Node}, value),
    ok = gen_server:call({hits, Node}, {mutate, {increment, [40]}}),
    line(Port, "42"),
    {error, {bad_op, _}} = gen_server:call({hits, Node}, {mutate, {increment, [-1]}}),
    {ok, #{}} = gen_server:call({coppice, Node}, status),
    true = monitor_node(Node, true),
    port_command(Port, "three\n"),
    line(Port, "43"),
    receive {Port, {exit_status, Status}} -> 0 = Status end,
    receive {nodedown, Node} -> ok end,
    io:put_chars("the BEAM and hits agree\n").

%% Values between may be skipped: changes that are made together are told together.
line(Port, Text) ->
    receive
        {Port, {data, {eol, Text}}} -> ok;
        {Port, {data, {eol, Other}}} -> io:format("printed ~s~n", [Other]), line(Port, Text);
        {Port, {exit_status, Status}} -> error({ended, Status})
    end.
