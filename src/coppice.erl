%% Runs a coppice, a node written in C that hosts replicas of Grove's CRDTs, beside this node, and
%% talks to the replicas of this or any other coppice.
%%
%% ```erlang
%% {ok, Pid} = coppice:start_link(#{
%%     node => 'c1@127.0.0.1',
%%     replicas => #{page_views => #{crdt => gcounter}}
%% }),
%% PageViews = {page_views, coppice:node(Pid)},
%% ok = coppice:mutate(PageViews, {increment, [5]}),
%% {ok, 5} = coppice:value(PageViews).
%% ```
%%
%% `start_link/1` starts the program, which ends with the process that it returns. Under a
%% supervisor, `child_spec/1` is a child.
%%
%% The functions for a replica take `{Name, Node}`, its pid, or any other name that
%% `gen_server:call/2` takes: `{global, Name}`, `{via, Module, Name}`, or the name of a process of
%% this node. They work with replicas that are Grove's own servers, too, as far as those know the
%% request. Like `gen_server:call/3` they exit if there is no such process, or no answer in time (5
%% seconds, unless they are given a time). An answer is `ok`, `{ok, Value}` or `{error, Reason}`;
%% docs/requests.md has a table of the reasons.
%%
%% The functions for a node take its name, such as `'c1@127.0.0.1'`, or the process of
%% `start_link/1`.
-module(coppice).

-export([start_link/1, child_spec/1, node/1, port/1, stop/1, format_error/1]).
-export([mutate/2, mutate/3, mutate_reply/2, mutate_reply/3, batch/2, batch/3]).
-export([value/1, value/2, state/1, state/2, sync_now/1]).
-export([subscribe/1, subscribe/2, subscribe/3, unsubscribe/2, ack/2]).
-export([start_replica/3, stop_replica/2, status/1]).
-export_type([config/0, exit_reason/0, replica/0, coppice/0, operation/0, change/0, grove/0]).

-compile({no_auto_import, [node/1]}).
-compile({parse_transform, coppice_docs}).

-define(CALL_MS, 5000).
%% More than the program has to sync and save.
-define(SHUTDOWN_MS, 15000).

%% The name of a configuration file, or a map or list with the keys of that file
%% (docs/configuration.md), and of these:
%%
%% - `config_file`: the configuration file, instead of all its keys
%% - `cookie`: an atom, a string, or a fun that returns one. It is passed in the environment, never
%%   on the command line or in a file. Default: this node's cookie, unless `config_file`,
%%   `cookie_file` or `$COPPICE_COOKIE` is set
%% - `name`: the name of the process, an atom, `{global, Name}` or `{via, Module, Name}`
%% - `program`: default `priv/coppice` of this application
%% - `restart`: `permanent` (default), `transient` or `temporary`; see `child_spec/1`
%% - `timeout`: milliseconds until the program has to be ready; default 10000
%%
%% In a map, `replicas` is a map of names to replicas; a list may have `{replica, Name, Map}` for
%% each instead. Each map may be a keyword list.
%%
%% `connect` defaults to this node, unless `config_file` is given; a node that is not distributed
%% has to say `connect => []`. If this node has TLS (`-proto_dist inet_tls`), `tls` defaults to its
%% option file then; one with `-ssl_dist_opt` has to say `tls => Map`.
-type config() :: file:name_all() | map() | [{atom(), term()} | {replica, atom(), map() | list()}].

%% Why `start_link/1` fails or its process exits. `format_error/1` explains it; for `usage` and
%% `config`, the program has logged the mistake.
-type exit_reason() ::
    {exited, Status :: non_neg_integer(),
        ok | usage | name_taken | config | failure | {signal, pos_integer()}}
    | {not_ready, Milliseconds :: timeout()}
    | {not_ready, Milliseconds :: timeout(), {no_epmd, inet:port_number()}}
    | {program, file:name_all(), file:posix()}
    | {port, Reason :: term()}
    | not_distributed
    | no_tls.

%% A replica: `{Name, Node}`, a pid, or another name of a process.
-type replica() :: gen_server:server_ref().

%% A node that is a coppice: its name, or the process of `start_link/1`.
-type coppice() :: node() | gen_server:server_ref().

%% The name of one of Grove's functions and its arguments without the CRDT: `{increment, [5]}`, or
%% `increment`.
-type operation() :: {Name :: atom(), Arguments :: [term()]} | atom().

%% An operation, several of them, or a fun from struct to struct as Grove's functions take it.
-type change() :: operation() | [operation()] | fun((grove()) -> grove()).

%% One of Grove's structs: a map. include/coppice.hrl has their names.
-type grove() :: #{'__struct__' := module(), atom() => term()}.

%% Starts a coppice; returns when it answers calls, and is connected to this node if that is its
%% default.
%%
%% The program is started again whenever it ends (see `child_spec/1`). It stops when the process
%% ends, also when the emulator is killed. What it logs goes to `logger`, with its own level and
%% time, and the metadata `application => coppice`, `coppice` (the node's name), `os_pid`, and
%% `config_file` if there is one.
-spec start_link(config()) -> {ok, pid()} | ignore | {error, exit_reason() | term()}.
start_link(Config) ->
    coppice_owner:start_link(coppice_config:options(Config)).

%% A coppice as a child of a supervisor; several may be children of one.
%%
%% If the first start fails, so does the supervisor's. From then on the process keeps its program
%% running: a program that ends, for whatever reason, is started again after a second, then after 2,
%% 4, 8, 16 and each 30 seconds, until it has run for a minute. So the supervisor's intensity is not
%% used up. While the emulator is being stopped, nothing is started.
%%
%% With `restart => transient` this is not done for a program that was stopped in an orderly way
%% (`SIGTERM`), with `temporary` never. Then the process exits, with `{shutdown, {exited, 0, ok}}`
%% or another `t:exit_reason/0`.
-spec child_spec(config()) -> supervisor:child_spec().
child_spec(Config) ->
    Options = coppice_config:options(Config),
    #{
        id => {?MODULE, coppice_config:get(node, Options, Config)},
        %% Supervisors' reports show it; these options hide the cookie.
        start => {?MODULE, start_link, [Options]},
        restart => coppice_config:get(restart, Options, permanent),
        shutdown => ?SHUTDOWN_MS,
        modules => [coppice_owner]
    }.

%% The name of the coppice's node.
-spec node(gen_server:server_ref()) -> node().
node(Process) ->
    gen_server:call(Process, node).

%% The TCP port on which the coppice's node listens for other nodes.
-spec port(gen_server:server_ref()) -> inet:port_number().
port(Process) ->
    gen_server:call(Process, port).

%% Stops what it is given, and returns when that has ended: the process of `start_link/1` with its
%% program, which syncs, saves and leaves epmd first; or a replica, as `GenServer.stop/1` does,
%% which sends its unsent changes first, and stays stopped like one of `stop_replica/2`.
-spec stop(gen_server:server_ref() | replica()) -> ok.
stop(Server) ->
    gen_server:stop(Server, normal, ?SHUTDOWN_MS).

%% A sentence for an error of `start_link/1`.
-spec format_error(exit_reason() | term()) -> string().
format_error({exited, _, ok}) ->
    "the program was stopped";
format_error({exited, _, {signal, Signal}}) ->
    text("the program was killed by signal ~b", [Signal]);
format_error({exited, _, config}) ->
    "the configuration is wrong; the line logged before this one says where";
format_error({exited, _, usage}) ->
    "the program does not know its options: is it of another version?";
format_error({exited, _, name_taken}) ->
    "another node has this name; stop it, or choose another name";
format_error({exited, Status, _}) ->
    text("the program ended with exit code ~b", [Status]);
format_error({not_ready, Ms, {no_epmd, Port}}) ->
    text("the program was not ready in ~p ms: there is no epmd on port ~b", [Ms, Port]);
format_error({not_ready, Ms}) ->
    text("the program was not ready in ~p ms; the log may say why", [Ms]);
format_error({program, Program, Posix}) ->
    text("~ts cannot be started: ~ts", [Program, file:format_error(Posix)]);
format_error(not_distributed) ->
    "this node is not distributed: start it with a name, or set connect to []";
format_error(no_tls) ->
    "this node uses TLS with options of its command line: set tls to a map of certificates";
format_error(Other) ->
    text("~tp", [Other]).

text(Format, Arguments) ->
    lists:flatten(io_lib:format(Format, Arguments)).

%% Changes a replica, as a whole or not at all.
%%
%% ```erlang
%% ok = coppice:mutate({page_views, Node}, {increment, [5]}),
%% ok = coppice:mutate({tags, Node}, [{add, [<<"red">>]}, {remove, [<<"blue">>]}]).
%% ```
%%
%% A fun is applied on this node to the replica's state, and its result is merged into that.
-spec mutate(replica(), change()) -> ok | {error, Reason :: term()}.
mutate(Replica, Change) ->
    mutate(Replica, Change, ?CALL_MS).

%% The same with a time to wait for the answer.
-spec mutate(replica(), change(), timeout()) -> ok | {error, Reason :: term()}.
mutate(Replica, Change, Timeout) ->
    gen_server:call(Replica, {mutate, Change}, Timeout).

%% Changes a replica like `mutate/2`, and returns the result of the operation, or of each of a list:
%% for an insertion into a sequence the new element's id, else `ok`.
-spec mutate_reply(replica(), operation() | [operation()]) ->
    {ok, Result :: term()} | {error, Reason :: term()}.
mutate_reply(Replica, Operations) ->
    mutate_reply(Replica, Operations, ?CALL_MS).

%% The same with a time to wait for the answer.
-spec mutate_reply(replica(), operation() | [operation()], timeout()) ->
    {ok, Result :: term()} | {error, Reason :: term()}.
mutate_reply(Replica, Operations, Timeout) ->
    gen_server:call(Replica, {mutate_reply, Operations}, Timeout).

%% For a coppice the same as `mutate/2`. Grove's own server answers `{error, Reason}` if a fun
%% raises, where it would crash on a `mutate`.
-spec batch(replica(), change()) -> ok | {error, Reason :: term()}.
batch(Replica, Change) ->
    batch(Replica, Change, ?CALL_MS).

%% The same with a time to wait for the answer.
-spec batch(replica(), change(), timeout()) -> ok | {error, Reason :: term()}.
batch(Replica, Change, Timeout) ->
    gen_server:call(Replica, {batch, Change}, Timeout).

%% The value: an integer for counters, a list for a sequence and an `mv_register`, a map of structs
%% for an `or_map`, and an Elixir `MapSet` for sets, whose `map` is a set of the module `sets`:
%%
%% ```erlang
%% {ok, #{map := Tags}} = coppice:value({tags, Node}),
%% true = sets:is_element(<<"red">>, Tags).
%% ```
-spec value(replica()) -> {ok, Value :: term()} | {error, Reason :: term()}.
value(Replica) ->
    value(Replica, ?CALL_MS).

%% The same with a time to wait for the answer.
-spec value(replica(), timeout()) -> {ok, Value :: term()} | {error, Reason :: term()}.
value(Replica, Timeout) ->
    gen_server:call(Replica, value, Timeout).

%% The whole state, as Grove's struct.
-spec state(replica()) -> {ok, grove()} | {error, Reason :: term()}.
state(Replica) ->
    state(Replica, ?CALL_MS).

%% The same with a time to wait for the answer.
-spec state(replica(), timeout()) -> {ok, grove()} | {error, Reason :: term()}.
state(Replica, Timeout) ->
    gen_server:call(Replica, state, Timeout).

%% Sends what is new to the other replicas of the group now, not at the next interval.
-spec sync_now(replica()) -> ok | {error, Reason :: term()}.
sync_now(Replica) ->
    gen_server:call(Replica, sync_now).

%% Has this process told of each change of a replica, with the value as it is at once.
%%
%% ```erlang
%% {ok, Ref} = coppice:subscribe({page_views, Node}),
%% receive
%%     {coppice_changed, page_views, Ref, #{value := Value, version := _}} -> Value
%% end.
%% ```
%%
%% A message may stand for several changes. A value of more than about a megabyte is not in it. The
%% subscription ends with the process, with the connection to the replica's node, and with the
%% replica: monitor that, and subscribe again when it is back. Only coppices know this request; to
%% a Grove server do not send it.
-spec subscribe(replica()) -> {ok, Subscription :: reference()} | {error, Reason :: term()}.
subscribe(Replica) ->
    subscribe(Replica, self()).

%% The same for another process, on this node or on any that the replica's node is connected to.
-spec subscribe(replica(), pid()) ->
    {ok, Subscription :: reference()} | {error, Reason :: term()}.
subscribe(Replica, Pid) ->
    gen_server:call(Replica, {subscribe, Pid}).

%% The same with options, a map or keyword list: `what => version` leaves the value out of the
%% messages; with `ack => true`, the next message is sent only after `ack/2`, so that a slow process
%% has one of them in its mailbox at most.
-spec subscribe(replica(), pid(), map() | [{atom(), term()}]) ->
    {ok, Subscription :: reference()} | {error, Reason :: term()}.
subscribe(Replica, Pid, Options) ->
    gen_server:call(Replica, {subscribe, Pid, coppice_config:keywords(Options)}).

%% Ends a subscription, or all those of a process to the replica. A message may be under way.
-spec unsubscribe(replica(), Subscription :: reference() | pid()) -> ok | {error, Reason :: term()}.
unsubscribe(Replica, Subscription) ->
    gen_server:call(Replica, {unsubscribe, Subscription}).

%% Asks for the next message of a subscription with `ack => true`.
-spec ack(replica(), Subscription :: reference()) -> ok.
ack(Replica, Subscription) ->
    gen_server:cast(Replica, {coppice_ack, Subscription}).

%% Starts a replica; the map or keyword list is that of a configuration (docs/configuration.md).
%%
%% ```erlang
%% {ok, Pid} = coppice:start_replica('c1@127.0.0.1', likes, #{crdt => pncounter}).
%% ```
-spec start_replica(coppice(), Name :: atom(), map() | [{atom(), term()}]) ->
    {ok, pid()} | {error, name_taken | read_only | {bad_options, binary()}}.
start_replica(Coppice, Name, Options) ->
    Map = coppice_config:keywords(Options),
    gen_server:call(process_of(Coppice), {start_replica, Name, Map}).

%% Stops a replica. With storage, its state is on disk, and is there again when it is started.
-spec stop_replica(coppice(), Name :: atom()) -> ok | {error, not_found | read_only}.
stop_replica(Coppice, Name) ->
    gen_server:call(process_of(Coppice), {stop_replica, Name}).

%% What a node says of itself, its peers and its replicas: docs/requests.md has the keys.
-spec status(coppice()) -> #{atom() => term()}.
status(Coppice) ->
    {ok, Status} = gen_server:call(process_of(Coppice), status),
    Status.

%% A node's name has an @, and a registered name, as a rule, none.
process_of({coppice, Node}) ->
    {coppice, Node};
process_of(Name) when is_atom(Name) ->
    case lists:member($@, atom_to_list(Name)) of
        true -> {coppice, Name};
        false -> {coppice, node(Name)}
    end;
process_of(Process) ->
    {coppice, node(Process)}.
