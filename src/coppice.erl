%% Runs the program priv/coppice as a port, under a supervisor or on its own.
%%
%%     {ok, Pid} = coppice:start_link(#{
%%         node => 'c1@127.0.0.1',
%%         replicas => #{page_views => #{crdt => gcounter}}
%%     }),
%%     ok = gen_server:call({page_views, coppice:node(Pid)}, {mutate, {increment, [1]}}).
%%
%% The configuration is the name of a file, or a map or list with the keys of that file
%% (docs/configuration.md).  A list has {replica, Name, Map} for each replica; both may
%% have replicas => #{Name => Map}.  These keys are for this module:
%%
%%     config_file   the configuration file, instead of all its keys
%%     cookie        an atom, string or binary; passed in the environment
%%     program       default: priv/coppice of this application
%%     timeout       milliseconds to wait until the program is ready; default 10000
%%
%% On a distributed node, connect defaults to that node unless config_file is given, and
%% cookie to the node's cookie unless config_file, cookie_file or $COPPICE_COOKIE is set.
%%
%% The process exits when the program does.  The program stops when its standard input is
%% closed, so it never outlives the process, even if the emulator is killed.  Its log goes to
%% the emulator's standard error.
-module(coppice).
-behaviour(gen_server).

-export([start_link/1, child_spec/1, node/1, port/1, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
-export_type([config/0, exit_reason/0]).

-compile({no_auto_import, [node/1]}).

-define(READY_MS, 10000).
%% Time to sync and save after SIGTERM; then comes SIGKILL.
-define(STOP_MS, 10000).
-define(SHUTDOWN_MS, 15000).
-define(OWN_KEYS, [config_file, cookie, program, timeout]).

-type config() :: file:name_all() | map() | [{atom(), term()} | {replica, atom(), map()}].

%% Why start_link/1 fails or the process exits.  For usage and config, the program has
%% printed the mistake on standard error.
-type exit_reason() ::
    {exited, Status :: non_neg_integer(),
        ok | usage | config | failure | {signal, pos_integer()}}
    | {not_ready, Milliseconds :: timeout()}
    | {unexpected_output, binary()}
    | {program, file:name_all(), file:posix()}.

-record(state, {
    port :: port(),
    node :: node(),
    tcp_port :: inet:port_number()
}).

%% Returns when the coppice answers calls.
-spec start_link(config()) -> {ok, pid()} | {error, exit_reason() | term()}.
start_link(Config) ->
    %% init/1 has a timeout of its own, which also stops the program.
    gen_server:start_link(?MODULE, Config, [{timeout, infinity}]).

-spec child_spec(config()) -> supervisor:child_spec().
child_spec(Config) ->
    #{id => ?MODULE, start => {?MODULE, start_link, [Config]}, shutdown => ?SHUTDOWN_MS}.

-spec node(gen_server:server_ref()) -> node().
node(Server) ->
    gen_server:call(Server, node).

%% The TCP port of the coppice's distribution listener.
-spec port(gen_server:server_ref()) -> inet:port_number().
port(Server) ->
    gen_server:call(Server, port).

%% Returns when the coppice has synced, saved, left epmd and exited.
-spec stop(gen_server:server_ref()) -> ok.
stop(Server) ->
    gen_server:stop(Server, normal, ?SHUTDOWN_MS).

%% gen_server

init(Config) ->
    process_flag(trap_exit, true),
    Options = options(Config),
    Timeout = proplists:get_value(timeout, Options, ?READY_MS),
    {File, Cleanup} = config_file(Options),
    try
        Port = start_program(Options, File),
        {Node, TcpPort} = await_ready(Port, Timeout),
        {ok, #state{port = Port, node = Node, tcp_port = TcpPort}}
    catch
        throw:Reason -> {stop, Reason}
    after
        Cleanup()
    end.

handle_call(node, _From, State) ->
    {reply, State#state.node, State};
handle_call(port, _From, State) ->
    {reply, State#state.tcp_port, State}.

handle_cast(_Request, State) ->
    {noreply, State}.

handle_info({Port, {exit_status, Status}}, #state{port = Port} = State) ->
    {stop, exit_reason(Status), State};
handle_info(_Other, State) ->
    {noreply, State}.

terminate(_Reason, #state{port = Port}) ->
    stop_program(Port).

%% The configuration

options(Config) when is_map(Config) ->
    options(maps:to_list(Config));
options([Option | _] = Config) when is_tuple(Option) ->
    Config;
options(File) ->
    [{config_file, File}].

%% The file to start with, and a fun to call once the program has read it.
config_file(Options) ->
    case proplists:get_value(config_file, Options) of
        undefined ->
            File = write_config(lists:flatmap(fun config_term/1, add_connect(Options))),
            {File, fun() -> file:delete(File) end};
        File ->
            {File, fun() -> ok end}
    end.

add_connect(Options) ->
    case is_alive() andalso not proplists:is_defined(connect, Options) of
        true -> [{connect, [erlang:node()]} | Options];
        false -> Options
    end.

config_term({replicas, Replicas}) ->
    [{replica, Name, Map} || {Name, Map} <- maps:to_list(Replicas)];
config_term(Option) ->
    case lists:member(element(1, Option), ?OWN_KEYS) of
        true -> [];
        false -> [Option]
    end.

write_config(Terms) ->
    Unique = erlang:unique_integer([positive]),
    Name = io_lib:format("coppice-~s-~b.config", [os:getpid(), Unique]),
    File = filename:join(os:getenv("TMPDIR", "/tmp"), Name),
    Text = [io_lib:format("~0tp.~n", [Term]) || Term <- Terms],
    ok = file:write_file(File, unicode:characters_to_binary(Text), [exclusive]),
    File.

%% The cookie is passed in the environment: others may be able to read files and arguments.
environment(Options) ->
    case proplists:get_value(cookie, Options, default_cookie(Options)) of
        undefined -> [];
        Cookie when is_binary(Cookie) -> [{"COPPICE_COOKIE", binary_to_list(Cookie)}];
        Cookie when is_atom(Cookie) -> [{"COPPICE_COOKIE", atom_to_list(Cookie)}];
        Cookie -> [{"COPPICE_COOKIE", Cookie}]
    end.

default_cookie(Options) ->
    Given = proplists:is_defined(config_file, Options) orelse
        proplists:is_defined(cookie_file, Options) orelse
        os:getenv("COPPICE_COOKIE") =/= false,
    case is_alive() andalso not Given of
        true -> erlang:get_cookie();
        false -> undefined
    end.

%% The program

start_program(Options, File) ->
    Program = proplists:get_value(program, Options, default_program()),
    try
        open_port({spawn_executable, Program}, [
            {args, ["run", "--owned", "-c", File]},
            {env, environment(Options)},
            {line, 4096},
            binary,
            exit_status,
            hide
        ])
    catch
        error:Posix when is_atom(Posix) -> throw({program, Program, Posix})
    end.

default_program() ->
    Priv =
        case code:priv_dir(?MODULE) of
            {error, bad_name} ->
                filename:join([filename:dirname(code:which(?MODULE)), "..", "priv"]);
            Dir ->
                Dir
        end,
    filename:join(Priv, "coppice").

await_ready(Port, Timeout) ->
    receive
        {Port, {data, {eol, Line}}} ->
            case string:lexemes(Line, " ") of
                [<<"ready">>, Node, TcpPort] ->
                    {binary_to_atom(Node), binary_to_integer(TcpPort)};
                _ ->
                    give_up(Port, {unexpected_output, Line})
            end;
        {Port, {data, {noeol, Line}}} ->
            give_up(Port, {unexpected_output, Line});
        {Port, {exit_status, Status}} ->
            throw(exit_reason(Status));
        {'EXIT', Parent, Reason} when is_pid(Parent) ->
            give_up(Port, Reason)
    after Timeout -> give_up(Port, {not_ready, Timeout})
    end.

give_up(Port, Reason) ->
    stop_program(Port),
    throw(Reason).

%% port_close/1 would not wait for the program to exit.
stop_program(Port) ->
    case erlang:port_info(Port, os_pid) of
        {os_pid, OsPid} ->
            signal("TERM", OsPid),
            receive
                {Port, {exit_status, _}} -> ok
            after ?STOP_MS -> signal("KILL", OsPid)
            end;
        undefined ->
            ok
    end.

signal(Signal, OsPid) ->
    os:cmd("kill -" ++ Signal ++ " " ++ integer_to_list(OsPid)).

%% 64 and 78 are EX_USAGE and EX_CONFIG of sysexits(3).
exit_reason(Status) when Status > 128 -> {exited, Status, {signal, Status - 128}};
exit_reason(0) -> {exited, 0, ok};
exit_reason(64) -> {exited, 64, usage};
exit_reason(78) -> {exited, 78, config};
exit_reason(Status) -> {exited, Status, failure}.
