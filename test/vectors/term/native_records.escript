#!/usr/bin/env escript
%%! +pc unicode
%% Writes native_records.etf: [{Value, Key, Text, Term}], where Value and Key are the
%% places of Term in a BEAM's two orders (== and erts_internal:cmp_term/2), and Text is
%% what it prints (~0tp).  Not compressed, so that the terms in it stand as
%% term_to_binary/1 writes them.  Made with OTP 29, the first with native records:
%%
%%     tools/in-root 29 escript test/vectors/term/native_records.escript
-mode(compile).

main(_) ->
    rand:seed(exsss, {7, 7, 7}),
    Terms = lists:usort(others() ++ alone() ++ inside() ++ [any(3) || _ <- lists:seq(1, 150)]),
    Value = places(Terms, fun(A, B) -> if A < B -> -1; A > B -> 1; true -> 0 end end),
    Key = places(Terms, fun erts_internal:cmp_term/2),
    Rows = [{maps:get(N, Value), maps:get(N, Key), text(T), T}
            || {N, T} <- lists:zip(lists:seq(1, length(Terms)), Terms)],
    Name = filename:join(filename:dirname(escript:script_name()), "native_records.etf"),
    ok = file:write_file(Name, term_to_binary(Rows)),
    io:format("~p terms~n", [length(Terms)]).

text(T) -> unicode:characters_to_binary(io_lib:format("~0tp", [T])).

places(Terms, Compare) ->
    Numbered = lists:zip(lists:seq(1, length(Terms)), Terms),
    [{N1, T1} | Sorted] = lists:sort(fun({_, A}, {_, B}) -> Compare(A, B) =< 0 end, Numbered),
    {Places, _, _} = lists:foldl(
        fun({N, T}, {Map, Place, Last}) ->
            Next = case Compare(Last, T) of 0 -> Place; -1 -> Place + 1 end,
            {Map#{N => Next}, Next, T}
        end, {#{N1 => 1}, 1, T1}, Sorted),
    Places.

record(Exported, Module, Name, Fields) ->
    records:create(Module, Name, Fields, #{is_exported => Exported}).

r(Fields) -> record(false, m, r, Fields).

others() -> [1, 1.0, a, {}, {1}, {m, r, 1}, #{}, #{a => 1}, [], [1], "ab", <<>>, <<1>>, fun lists:map/2].

alone() ->
    [record(E, M, N, F) || E <- [false, true], M <- [m, l, 'Elixir.My.App'], N <- [r, s, 'A b'],
                           F <- [[], [{a, 1}], [{a, 1.0}], [{a, 2}], [{b, 0}], [{aa, 5}]]] ++
        [r([{a, 2}, {b, 1}]), r([{a, 1}, {c, 0}]), r([{b, 1}, {a, 0}]), r([{b, 0}, {a, 1}]),
         r([{'日本', "text"}, {'with blank', <<"b">>}, {'Up', [x | y]}]),
         r([{list_to_atom(lists:duplicate(255, $x)), 1}]),
         r([{list_to_atom("f" ++ integer_to_list(I)), I} || I <- lists:seq(1, 300)])].

inside() ->
    R = r([{a, 1}]),
    [{R}, {R, R}, [R], [R | R], #{R => 1}, #{r([{a, 1.0}]) => 1}, #{1 => R}, #{1 => r([{a, 0}])},
     r([{a, R}]), r([{a, #{R => R}}]), r([{a, {R}}, {b, [R]}]), #{R => 2, a => 1, {} => 3},
     #{r([{a, 1}]) => x, r([{a, 1.0}]) => y}, r([{a, #{2 => 1, 1 => 2}}])].

any(0) -> lists:nth(rand:uniform(6), [0, 1.5, a, b, <<"x">>, []]);
any(N) ->
    case rand:uniform(4) of
        1 -> {any(N - 1), any(N - 1)};
        2 -> #{any(N - 1) => any(N - 1)};
        _ -> record(rand:uniform(2) =:= 1, m, lists:nth(rand:uniform(2), [r, s]),
                    [{F, any(N - 1)} || F <- lists:sublist([a, b, c], rand:uniform(4) - 1)])
    end.
