#!/usr/bin/env escript
%% Writes order.etf: [{Value, Key, Term}], where Value and Key are the places of
%% Term in a BEAM's two orders (== and erts_internal:cmp_term/2); terms that are
%% equal to the BEAM have the same place.  Made with OTP 25:
%%
%%     escript test/vectors/term/order.escript
-mode(compile).

main(_) ->
    rand:seed(exsss, {1, 2, 3}),
    Terms = without_duplicates(numbers() ++ leaves() ++ opaque() ++ funs() ++ bits() ++ lists() ++
                                maps() ++ deep() ++ [any(4) || _ <- lists:seq(1, 260)]),
    Value = places(Terms, fun(A, B) -> if A < B -> -1; A > B -> 1; true -> 0 end end),
    Key = places(Terms, fun erts_internal:cmp_term/2),
    Rows = [{maps:get(N, Value), maps:get(N, Key), T}
            || {N, T} <- lists:zip(lists:seq(1, length(Terms)), Terms)],
    Name = filename:join(filename:dirname(escript:script_name()), "order.etf"),
    ok = file:write_file(Name, term_to_binary(Rows, [compressed])),
    io:format("~p terms~n", [length(Terms)]).

%% As on the wire: 1 and 1.0 are two terms.
without_duplicates(Terms) ->
    lists:foldr(fun(T, Acc) -> case lists:any(fun(U) -> U =:= T end, Acc) of
                                   true -> Acc;
                                   false -> [T | Acc]
                               end end, [], Terms).

places(Terms, Compare) ->
    Numbered = lists:zip(lists:seq(1, length(Terms)), Terms),
    [{N1, T1} | Sorted] = lists:sort(fun({_, A}, {_, B}) -> Compare(A, B) =< 0 end, Numbered),
    {Places, _, _} = lists:foldl(
        fun({N, T}, {Map, Place, Last}) ->
            Next = case Compare(Last, T) of 0 -> Place; -1 -> Place + 1 end,
            {Map#{N => Next}, Next, T}
        end, {#{N1 => 1}, 1, T1}, Sorted),
    Places.

%% Integers and floats around the points where either loses precision.
numbers() ->
    Edges = [1 bsl N || N <- [7, 8, 15, 16, 31, 32, 52, 53, 54, 58, 59, 60, 62, 63, 64, 65, 127,
                              128, 1023]],
    Whole = lists:append([[E - 1, E, E + 1, -E - 1, -E, -E + 1] || E <- Edges]),
    [0, 1 bsl 1024, -(1 bsl 1024), 1 bsl 2040, 1 bsl 2048, -(1 bsl 2048)] ++ Whole ++
        [float(E) * S || E <- Edges, S <- [1, -1]] ++
        [0.0, 0.5, -0.5, 1.0, 1.5, -1.5, 255.5, 1.0e-300, 5.0e-324, -5.0e-324, 1.0e22, 1.0e23,
         9007199254740994.0, 1.7976931348623157e308, -1.7976931348623157e308,
         9223372036854774784.0, 9223372036854777856.0, 18446744073709555712.0].

leaves() ->
    [a, b, ab, aa, 'A', '', 'ä', 'ö', '日本', '😀', 'a b', true, false, nil, undefined,
     list_to_atom(lists:duplicate(255, $x)), list_to_atom(lists:duplicate(255, 16#65E5)),
     list_to_atom([97, 0]), [], {}, #{}, "", <<>>].

atom(A) ->
    Text = atom_to_binary(A),
    <<119, (byte_size(Text)), Text/binary>>.

pid(Node, Id, Serial, Creation) ->
    binary_to_term(<<131, 88, (atom(Node))/binary, Id:32, Serial:32, Creation:32>>).

port(Node, Id, Creation) ->
    binary_to_term(<<131, 120, (atom(Node))/binary, Id:64, Creation:32>>).

ref(Node, Creation, Words) ->
    binary_to_term(<<131, 90, (length(Words)):16, (atom(Node))/binary, Creation:32,
                     << <<W:32>> || W <- Words >>/binary>>).

opaque() ->
    Small = [1, 2, 16#80000000],
    [pid(N, I, S, C) || N <- [a@h, b@h], I <- Small, S <- [0, 1, 16#80000001], C <- [1, 2]] ++
        [pid(a@h, 1, 1, 16#ffffffff)] ++
        [port(N, I, C) || N <- [a@h, b@h], I <- [1, 2, 1 bsl 40, 1 bsl 63], C <- [1, 2]] ++
        [ref(N, C, W) || N <- [a@h, b@h], C <- [1, 16#90000000],
                         W <- [[1], [1, 2, 3], [3, 2, 1], [2, 16#ffffffff, 1], [1, 2, 3, 0, 0],
                               [1, 2, 3, 4, 5], [9, 9, 9, 9, 1]]].

%% A fun of a module that is not loaded; Held: its free variables.
closure(Module, Index, Uniq, Held, Pid) ->
    Parts = iolist_to_binary([<<0, 0:128, Index:32, (length(Held)):32>>, atom(Module),
                              [<<(binary:part(B, 1, byte_size(B) - 1))/binary>>
                               || B <- [term_to_binary(T) || T <- [Index, Uniq, Pid | Held]]]]),
    binary_to_term(<<131, 112, (byte_size(Parts) + 4):32, Parts/binary>>).

funs() ->
    P = pid(a@h, 1, 1, 1),
    [closure(M, I, U, H, P) || M <- [ma, mb], I <- [1, 2], U <- [5, 6, 134217727],
                               H <- [[], [1], [1.0], [2, 1]]] ++
        [closure(mc, 1, 1, [#{1 => H}], P) || H <- [1, 1.0, 2]] ++
        [fun ma:f/1, fun ma:f/2, fun ma:g/1, fun mb:f/1, fun zz:f/0].

bits() ->
    [<<1>>, <<1, 2>>, <<2>>, <<0>>, <<0, 0>>, <<255>>, <<"text">>, <<"ä"/utf8>>, <<1:1>>, <<0:1>>,
     <<1:2>>, <<2:2>>, <<5:3>>, <<160>>, <<191>>, <<5:3, 0:5, 1:1>>, <<1, 1:1>>, <<1, 0:7>>,
     <<0:64>>, <<1:7>>, <<1:4>>, <<16#10>>, <<16#1f>>].

%% Lists that are strings on the wire, and lists that are not.
lists() ->
    ["a", "ab", "abc", "b", [97.0], [97.0, 98], [97, 98.0], [97 | 98], [97 | a], [97, 98 | c],
     [97, 98 | <<>>], [97 | #{}], [97 | {}], [97, []], [97, a], [97, "a"], ["a", 97], [96, z],
     [98.5], [255], [256], [255, 256], [97, 256], [97, 98, 256], [256 | a], [[]], [[], []],
     [1.0 | 2], [1 | 2], [1, 2], [1, 2.0], [1, 2, 3], [-1], [a], [a, b], [a | b],
     lists:duplicate(300, $x), lists:duplicate(300, $x) ++ [y],
     lists:duplicate(300, $x) ++ [1 bsl 70], lists:duplicate(65535, 1),
     lists:duplicate(65536, 1), lists:duplicate(65535, 1) ++ [2]].

maps() ->
    Keys = [1, 1.0, 2, a, b, {1}, {1.0}, #{1 => 1}, #{1 => 1.0}, [1], [1.0], "b", <<"k">>],
    Small = [maps:from_list([{pick(Keys), any_small()} || _ <- lists:seq(1, rand:uniform(4))])
             || _ <- lists:seq(1, 90)],
    Wide = maps:from_list([{K, K} || K <- lists:seq(1, 40)]),
    Small ++ [#{K => M} || K <- [a, 1.0], M <- lists:sublist(Small, 12)] ++
        [#{M => 1, b => 2} || M <- lists:sublist(Small, 12)] ++
        [Wide, Wide#{3 := 3.0}, Wide#{3 := 4, 9 := 1}, Wide#{9 := 1}, Wide#{9 := 1, 3.0 => 3},
         maps:remove(7, Wide#{7.0 => 7}), maps:remove(7, Wide#{7.0 => 1, 8 := 1}),
         maps:remove(40, Wide#{a => 1}), Wide#{20 := Wide}, Wide#{20 := Wide#{1 := 1.0}},
         Wide#{20 := Wide#{1 := 1.0}, 21 := 0}].

deep() ->
    Wrap = fun(F, Inner) -> lists:foldl(fun(_, T) -> F(T) end, Inner, lists:seq(1, 200)) end,
    [Wrap(F, T) || F <- [fun(T) -> {T} end, fun(T) -> [T, 1] end,
                         fun(T) -> #{k => T} end, fun(T) -> #{T => 1} end],
                   T <- [1, 1.0, 2]].

any_small() ->
    pick([1, 1.0, 2, 2.0, a, b, [], "a", [97.0], <<"x">>, {}, {1}, {1.0}, #{}, #{1 => 2},
          #{1 => 2.0}, #{1.0 => 2}]).

any(0) -> any_small();
any(Depth) ->
    Some = fun(N) -> [any(Depth - 1) || _ <- lists:seq(1, rand:uniform(N))] end,
    case rand:uniform(7) of
        1 -> any_small();
        2 -> list_to_tuple(Some(3));
        3 -> Some(3);
        4 -> Some(2) ++ any_small();
        5 -> maps:from_list([{K, any(Depth - 1)} || K <- Some(3)]);
        6 -> #{a => any(Depth - 1), any_small() => any(Depth - 1)};
        7 -> {pick([x, y]), any(Depth - 1)}
    end.

pick(List) -> lists:nth(rand:uniform(length(List)), List).
