%% The process that coppice:start_link/1 starts: it runs the program as a port, and starts it again
%% when it ends.
%%
%% The first start is awaited by init/1, and fails with it.  Later the process goes on without the
%% program for a while, and starts it after a pause, which doubles from start to start.  So neither
%% a program that ends at once nor an epmd that is away for a minute makes a supervisor give up.
-module(coppice_owner).
-behaviour(gen_server).

-export([start_link/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-define(READY_MS, 10000).
%% Time to sync and save after SIGTERM; then comes SIGKILL.
-define(STOP_MS, 10000).
-define(CONNECTION_MS, 2000).
%% The first pause is long enough to see that the emulator is being stopped, too: a service manager
%% signals both at the same moment.
-define(FIRST_PAUSE_MS, 1000).
-define(LONGEST_PAUSE_MS, 30000).
%% A program that ran for so long starts after the first pause again.
-define(STEADY_MS, 60000).
%% The rest of a longer line is a line of its own.
-define(LINE_BYTES, 65536).

-record(state, {
    options :: coppice_config:options(),
    port :: port() | undefined,         % undefined: during a pause
    phase = starting :: starting | ready | {failed, coppice:exit_reason()} | pausing,
    timer :: reference() | undefined,   % until it has to be ready, or is started again
    since = 0 :: integer(),             % when it was started, in monotonic ms
    pause = ?FIRST_PAUSE_MS :: pos_integer(),
    node :: node() | undefined,         % undefined: it was never ready
    tcp_port :: inet:port_number() | undefined,
    metadata = #{} :: logger:metadata()
}).

%% What the functions that handle a message return.
-type next() :: {noreply, #state{}} | {stop, Reason :: term(), #state{}}.

-spec start_link(coppice_config:options()) -> gen_server:start_ret().
start_link(Options) ->
    %% init/1 has a timeout of its own, which also stops the program.
    case coppice_config:get(name, Options) of
        undefined -> gen_server:start_link(?MODULE, Options, [{timeout, infinity}]);
        Name -> gen_server:start_link(server_name(Name), ?MODULE, Options, [{timeout, infinity}])
    end.

server_name(Name) when is_atom(Name) -> {local, Name};
server_name(Name) -> Name.

-spec init(coppice_config:options()) -> {ok, #state{}} | {stop, Reason :: term()} | ignore.
init(Options) ->
    process_flag(trap_exit, true),
    case is_stopping() of
        true -> ignore;
        false -> await_ready(start(#state{options = Options}))
    end.

%% Whether the emulator is being stopped.
is_stopping() ->
    element(1, init:get_status()) =:= stopping.

await_ready({noreply, #state{phase = ready} = State}) ->
    await_connection(State),
    {ok, State};
await_ready({noreply, #state{port = Port, timer = Timer} = State}) ->
    receive
        {Port, _} = Message ->
            await_ready(handle_info(Message, State));
        {'EXIT', Port, _} = Message ->
            await_ready(handle_info(Message, State));
        {timeout, Timer, _} = Message ->
            await_ready(handle_info(Message, State));
        {'EXIT', Parent, Reason} when is_pid(Parent) ->
            stop_program(State),
            {stop, Reason}
    end;
await_ready({stop, Reason, _State}) ->
    {stop, Reason}.

%% A program that connects to this node because nothing else was said is dialling it now.  A call of
%% the user's at this moment would dial as well, and may fail when one connection gives way to the
%% other.  A program that cannot connect says so in its log.
await_connection(#state{options = Options, node = Node}) ->
    case coppice_config:connects_here(Options) of
        true ->
            ok = net_kernel:monitor_nodes(true, [{node_type, all}]),
            lists:member(Node, nodes(connected)) orelse
                receive
                    {nodeup, Node, _} -> true
                after ?CONNECTION_MS -> false
                end,
            ok = net_kernel:monitor_nodes(false, [{node_type, all}]);
        false ->
            ok
    end.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, Reply :: term(), #state{}}.
handle_call(node, _From, State) ->
    {reply, State#state.node, State};
handle_call(port, _From, State) ->
    {reply, State#state.tcp_port, State};
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_request, Request}}, State}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Request, State) ->
    {noreply, State}.

-spec handle_info(term(), #state{}) -> next().
handle_info({Port, {data, {_, Line}}}, #state{port = Port} = State) ->
    {noreply, line(Line, State)};
handle_info({Port, {exit_status, Status}}, #state{port = Port} = State) ->
    ended(exit_reason(Status), State);
%% It has ended before it had read its configuration: no status is sent then.
handle_info({'EXIT', Port, Reason}, #state{port = Port} = State) ->
    ended({port, Reason}, State);
handle_info({timeout, Timer, not_ready}, #state{timer = Timer} = State) ->
    signal("KILL", State#state.port),
    {noreply, State#state{timer = undefined, phase = {failed, not_ready(State#state.options)}}};
handle_info({timeout, Timer, start}, #state{timer = Timer} = State) ->
    case is_stopping() of
        true -> {noreply, State#state{timer = undefined}};
        false -> start(State)
    end;
handle_info(_Other, State) ->
    {noreply, State}.

-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, State) ->
    stop_program(State).

%% Starting

start(#state{options = Options} = State) ->
    Timeout = coppice_config:get(timeout, Options, ?READY_MS),
    Started = State#state{phase = starting, since = now_ms()},
    try start_program(Options) of
        Port ->
            {noreply, Started#state{
                port = Port,
                timer = start_timer(Timeout, not_ready),
                metadata = metadata(Port, Options)
            }}
    catch
        throw:Reason -> ended(Reason, Started)
    end.

start_timer(infinity, _Message) -> undefined;
start_timer(Ms, Message) -> erlang:start_timer(Ms, self(), Message).

now_ms() ->
    erlang:monotonic_time(millisecond).

%% Unless there is a file, the program reads its configuration from its standard input, up to a
%% NUL, so that no file has to be written and cleaned up.
start_program(Options) ->
    case coppice_config:get(config_file, Options) of
        undefined ->
            Text = coppice_config:text(Options),
            Port = open_program("-", Options),
            send(Port, [Text, 0]);
        File ->
            open_program(File, Options)
    end.

open_program(File, Options) ->
    Program = coppice_config:get(program, Options, default_program()),
    try
        open_port({spawn_executable, Program}, [
            {args, ["run", "--owned", "-c", File]},
            {env, coppice_config:environment(Options)},
            {line, ?LINE_BYTES},
            binary,
            exit_status,
            stderr_to_stdout,
            hide
        ])
    catch
        error:Posix when is_atom(Posix) -> throw({program, Program, Posix})
    end.

%% A program that has exited already is noticed by its status.
send(Port, Text) ->
    try
        port_command(Port, Text)
    catch
        error:badarg -> false
    end,
    Port.

default_program() ->
    Priv =
        case code:priv_dir(coppice) of
            {error, bad_name} ->
                filename:join([filename:dirname(code:which(?MODULE)), "..", "priv"]);
            Dir ->
                Dir
        end,
    filename:join(Priv, "coppice").

%% OTP's default handler drops events with a domain other than OTP's, so there is none.
metadata(Port, Options) ->
    Known = #{
        application => coppice,
        coppice => coppice_config:get(node, Options),
        config_file => coppice_config:get(config_file, Options),
        os_pid => os_pid(Port)
    },
    maps:filter(fun(_, Value) -> Value =/= undefined end, Known).

%% What the program writes to standard output or to standard error.
line(<<"ready ", Rest/binary>> = Line, #state{phase = starting} = State) ->
    case binary:split(Rest, <<" ">>) of
        [Name, TcpPort] -> ready(Name, TcpPort, State);
        _ -> log(Line, State)
    end;
line(Line, State) ->
    log(Line, State).

ready(Name, TcpPort, #state{timer = Timer, metadata = Metadata} = State) ->
    _ = Timer =:= undefined orelse erlang:cancel_timer(Timer),
    Node = binary_to_atom(Name),
    State#state{
        phase = ready,
        timer = undefined,
        node = Node,
        tcp_port = binary_to_integer(TcpPort),
        metadata = Metadata#{coppice => Node}
    }.

log(Line, #state{metadata = Metadata} = State) ->
    coppice_log:line(Line, Metadata),
    State.

%% Without an epmd the program waits for one.
not_ready(Options) ->
    Timeout = coppice_config:get(timeout, Options, ?READY_MS),
    Port = coppice_config:epmd_port(Options),
    case is_open({127, 0, 0, 1}, Port) orelse is_open({0, 0, 0, 0, 0, 0, 0, 1}, Port) of
        true -> {not_ready, Timeout};
        false -> {not_ready, Timeout, {no_epmd, Port}}
    end.

is_open(Address, Port) ->
    case gen_tcp:connect(Address, Port, []) of
        {ok, Socket} -> gen_tcp:close(Socket) =:= ok;
        {error, _} -> false
    end.

%% Ending

ended(_Killed, #state{phase = {failed, Reason}} = State) ->
    again(Reason, no_port(State));
ended(Reason, State) ->
    again(Reason, no_port(State)).

no_port(#state{timer = Timer} = State) ->
    _ = Timer =:= undefined orelse erlang:cancel_timer(Timer),
    State#state{port = undefined, timer = undefined, phase = pausing}.

%% Whether to start it again.
again(Reason, #state{node = undefined, options = Options} = State) ->
    Which = coppice_config:get(node, Options, coppice_config:get(config_file, Options)),
    Why = coppice:format_error(Reason),
    logger:error("coppice ~tp cannot be started: ~ts", [Which, Why], #{application => coppice}),
    {stop, Reason, State};
again(Reason, #state{options = Options} = State) ->
    case {coppice_config:get(restart, Options, permanent), Reason} of
        {permanent, _} -> pause(Reason, State);
        {_, {exited, 0, ok}} -> {stop, {shutdown, Reason}, State};
        {transient, _} -> pause(Reason, State);
        {temporary, _} -> {stop, Reason, State}
    end.

pause(Reason, #state{since = Since, metadata = Metadata} = State) ->
    Pause =
        case now_ms() - Since of
            Ran when Ran >= ?STEADY_MS -> ?FIRST_PAUSE_MS;
            _ -> State#state.pause
        end,
    logger:warning(
        "coppice ~ts: ~ts; it is started again in ~b s",
        [State#state.node, coppice:format_error(Reason), Pause div 1000],
        maps:remove(os_pid, Metadata)
    ),
    {noreply, State#state{
        timer = start_timer(Pause, start),
        pause = min(2 * Pause, ?LONGEST_PAUSE_MS)
    }}.

%% port_close/1 would not wait for the program to exit.
stop_program(#state{port = undefined}) ->
    ok;
stop_program(#state{port = Port} = State) ->
    signal("TERM", Port),
    await_end(State#state{timer = start_timer(?STOP_MS, kill)}).

await_end(#state{port = Port, timer = Timer} = State) ->
    receive
        {Port, {data, {_, Line}}} -> await_end(log(Line, State));
        {Port, {exit_status, _}} -> ok;
        {'EXIT', Port, _} -> ok;
        {timeout, Timer, kill} -> signal("KILL", Port)
    end.

os_pid(Port) ->
    case erlang:port_info(Port, os_pid) of
        {os_pid, OsPid} -> OsPid;
        undefined -> undefined
    end.

signal(Signal, Port) ->
    case os_pid(Port) of
        undefined ->
            ok;
        OsPid ->
            _ = os:cmd("kill -" ++ Signal ++ " " ++ integer_to_list(OsPid)),
            ok
    end.

%% 64, 69 and 78 are EX_USAGE, EX_UNAVAILABLE and EX_CONFIG of sysexits(3).
exit_reason(Status) when Status > 128 -> {exited, Status, {signal, Status - 128}};
exit_reason(0) -> {exited, 0, ok};
exit_reason(64) -> {exited, 64, usage};
exit_reason(69) -> {exited, 69, name_taken};
exit_reason(78) -> {exited, 78, config};
exit_reason(Status) -> {exited, Status, failure}.
