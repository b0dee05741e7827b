%% The names of Grove's modules, for Erlang code that uses a replica:
%%
%%     -include_lib("coppice/include/coppice.hrl").
%%
%%     ok = coppice:mutate({page_views, Node}, {increment, [5]}),
%%     {ok, 5} = coppice:value({page_views, Node}),
%%     {ok, #{'__struct__' := ?GROVE_GCOUNTER}} = coppice:state({page_views, Node}).
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

%% The types of the module coppice, by the names that they had here.
-type coppice_struct() :: coppice:grove().
-type coppice_operation() :: coppice:operation().
-type coppice_mutation() :: coppice:change().

%% Calls and their replies; any of them may be {error, Reason}.
-type coppice_request() ::
    {mutate, coppice_mutation()}    % ok; all or nothing
    | {batch, coppice_mutation()}   % the same
    | {mutate_reply, coppice_operation() | [coppice_operation()]}  % {ok, Result}
    | value                         % {ok, Value}
    | state                         % {ok, coppice_struct()}
    | sync_now.                     % ok
