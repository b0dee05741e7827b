#!/usr/bin/env escript
%% Writes phash2.etf: [{erlang:phash2(Term), Term}] for terms of every type.
%% Made with OTP 25.  With the argument `check`, the release that runs it must
%% give the same hashes:
%%
%%     escript test/vectors/term/phash2.escript
%%     tools/in-root 29 escript test/vectors/term/phash2.escript check
-mode(compile).

main([]) ->
    rand:seed(exsss, {4, 5, 6}),
    Terms = integers() ++ leaves() ++ opaque() ++ funs() ++ bits() ++ lists() ++ maps() ++
                deep() ++ [any(2 + N rem 2) || N <- lists:seq(1, 2500)],
    Rows = [{erlang:phash2(T), T} || T <- Terms],
    ok = file:write_file(name(), term_to_binary(Rows, [compressed])),
    io:format("~b terms~n", [length(Rows)]);
main(["check"]) ->
    {ok, Binary} = file:read_file(name()),
    Rows = binary_to_term(Binary),
    Wrong = [{Hash, erlang:phash2(T), T} || {Hash, T} <- Rows, erlang:phash2(T) =/= Hash],
    io:format("OTP ~s: ~b of ~b differ~n~p~n",
              [erlang:system_info(otp_release), length(Wrong), length(Rows),
               lists:sublist(Wrong, 10)]),
    Wrong =:= [] orelse halt(1).

name() ->
    filename:join(filename:dirname(escript:script_name()), "phash2.etf").

integers() ->
    Bits = [0, 1, 7, 8, 15, 16, 26, 27, 28, 31, 32, 33, 58, 59, 60, 63, 64, 65, 95, 96, 127, 128,
            129, 191, 192, 256, 2039, 2040, 2048, 4096],
    [S * ((1 bsl B) + D) || B <- Bits, S <- [1, -1], D <- [-1, 0, 1]] ++
        [rand:uniform(1 bsl B) - (1 bsl (B - 1)) || B <- lists:seq(2, 300)].

leaves() ->
    [0.0, -0.0, 1.0, -1.5, 1.0e300, 5.0e-324, -1.7976931348623157e308, 3.141592653589793,
     '', a, ab, 'h\x{e9}llo', '\x{7f}', '\x{80}', '\x{a0}', '\x{bf}', '\x{c0}', '\x{ff}',
     '\x{100}', '\x{7ff}', '\x{800}', '\x{1f600}', 'a\x{ff}\x{100}b', true, false, nil, undefined,
     list_to_atom(lists:duplicate(255, $x)), list_to_atom(lists:duplicate(255, 16#e9)),
     list_to_atom(lists:duplicate(255, 16#1f600)), [], {}, #{}, <<>>, ""] ++
        [list_to_atom([rand:uniform(500) || _ <- lists:seq(1, N)]) || N <- lists:seq(1, 120)].

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
    Small = [0, 1, 2, 16#7fff, 16#8000, 16#fffffff, 16#10000000, 16#80000000, 16#ffffffff],
    [pid(N, I, S, C) || N <- [a@h, b@h], I <- Small, S <- [0, 1, 16#80000001], C <- [1, 2]] ++
        [port(N, I, C) || N <- [a@h, b@h], C <- [1, 2],
                          I <- [0, 1, 2, 1 bsl 27, 1 bsl 28, 1 bsl 32, 1 bsl 63, 16#123456789]] ++
        [ref(N, C, W) || N <- [a@h, b@h], C <- [1, 16#90000000],
                         W <- [[1], [262143], [262144, 2], [1, 2, 3], [3, 2, 1],
                               [2, 16#ffffffff, 1], [16#ffffffff, 2, 3], [1, 2, 3, 4, 5]]].

closure(Module, Index, OldIndex, Uniq, Held) ->
    Parts = iolist_to_binary([<<0, 7:128, Index:32, (length(Held)):32>>, atom(Module),
                              [<<(binary:part(B, 1, byte_size(B) - 1))/binary>>
                               || B <- [term_to_binary(T)
                                        || T <- [OldIndex, Uniq, pid(a@h, 1, 1, 1) | Held]]]]),
    binary_to_term(<<131, 112, (byte_size(Parts) + 4):32, Parts/binary>>).

%% Each fun has a module of its own: a BEAM that knows a module's fun by its
%% index ignores the rest of a later encoding of it.
funs() ->
    [closure(list_to_atom("m" ++ integer_to_list(N)), rand:uniform(1000), rand:uniform(1000),
             rand:uniform(1 bsl 27) - 1, Held)
     || N <- lists:seq(1, 40),
        Held <- [case N rem 4 of 0 -> []; 1 -> [N]; 2 -> [N, b, "c"]; 3 -> [#{N => 1}, [a | b]] end]]
        ++ [fun ma:f/0, fun ma:f/1, fun mb:f/255, fun 'm\x{e9}':'\x{100}'/3, fun lists:map/2].

bits() ->
    [binary:copy(<<"abcdefghijklm">>, 20), <<0>>, <<0:1>>, <<1:1>>, <<1:7>>, <<127:7>>, <<255, 1:1>>] ++
        [rand:bytes(N) || N <- lists:seq(0, 60)] ++
        [<<(rand:bytes(N))/binary, (rand:uniform(1 bsl B) - 1):B>>
         || N <- lists:seq(0, 30), B <- [1, 3, 7]].

lists() ->
    ["a", "ab", "abc", "abcd", "abcde", "abcdefgh", [a], [a | b], [1, 2, 3, a], [1, 2 | a],
     [1, 2, 3, 4 | a], [1, a, 2], [1, a, 2, 3, 4, 5, b, 6 | c], [256], [1, 256], [1, -1, 1],
     [[]], [[], []], [[] | []], [[1], 2], [1 | 2], ["ab" | "cd"], [1, 2, 3, 4 | 5],
     [1.0], [1, 1.0], lists:seq(0, 255), lists:seq(0, 256), lists:seq(250, 260),
     lists:duplicate(65535, 1), lists:duplicate(65536, 1), lists:duplicate(65540, 255) ++ [x]] ++
        [[rand:uniform(300) || _ <- lists:seq(1, N)] || N <- lists:seq(1, 60)].

maps() ->
    [#{a => 1}, #{1 => a}, #{[] => []}, #{0.0 => 1}, #{a => #{b => #{c => 1}}}, #{#{a => 1} => 2},
     #{a => 1, b => 1}, #{a => b, b => a}, #{{} => {}, [] => #{}}] ++
        [maps:from_list([{I, I * I} || I <- lists:seq(1, N)]) || N <- lists:seq(1, 70)] ++
        [#{k => maps:from_list([{{I, "k"}, [I | x]} || I <- lists:seq(1, N)]), 1 => 2}
         || N <- [31, 32, 33, 64, 65, 500]].

deep() ->
    Wrap = fun(F, Inner) -> lists:foldl(fun(_, T) -> F(T) end, Inner, lists:seq(1, 200)) end,
    [Wrap(F, T) || F <- [fun(T) -> {T} end, fun(T) -> [T, 1] end, fun(T) -> [1 | {T}] end,
                         fun(T) -> #{k => T} end, fun(T) -> #{T => 1} end],
                   T <- [1, a, []]].

any_leaf() ->
    case rand:uniform(12) of
        1 -> rand:uniform(256) - 1;
        2 -> rand:uniform(1 bsl 40) - (1 bsl 39);
        3 -> rand:uniform(1 bsl 200) - (1 bsl 199);
        4 -> rand:uniform() * 1.0e6 - 5.0e5;
        5 -> pick([a, b, ok, 'h\x{e9}', 'Elixir.Grove.Counter.GCounter']);
        6 -> rand:bytes(rand:uniform(40) - 1);
        7 -> <<(rand:uniform(1 bsl 20) - 1):20>>;
        8 -> [];
        9 -> [rand:uniform(256) - 1 || _ <- lists:seq(1, rand:uniform(12))];
        10 -> pid(a@h, rand:uniform(1 bsl 28), rand:uniform(8191), 1);
        11 -> ref(b@h, 3, [rand:uniform(262143), rand:uniform(1 bsl 32) - 1, 7]);
        12 -> pick([{}, #{}, fun ma:f/1, port(a@h, 12, 3)])
    end.

any(0) -> any_leaf();
any(Depth) ->
    Some = fun(N) -> [any(Depth - 1) || _ <- lists:seq(1, rand:uniform(N))] end,
    case rand:uniform(8) of
        1 -> any_leaf();
        2 -> list_to_tuple(Some(4));
        3 -> Some(6);
        4 -> Some(3) ++ any_leaf();
        5 -> maps:from_list([{K, any(Depth - 1)} || K <- Some(5)]);
        6 -> maps:from_list([{{rand:uniform(1000)}, any(0)} || _ <- lists:seq(1, rand:uniform(50))]);
        7 -> {pick([x, y]), any(Depth - 1)};
        8 -> [1, 2, any(Depth - 1), 3, 4, 5, 6, 7 | any(Depth - 1)]
    end.

pick(List) -> lists:nth(rand:uniform(length(List)), List).
