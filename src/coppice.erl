%% Owns a coppice: starts the program priv/coppice as a port, under a supervisor
%% if you like, and ends when it ends.
%%
%%     {ok, Pid} = coppice:start_link(#{
%%         node => 'c1@127.0.0.1',
%%         replicas => #{page_views => #{crdt => gcounter}}
%%     }),
%%     ok = gen_server:call({page_views, coppice:node(Pid)}, {mutate, {increment, [1]}}).
%%
%% The configuration is a file's name or the same as a map or a list: every key
%% of the file, {replica, Name, Map} of a list, or replicas, a map from names to
%% their maps.  Keys for the owner alone:
%%
%%     config_file   in place of all keys that the file may hold
%%     cookie        an atom, string or binary, handed over in the environment
%%     program       default: priv/coppice of this application
%%     timeout       milliseconds until it must be ready, by default 10000
%%
%% Where the owner is on a distributed node, and no file is given, connect is that
%% node and cookie is its cookie unless you say otherwise.
%%
%% The program's log goes to the emulator's standard error.  A coppice never
%% outlives its owner: it ends when its standard input does.
-module(coppice).
-behaviour(gen_server).

-export([start_link/1, child_spec/1, node/1, port/1, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
-export_type([config/0, exit_reason/0]).

-compile({no_auto_import, [node/1]}).

-define(READY_MS, 10000).
%% A coppice syncs and saves before it ends; then it is killed.
-define(STOP_MS, 10000).
-define(SHUTDOWN_MS, 15000).
-define(OWNER_KEYS, [config_file, cookie, program, timeout]).

-type config() :: file:name_all() | map() | [{atom(), term()} | {replica, atom(), map()}].

%% Why start_link/1 fails and why the process ends.  The meaning of a status:
%% usage and config are the user's mistakes, named on standard error.
-type exit_reason() ::
    {exited, Status :: non_neg_integer(),
        ok | usage | config | failure | {signal, pos_integer()}}
    | {not_ready, Milliseconds :: timeout()}
    | {unexpected_output, binary()}
    | {program, file:name_all(), file:posix()}.

-record(state, {
    port :: port(),
    node :: node(),
    listens :: inet:port_number()
}).

%% Returns when the coppice can answer calls.
-spec start_link(config()) -> {ok, pid()} | {error, exit_reason() | term()}.
start_link(Config) ->
    %% The time-out is init/1's own, which also stops the program.
    gen_server:start_link(?MODULE, Config, [{timeout, infinity}]).

-spec child_spec(config()) -> supervisor:child_spec().
child_spec(Config) ->
    #{id => ?MODULE, start => {?MODULE, start_link, [Config]}, shutdown => ?SHUTDOWN_MS}.

-spec node(gen_server:server_ref()) -> node().
node(Server) ->
    gen_server:call(Server, node).

%% The TCP port on which the coppice listens for other nodes.
-spec port(gen_server:server_ref()) -> inet:port_number().
port(Server) ->
    gen_server:call(Server, port).

%% Returns when the program has ended: synced, saved, gone from epmd.
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
        Port = open(Options, File),
        {Node, Listens} = await_ready(Port, Timeout),
        {ok, #state{port = Port, node = Node, listens = Listens}}
    catch
        throw:Reason -> {stop, Reason}
    after
        Cleanup()
    end.

handle_call(node, _From, State) ->
    {reply, State#state.node, State};
handle_call(port, _From, State) ->
    {reply, State#state.listens, State}.

handle_cast(_Request, State) ->
    {noreply, State}.

handle_info({Port, {exit_status, Status}}, #state{port = Port} = State) ->
    {stop, exited(Status), State};
handle_info(_Other, State) ->
    {noreply, State}.

terminate(_Reason, #state{port = Port}) ->
    end_program(Port).

%% The configuration

options(Config) when is_map(Config) ->
    options(maps:to_list(Config));
options([Option | _] = Config) when is_tuple(Option) ->
    Config;
options(File) ->
    [{config_file, File}].

%% The file to start with, and what to do when it has been read.
config_file(Options) ->
    case proplists:get_value(config_file, Options) of
        undefined ->
            File = write_config(lists:flatmap(fun config_term/1, with_connect(Options))),
            {File, fun() -> file:delete(File) end};
        File ->
            {File, fun() -> ok end}
    end.

with_connect(Options) ->
    case is_alive() andalso not proplists:is_defined(connect, Options) of
        true -> [{connect, [erlang:node()]} | Options];
        false -> Options
    end.

config_term({replicas, Replicas}) ->
    [{replica, Name, Map} || {Name, Map} <- maps:to_list(Replicas)];
config_term(Option) ->
    case lists:member(element(1, Option), ?OWNER_KEYS) of
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

%% A cookie belongs in no file that others might read, nor among the arguments.
environment(Options) ->
    case proplists:get_value(cookie, Options, inherited_cookie(Options)) of
        undefined -> [];
        Cookie when is_binary(Cookie) -> [{"COPPICE_COOKIE", binary_to_list(Cookie)}];
        Cookie when is_atom(Cookie) -> [{"COPPICE_COOKIE", atom_to_list(Cookie)}];
        Cookie -> [{"COPPICE_COOKIE", Cookie}]
    end.

inherited_cookie(Options) ->
    Said = proplists:is_defined(config_file, Options) orelse
        proplists:is_defined(cookie_file, Options) orelse
        os:getenv("COPPICE_COOKIE") =/= false,
    case is_alive() andalso not Said of
        true -> erlang:get_cookie();
        false -> undefined
    end.

%% The program

open(Options, File) ->
    Program = proplists:get_value(program, Options, program()),
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

program() ->
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
                [<<"ready">>, Node, Listens] ->
                    {binary_to_atom(Node), binary_to_integer(Listens)};
                _ ->
                    give_up(Port, {unexpected_output, Line})
            end;
        {Port, {data, {noeol, Line}}} ->
            give_up(Port, {unexpected_output, Line});
        {Port, {exit_status, Status}} ->
            throw(exited(Status));
        {'EXIT', Parent, Reason} when is_pid(Parent) ->
            give_up(Port, Reason)
    after Timeout -> give_up(Port, {not_ready, Timeout})
    end.

give_up(Port, Reason) ->
    end_program(Port),
    throw(Reason).

%% Not just port_close/1, which would not tell when the program has ended.
end_program(Port) ->
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

exited(Status) when Status > 128 -> {exited, Status, {signal, Status - 128}};
exited(0) -> {exited, 0, ok};
exited(64) -> {exited, 64, usage};
exited(78) -> {exited, 78, config};
exited(Status) -> {exited, Status, failure}.
