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
%% have replicas => #{Name => Map}.  Each map may be a keyword list.  These keys are for this
%% module:
%%
%%     config_file   the configuration file, instead of all its keys
%%     cookie        an atom, string or binary; passed in the environment
%%     name          the process is registered under this atom
%%     program       default: priv/coppice of this application
%%     timeout       milliseconds to wait until the program is ready; default 10000
%%
%% connect defaults to this node, unless config_file is given; a node that is not distributed has
%% to say connect => [].  If this node has TLS (-proto_dist inet_tls), tls defaults to its option
%% file then; one with -ssl_dist_opt has to say tls => Map.  cookie defaults to the node's cookie,
%% unless config_file, cookie_file or $COPPICE_COOKIE is set.
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
%% How long a program that was stopped from outside is waited with, to see whether the emulator
%% is being stopped too: then its supervisor must not start another.
-define(STOPPING_MS, 1000).
-define(OWN_KEYS, [config_file, cookie, name, program, timeout]).

-type config() :: file:name_all() | map() | [{atom(), term()} | {replica, atom(), map()}].

%% Why start_link/1 fails or the process exits.  For usage and config, the program has
%% printed the mistake on standard error.
-type exit_reason() ::
    {exited, Status :: non_neg_integer(),
        ok | usage | config | failure | {signal, pos_integer()}}
    | {not_ready, Milliseconds :: timeout()}
    | {not_ready, Milliseconds :: timeout(), {no_epmd, inet:port_number()}}
    | {unexpected_output, binary()}
    | {program, file:name_all(), file:posix()}
    | not_distributed
    | no_tls.

-record(state, {
    port :: port(),
    node :: node(),
    tcp_port :: inet:port_number()
}).

%% Returns when the coppice answers calls.
-spec start_link(config()) -> {ok, pid()} | {error, exit_reason() | term()}.
start_link(Config) ->
    Options = options(Config),
    %% init/1 has a timeout of its own, which also stops the program.
    case proplists:get_value(name, Options) of
        undefined -> gen_server:start_link(?MODULE, Options, [{timeout, infinity}]);
        Name -> gen_server:start_link({local, Name}, ?MODULE, Options, [{timeout, infinity}])
    end.

-spec child_spec(config()) -> supervisor:child_spec().
child_spec(Config) ->
    %% Several of them may be children of one supervisor.
    Id = {?MODULE, proplists:get_value(node, options(Config), Config)},
    #{id => Id, start => {?MODULE, start_link, [Config]}, shutdown => ?SHUTDOWN_MS}.

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

init(Options) ->
    process_flag(trap_exit, true),
    case is_stopping() of
        true -> ignore;
        false -> start(Options)
    end.

start(Options) ->
    Timeout = proplists:get_value(timeout, Options, ?READY_MS),
    try
        Port = start_program(Options, add_tls(Options, add_connect(Options))),
        {Node, TcpPort} = await_ready(Port, Timeout, Options),
        {ok, #state{port = Port, node = Node, tcp_port = TcpPort}}
    catch
        throw:Reason -> {stop, Reason}
    end.

%% Whether the emulator is being stopped.
is_stopping() ->
    element(1, init:get_status()) =:= stopping.

handle_call(node, _From, State) ->
    {reply, State#state.node, State};
handle_call(port, _From, State) ->
    {reply, State#state.tcp_port, State}.

handle_cast(_Request, State) ->
    {noreply, State}.

handle_info({Port, {exit_status, 0}}, #state{port = Port} = State) ->
    %% Somebody stopped it.  A service manager stops the emulator at the same moment.
    erlang:send_after(?STOPPING_MS, self(), stopped),
    {noreply, State};
handle_info({Port, {exit_status, Status}}, #state{port = Port} = State) ->
    {stop, exit_reason(Status), State};
handle_info(stopped, State) ->
    {stop, exit_reason(0), State};
handle_info(_Other, State) ->
    {noreply, State}.

terminate(_Reason, #state{port = Port}) ->
    stop_program(Port).

%% The configuration

options(Config) when is_map(Config) ->
    maps:to_list(Config);
options([Option | _] = Config) when is_tuple(Option) ->
    Config;
options(File) ->
    [{config_file, File}].

add_connect(Options) ->
    Given = proplists:is_defined(connect, Options) orelse
        proplists:is_defined(config_file, Options),
    case is_alive() of
        _ when Given -> Options;
        true -> [{connect, [erlang:node()]} | Options];
        false -> throw(not_distributed)
    end.

%% For a coppice that connects to this node because nothing else was said.
add_tls(Options, Config) ->
    Given = length(Config) =:= length(Options) orelse proplists:is_defined(tls, Options),
    case has_tls() andalso init:get_argument(ssl_dist_optfile) of
        _ when Given -> Config;
        false -> Config;
        {ok, [[File]]} -> [{tls, filename:absname(File)} | Config];
        _ -> throw(no_tls)
    end.

has_tls() ->
    case init:get_argument(proto_dist) of
        {ok, [[Protocol]]} -> lists:member(Protocol, ["inet_tls", "inet6_tls"]);
        _ -> false
    end.

%% The terms of the configuration file.
config_terms({replicas, Replicas}) ->
    [{replica, Name, keywords(Map)} || {Name, Map} <- pairs(Replicas)];
config_terms({replica, Name, Map}) ->
    [{replica, Name, keywords(Map)}];
config_terms({listen, Map}) ->
    [{listen, keywords(Map)}];
config_terms({connect, List}) when is_list(List) ->
    [{connect, [peers(Element) || Element <- List]}];
config_terms({connect, Dns}) ->
    [{connect, peers(Dns)}];
config_terms({tls, FileOrMap}) ->
    [{tls, keywords(FileOrMap)}];
config_terms(Option) ->
    case lists:member(element(1, Option), ?OWN_KEYS) of
        true -> [];
        false -> [Option]
    end.

peers({dns, Host, Settings}) -> {dns, Host, keywords(Settings)};
peers(Other) -> Other.

pairs(Map) when is_map(Map) -> maps:to_list(Map);
pairs(List) -> List.

%% A keyword list as a map; the storage of a replica may be one, too.
keywords([{Key, _} | _] = List) when is_atom(Key) ->
    keywords(maps:from_list(List));
keywords(#{storage := Storage} = Map) ->
    Map#{storage := keywords(Storage)};
keywords(Other) ->
    Other.

config_text(Options) ->
    Terms = lists:flatmap(fun config_terms/1, Options),
    unicode:characters_to_binary([io_lib:format("~0tp.~n", [Term]) || Term <- Terms]).

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

%% Unless there is a file, the program reads its configuration from its standard input, up to a
%% NUL, so that no file has to be written and cleaned up.
start_program(Options, Config) ->
    Program = proplists:get_value(program, Options, default_program()),
    case proplists:get_value(config_file, Options) of
        undefined ->
            Port = open_program(Program, "-", Options),
            send(Port, [config_text(Config), 0]);
        File ->
            open_program(Program, File, Options)
    end.

open_program(Program, File, Options) ->
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

%% A program that has exited already is noticed by await_ready/2.
send(Port, Text) ->
    try
        port_command(Port, Text)
    catch
        error:badarg -> false
    end,
    Port.

default_program() ->
    Priv =
        case code:priv_dir(?MODULE) of
            {error, bad_name} ->
                filename:join([filename:dirname(code:which(?MODULE)), "..", "priv"]);
            Dir ->
                Dir
        end,
    filename:join(Priv, "coppice").

await_ready(Port, Timeout, Options) ->
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
    after Timeout -> give_up(Port, not_ready(Timeout, epmd_port(Options)))
    end.

%% Without an epmd the program waits for one.
not_ready(Timeout, EpmdPort) ->
    case is_open({127, 0, 0, 1}, EpmdPort) orelse is_open({0, 0, 0, 0, 0, 0, 0, 1}, EpmdPort) of
        true -> {not_ready, Timeout};
        false -> {not_ready, Timeout, {no_epmd, EpmdPort}}
    end.

is_open(Address, Port) ->
    case gen_tcp:connect(Address, Port, []) of
        {ok, Socket} -> gen_tcp:close(Socket) =:= ok;
        {error, _} -> false
    end.

epmd_port(Options) ->
    Keys =
        case file:consult(proplists:get_value(config_file, Options, "")) of
            {ok, Terms} -> Terms;
            {error, _} -> Options
        end,
    Default = list_to_integer(os:getenv("ERL_EPMD_PORT", "4369")),
    proplists:get_value(epmd_port, Keys, Default).

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
