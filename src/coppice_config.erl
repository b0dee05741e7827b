%% The configuration given to coppice:start_link/1: the terms that the program reads, and what it
%% gets in its environment.
-module(coppice_config).

-export([options/1, get/2, get/3, text/1, connects_here/1, environment/1, keywords/1]).
-export([epmd_port/1]).
-export_type([options/0]).

%% Keys of this application, which the program does not know.
-define(OWN_KEYS, [config_file, cookie, name, program, restart, timeout]).

-type options() :: [tuple()].

%% As a list.  A cookie becomes a fun, so that no crash report shows it.
-spec options(coppice:config()) -> options().
options(Config) when is_map(Config) -> options(maps:to_list(Config));
options([Option | _] = Config) when is_tuple(Option) -> [hide(Each) || Each <- Config];
options([]) -> [];
options(File) -> [{config_file, File}].

hide({cookie, Cookie}) when not is_function(Cookie) -> {cookie, fun() -> Cookie end};
hide(Option) -> Option.

-spec get(atom(), options()) -> term().
get(Key, Options) ->
    get(Key, Options, undefined).

-spec get(atom(), options(), term()) -> term().
get(Key, Options, Default) ->
    proplists:get_value(Key, Options, Default).

%% What the program reads: connect defaults to this node, and tls to what this node uses.  Throws
%% not_distributed or no_tls.
-spec text(options()) -> binary().
text(Options) ->
    Terms = lists:flatmap(fun terms/1, add_tls(Options, add_connect(Options))),
    Lines = [io_lib:format("~0tp.~n", [Term]) || Term <- Terms],
    <<_/binary>> = unicode:characters_to_binary(Lines).

%% Whether it connects to this node because nothing else was said.
-spec connects_here(options()) -> boolean().
connects_here(Options) ->
    not (proplists:is_defined(connect, Options) orelse proplists:is_defined(config_file, Options)).

add_connect(Options) ->
    case proplists:is_defined(connect, Options) of
        true -> Options;
        false when node() =:= nonode@nohost -> throw(not_distributed);
        false -> [{connect, [node()]} | Options]
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
terms({replicas, Replicas}) ->
    [{replica, Name, keywords(Map)} || {Name, Map} <- pairs(Replicas)];
terms({replica, Name, Map}) ->
    [{replica, Name, keywords(Map)}];
terms({listen, Map}) ->
    [{listen, keywords(Map)}];
terms({connect, List}) when is_list(List) ->
    [{connect, [peers(Element) || Element <- List]}];
terms({connect, Dns}) ->
    [{connect, peers(Dns)}];
terms({tls, FileOrMap}) ->
    [{tls, keywords(FileOrMap)}];
terms(Option) ->
    case lists:member(element(1, Option), ?OWN_KEYS) of
        true -> [];
        false -> [Option]
    end.

peers({dns, Host, Settings}) -> {dns, Host, keywords(Settings)};
peers(Other) -> Other.

pairs(Map) when is_map(Map) -> maps:to_list(Map);
pairs(List) -> List.

%% A keyword list as a map; the storage of a replica may be one, too.
-spec keywords(term()) -> term().
keywords([{Key, _} | _] = List) when is_atom(Key) ->
    keywords(maps:from_list(List));
keywords([]) ->
    #{};
keywords(#{storage := Storage} = Map) ->
    Map#{storage := keywords(Storage)};
keywords(Other) ->
    Other.

%% The cookie is passed in the environment: others may be able to read files and arguments.  What a
%% service manager wants to be told is said by the emulator, not by the program.
-spec environment(options()) -> [{string(), string() | false}].
environment(Options) ->
    [{"NOTIFY_SOCKET", false}, {"WATCHDOG_USEC", false} | environment_cookie(cookie(Options))].

environment_cookie(undefined) ->
    [];
environment_cookie(Cookie) when is_atom(Cookie) ->
    [{"COPPICE_COOKIE", atom_to_list(Cookie)}];
environment_cookie(Cookie) ->
    [{"COPPICE_COOKIE", binary_to_list(iolist_to_binary(Cookie))}].

cookie(Options) ->
    Given = proplists:is_defined(config_file, Options) orelse
        proplists:is_defined(cookie_file, Options),
    case get(cookie, Options) of
        undefined when Given; node() =:= nonode@nohost -> undefined;
        undefined -> cookie_of_node(os:getenv("COPPICE_COOKIE"));
        Cookie -> Cookie()
    end.

cookie_of_node(false) -> erlang:get_cookie();
cookie_of_node(_InEnvironment) -> undefined.

-spec epmd_port(options()) -> inet:port_number().
epmd_port(Options) ->
    Keys =
        case file:consult(get(config_file, Options, "")) of
            {ok, Terms} -> Terms;
            {error, _} -> Options
        end,
    get(epmd_port, Keys, list_to_integer(os:getenv("ERL_EPMD_PORT", "4369"))).
