%% What Erlang code needs to talk to a replica, beside gen_server:
%%
%%     -include_lib("coppice/include/coppice.hrl").
%%
%%     ok = gen_server:call({page_views, Node}, {mutate, {increment, [5]}}),
%%     {ok, 5} = gen_server:call({page_views, Node}, value),
%%     {ok, #{'__struct__' := ?GROVE_GCOUNTER}} = gen_server:call({page_views, Node}, state).

%% Grove's modules, as the __struct__ of a state and as the crdt of a replica.
-define(GROVE_GCOUNTER, 'Elixir.Grove.Counter.GCounter').
-define(GROVE_PNCOUNTER, 'Elixir.Grove.Counter.PNCounter').

%% A Grove struct is a map; its '__struct__' is one of the above.
-type coppice_struct() :: #{'__struct__' := module(), atom() => term()}.

%% An operation by Grove's own name for it: {increment, [5]}, or increment.
-type coppice_operation() :: {Name :: atom(), Arguments :: [term()]} | atom().

-type coppice_mutation() ::
    coppice_operation()
    | [coppice_operation()]
    | fun((coppice_struct()) -> coppice_struct()).

%% What a replica answers as a gen_server, and with what.
-type coppice_request() ::
    {mutate, coppice_mutation()}    % ok | {error, Reason}: nothing changed
    | {batch, coppice_mutation()}   % the same, all or nothing
    | value                         % {ok, Value}
    | state                         % {ok, coppice_struct()}
    | sync_now.                     % ok
