%% For Erlang code that talks to a replica through gen_server:
%%
%%     -include_lib("coppice/include/coppice.hrl").
%%
%%     ok = gen_server:call({page_views, Node}, {mutate, {increment, [5]}}),
%%     {ok, 5} = gen_server:call({page_views, Node}, value),
%%     {ok, #{'__struct__' := ?GROVE_GCOUNTER}} = gen_server:call({page_views, Node}, state).
%%
%% docs/requests.md describes every request and reply.

%% Grove's modules: the __struct__ of a state, or the crdt of a replica.
-define(GROVE_GCOUNTER, 'Elixir.Grove.Counter.GCounter').
-define(GROVE_PNCOUNTER, 'Elixir.Grove.Counter.PNCounter').
-define(GROVE_LWW_REGISTER, 'Elixir.Grove.Register.LWWRegister').
-define(GROVE_MV_REGISTER, 'Elixir.Grove.Register.MVRegister').
-define(GROVE_GSET, 'Elixir.Grove.Set.GSet').
-define(GROVE_TWO_P_SET, 'Elixir.Grove.Set.TwoPSet').
-define(GROVE_OR_SET, 'Elixir.Grove.Set.ORSet').
-define(GROVE_DVV_SET, 'Elixir.Grove.Set.DVVSet').
-define(GROVE_OR_MAP, 'Elixir.Grove.Map.ORMap').
-define(GROVE_RGA, 'Elixir.Grove.Sequence.RGA').

%% A Grove struct is a map; its '__struct__' is one of the above.
-type coppice_struct() :: #{'__struct__' := module(), atom() => term()}.

%% The name of a function of Grove's and its arguments: {increment, [5]}, or increment.
-type coppice_operation() :: {Name :: atom(), Arguments :: [term()]} | atom().

-type coppice_mutation() ::
    coppice_operation()
    | [coppice_operation()]
    | fun((coppice_struct()) -> coppice_struct()).

%% Calls and their replies; any of them may be {error, Reason}.
-type coppice_request() ::
    {mutate, coppice_mutation()}    % ok; all or nothing
    | {batch, coppice_mutation()}   % the same
    | {mutate_reply, coppice_operation() | [coppice_operation()]}  % {ok, Result}
    | value                         % {ok, Value}
    | state                         % {ok, coppice_struct()}
    | sync_now.                     % ok
