%% Runs and calls coppices from Elixir, in IEx or in a program; Grove need not be installed.
%%
%% A coppice is a node written in C that hosts replicas of Grove's CRDTs. As a child of a
%% supervisor, it runs beside this node:
%%
%%     children = [
%%       {Coppice, node: :"c1@127.0.0.1", replicas: [page_views: [crdt: :gcounter]]}
%%     ]
%%
%% The functions for a replica take `{name, node}`, a pid or any other name of a process. Those
%% that end in `!` raise a `RuntimeError` where the others return `{:error, reason}`; `mutate!/2`,
%% `batch!/2` and `sync_now!/1` return the replica, so that calls can be piped:
%%
%%     iex> {:ok, _pid} = Coppice.start_replica(:"c1@127.0.0.1", :page_views, crdt: :gcounter)
%%     iex> page_views = {:page_views, :"c1@127.0.0.1"}
%%     iex> page_views |> Coppice.mutate!({:increment, [5]}) |> Coppice.value!()
%%     5
%%     iex> Coppice.stop(page_views)
%%     :ok
%%
%% All of them are functions of the Erlang module `:coppice`, whose documentation has the details
%% (`h :coppice`). Only values differ: a set is a `MapSet` of this Elixir, so that it is `==` to
%% others.
-module('Elixir.Coppice').

-export([start_link/1, child_spec/1, node/1, port/1, stop/1]).
-export([mutate/2, mutate/3, 'mutate!'/2, 'mutate!'/3, mutate_reply/2, mutate_reply/3]).
-export([batch/2, batch/3, 'batch!'/2, 'batch!'/3]).
-export([value/1, value/2, 'value!'/1, 'value!'/2, state/1, state/2, 'state!'/1, 'state!'/2]).
-export([sync_now/1, 'sync_now!'/1]).
-export([subscribe/1, subscribe/2, subscribe/3, unsubscribe/2, ack/2]).
-export([start_replica/3, stop_replica/2, status/1]).
-export(['__info__'/1]).

-compile({no_auto_import, [node/1]}).
-compile({parse_transform, coppice_docs}).
-ignore_xref(['Elixir.Kernel', 'Elixir.MapSet', 'Elixir.RuntimeError']).

%% Starts a coppice, linked to the caller; returns when it answers calls.
%%
%%     {:ok, pid} = Coppice.start_link(node: :"c1@127.0.0.1", replicas: [likes: [crdt: :gset]])
%%
%% The argument is the name of a configuration file, or a keyword list or map of its keys and of
%% these:
%%
%%   * `:config_file` - the configuration file, instead of all its keys
%%   * `:cookie` - an atom, a string, or a function that returns one; default: this node's
%%   * `:name` - a name for the process, an atom, `{:global, name}` or `{:via, module, name}`
%%   * `:program` - default: `priv/coppice` of this application
%%   * `:restart` - `:permanent` (default), `:transient` or `:temporary`, see `child_spec/1`
%%   * `:timeout` - milliseconds until the program has to be ready; default 10000
%%
%% Without `:connect`, the coppice connects to this node.
-spec start_link(coppice:config()) ->
    {ok, pid()} | ignore | {error, coppice:exit_reason() | term()}.
start_link(Config) ->
    coppice:start_link(Config).

%% A coppice as a child of a supervisor: `{Coppice, node: :"c1@127.0.0.1", ...}`, with what
%% `start_link/1` takes.
%%
%% If the program ends, it is started again by the process itself, after pauses of one to 30
%% seconds. With `restart: :transient` this is not done for a program that was stopped in an orderly
%% way, with `:temporary` never; then the process exits.
-spec child_spec(coppice:config()) -> supervisor:child_spec().
child_spec(Config) ->
    coppice:child_spec(Config).

%% The name of the node that the process of `start_link/1` runs.
-spec node(gen_server:server_ref()) -> node().
node(Process) ->
    coppice:node(Process).

%% The TCP port on which that node listens for other nodes.
-spec port(gen_server:server_ref()) -> inet:port_number().
port(Process) ->
    coppice:port(Process).

%% Stops the process of `start_link/1` with its program, or a replica; returns when it has ended.
-spec stop(gen_server:server_ref() | coppice:replica()) -> ok.
stop(Server) ->
    coppice:stop(Server).

%% Changes a replica, as a whole or not at all: an operation, a list of them, or a function from
%% struct to struct.
%%
%%     iex> Coppice.start_replica(:"c1@127.0.0.1", :tags, crdt: :or_set)
%%     iex> tags = {:tags, :"c1@127.0.0.1"}
%%     iex> Coppice.mutate(tags, [{:add, ["red"]}, {:add, ["blue"]}, {:remove, ["red"]}])
%%     :ok
%%     iex> Coppice.value(tags)
%%     {:ok, MapSet.new(["blue"])}
%%     iex> Coppice.mutate(tags, {:rename, ["blue", "green"]})
%%     {:error, {:bad_op, {:rename, ["blue", "green"]}}}
%%     iex> Coppice.stop(tags)
%%     :ok
-spec mutate(coppice:replica(), coppice:change()) -> ok | {error, Reason :: term()}.
mutate(Replica, Change) ->
    coppice:mutate(Replica, Change).

%% The same with a time to wait for the answer, in milliseconds.
-spec mutate(coppice:replica(), coppice:change(), timeout()) -> ok | {error, Reason :: term()}.
mutate(Replica, Change, Timeout) ->
    coppice:mutate(Replica, Change, Timeout).

%% Changes a replica and returns it; raises if it is refused.
-spec 'mutate!'(Replica, coppice:change()) -> Replica when Replica :: coppice:replica().
'mutate!'(Replica, Change) ->
    done(coppice:mutate(Replica, Change), Replica).

%% The same with a time to wait for the answer, in milliseconds.
-spec 'mutate!'(Replica, coppice:change(), timeout()) -> Replica when Replica :: coppice:replica().
'mutate!'(Replica, Change, Timeout) ->
    done(coppice:mutate(Replica, Change, Timeout), Replica).

%% Changes a replica and returns the result of the operation, or of each of a list: the id of an
%% element that was inserted into a sequence, else `:ok`.
%%
%%     iex> Coppice.start_replica(:"c1@127.0.0.1", :text, crdt: :rga)
%%     iex> text = {:text, :"c1@127.0.0.1"}
%%     iex> {:ok, a} = Coppice.mutate_reply(text, {:insert, ["a", :head]})
%%     iex> text |> Coppice.mutate!({:insert, ["b", a]}) |> Coppice.value!()
%%     ["a", "b"]
%%     iex> Coppice.stop(text)
%%     :ok
-spec mutate_reply(coppice:replica(), coppice:operation() | [coppice:operation()]) ->
    {ok, Result :: term()} | {error, Reason :: term()}.
mutate_reply(Replica, Operations) ->
    coppice:mutate_reply(Replica, Operations).

%% The same with a time to wait for the answer, in milliseconds.
-spec mutate_reply(coppice:replica(), coppice:operation() | [coppice:operation()], timeout()) ->
    {ok, Result :: term()} | {error, Reason :: term()}.
mutate_reply(Replica, Operations, Timeout) ->
    coppice:mutate_reply(Replica, Operations, Timeout).

%% For a coppice the same as `mutate/2`. Grove's own server answers `{:error, reason}` if a
%% function raises, where it would crash on a `mutate`.
-spec batch(coppice:replica(), coppice:change()) -> ok | {error, Reason :: term()}.
batch(Replica, Change) ->
    coppice:batch(Replica, Change).

%% The same with a time to wait for the answer, in milliseconds.
-spec batch(coppice:replica(), coppice:change(), timeout()) -> ok | {error, Reason :: term()}.
batch(Replica, Change, Timeout) ->
    coppice:batch(Replica, Change, Timeout).

%% Like `batch/2`, but returns the replica, and raises if the change is refused.
-spec 'batch!'(Replica, coppice:change()) -> Replica when Replica :: coppice:replica().
'batch!'(Replica, Change) ->
    done(coppice:batch(Replica, Change), Replica).

%% The same with a time to wait for the answer, in milliseconds.
-spec 'batch!'(Replica, coppice:change(), timeout()) -> Replica when Replica :: coppice:replica().
'batch!'(Replica, Change, Timeout) ->
    done(coppice:batch(Replica, Change, Timeout), Replica).

%% The value of a replica: an integer for counters, a `MapSet` for sets, a list for a sequence and
%% an `mv_register`, a map of structs for an `or_map`.
-spec value(coppice:replica()) -> {ok, Value :: term()} | {error, Reason :: term()}.
value(Replica) ->
    own(coppice:value(Replica)).

%% The same with a time to wait for the answer, in milliseconds.
-spec value(coppice:replica(), timeout()) -> {ok, Value :: term()} | {error, Reason :: term()}.
value(Replica, Timeout) ->
    own(coppice:value(Replica, Timeout)).

%% The value of a replica; raises if there is an error, such as a broken disk.
-spec 'value!'(coppice:replica()) -> Value :: term().
'value!'(Replica) ->
    done(value(Replica), Replica).

%% The same with a time to wait for the answer, in milliseconds.
-spec 'value!'(coppice:replica(), timeout()) -> Value :: term().
'value!'(Replica, Timeout) ->
    done(value(Replica, Timeout), Replica).

%% The whole state of a replica, as Grove's struct; without Grove it is shown as a map.
%%
%%     iex> Coppice.start_replica(:"c1@127.0.0.1", :likes, crdt: :gcounter, actor: "c1")
%%     iex> likes = {:likes, :"c1@127.0.0.1"}
%%     iex> %{counts: counts} = likes |> Coppice.mutate!(:increment) |> Coppice.state!()
%%     iex> counts
%%     %{"c1" => 1}
%%     iex> Coppice.stop(likes)
%%     :ok
-spec state(coppice:replica()) -> {ok, coppice:grove()} | {error, Reason :: term()}.
state(Replica) ->
    coppice:state(Replica).

%% The same with a time to wait for the answer, in milliseconds.
-spec state(coppice:replica(), timeout()) -> {ok, coppice:grove()} | {error, Reason :: term()}.
state(Replica, Timeout) ->
    coppice:state(Replica, Timeout).

%% The whole state of a replica; raises if there is an error.
-spec 'state!'(coppice:replica()) -> coppice:grove().
'state!'(Replica) ->
    done(state(Replica), Replica).

%% The same with a time to wait for the answer, in milliseconds.
-spec 'state!'(coppice:replica(), timeout()) -> coppice:grove().
'state!'(Replica, Timeout) ->
    done(state(Replica, Timeout), Replica).

%% Sends what is new to the other replicas of the group now, not at the next interval.
-spec sync_now(coppice:replica()) -> ok | {error, Reason :: term()}.
sync_now(Replica) ->
    coppice:sync_now(Replica).

%% Like `sync_now/1`, but returns the replica, and raises if there is an error.
-spec 'sync_now!'(Replica) -> Replica when Replica :: coppice:replica().
'sync_now!'(Replica) ->
    done(coppice:sync_now(Replica), Replica).

%% Has this process told of each change of a replica, with the value as it is at once.
%%
%%     iex> {:ok, _pid} = Coppice.start_replica(:"c1@127.0.0.1", :visits, crdt: :gcounter)
%%     iex> visits = {:visits, :"c1@127.0.0.1"}
%%     iex> {:ok, ref} = Coppice.subscribe(visits)
%%     iex> receive do: ({:coppice_changed, :visits, ^ref, %{value: value}} -> value)
%%     0
%%     iex> Coppice.mutate!(visits, {:increment, [5]})
%%     iex> receive do: ({:coppice_changed, :visits, ^ref, %{value: value}} -> value)
%%     5
%%     iex> Coppice.unsubscribe(visits, ref)
%%     :ok
%%     iex> Coppice.stop(visits)
%%     :ok
%%
%% A message may stand for several changes. A value of more than about a megabyte is not in it. The
%% subscription ends with the process, with the connection to the replica's node, and with the
%% replica: monitor that, and subscribe again when it is back. Only coppices know this request; to
%% a Grove server do not send it.
-spec subscribe(coppice:replica()) -> {ok, Subscription :: reference()} | {error, Reason :: term()}.
subscribe(Replica) ->
    coppice:subscribe(Replica).

%% The same for another process, on this node or on any that the replica's node is connected to.
-spec subscribe(coppice:replica(), pid()) ->
    {ok, Subscription :: reference()} | {error, Reason :: term()}.
subscribe(Replica, Pid) ->
    coppice:subscribe(Replica, Pid).

%% The same with options.
%%
%%   * `:what` - `:value` (default), or `:version`, which leaves the value out of the messages
%%   * `:ack` - `true`: the next message is sent only after `ack/2`, so that a slow process has one
%%     of them in its mailbox at most
-spec subscribe(coppice:replica(), pid(), map() | [{atom(), term()}]) ->
    {ok, Subscription :: reference()} | {error, Reason :: term()}.
subscribe(Replica, Pid, Options) ->
    coppice:subscribe(Replica, Pid, Options).

%% Ends a subscription, or all those of a process to the replica. A message may be under way.
-spec unsubscribe(coppice:replica(), Subscription :: reference() | pid()) ->
    ok | {error, Reason :: term()}.
unsubscribe(Replica, Subscription) ->
    coppice:unsubscribe(Replica, Subscription).

%% Asks for the next message of a subscription with `ack: true`.
-spec ack(coppice:replica(), Subscription :: reference()) -> ok.
ack(Replica, Subscription) ->
    coppice:ack(Replica, Subscription).

%% Starts a replica on a node (its name, or the process of `start_link/1`); the keyword list or map
%% is that of a configuration.
%%
%%     iex> {:ok, pid} = Coppice.start_replica(:"c1@127.0.0.1", :votes, crdt: :pncounter)
%%     iex> node(pid)
%%     :"c1@127.0.0.1"
%%     iex> Coppice.start_replica(:"c1@127.0.0.1", :votes, crdt: :pncounter)
%%     {:error, :name_taken}
%%     iex> Coppice.stop_replica(:"c1@127.0.0.1", :votes)
%%     :ok
-spec start_replica(coppice:coppice(), Name :: atom(), map() | [{atom(), term()}]) ->
    {ok, pid()} | {error, name_taken | read_only | {bad_options, binary()}}.
start_replica(Coppice, Name, Options) ->
    coppice:start_replica(Coppice, Name, Options).

%% Stops a replica. With storage, its state is on disk, and is there again when it is started.
-spec stop_replica(coppice:coppice(), Name :: atom()) -> ok | {error, not_found | read_only}.
stop_replica(Coppice, Name) ->
    coppice:stop_replica(Coppice, Name).

%% What a node says of itself, its peers and its replicas.
%%
%%     iex> Coppice.status(:"c1@127.0.0.1").node
%%     :"c1@127.0.0.1"
-spec status(coppice:coppice()) -> #{atom() => term()}.
status(Coppice) ->
    coppice:status(Coppice).

done(ok, Replica) ->
    Replica;
done({ok, Value}, _Replica) ->
    Value;
done({error, Reason}, Replica) ->
    Text = ['Elixir.Kernel':inspect(Replica), ": ", 'Elixir.Kernel':inspect(Reason)],
    error('Elixir.RuntimeError':exception(iolist_to_binary(Text))).

own({ok, #{'__struct__' := 'Elixir.MapSet', map := Elements}}) ->
    {ok, 'Elixir.MapSet':new(maps:keys(Elements))};
own(Answer) ->
    Answer.

-spec '__info__'(atom()) -> term().
'__info__'(module) -> ?MODULE;
'__info__'(functions) -> [F || {Name, _} = F <- module_info(exports), not is_internal(Name)];
'__info__'(macros) -> [];
'__info__'(struct) -> nil;
'__info__'(deprecated) -> [];
'__info__'(Key) -> module_info(Key).

is_internal(Name) ->
    lists:member(Name, ['__info__', module_info]).
