#!/usr/bin/env escript
%%! +pc unicode
%% Writes text.etf: [{print, Text, Term}], where a BEAM prints Term as Text (~0tp)
%% and parses Text as Term; and [{read, Text, Term}], where it only parses Text
%% as Term.  Takes its terms from order.etf.  Made with OTP 25:
%%
%%     escript test/vectors/term/text.escript
-mode(compile).

main(_) ->
    rand:seed(exsss, {4, 5, 6}),
    Folder = filename:dirname(escript:script_name()),
    {ok, File} = file:read_file(filename:join(Folder, "order.etf")),
    Terms = [T || {_, _, T} <- binary_to_term(File), has_literal(T)] ++ texts() ++ floats(),
    Rows = [{print, print(T), T} || T <- Terms] ++
        [{read, T, parse(T)} || T <- readable()],
    ok = file:write_file(filename:join(Folder, "text.etf"), term_to_binary(Rows, [compressed])),
    io:format("~p texts~n", [length(Rows)]).

print(Term) ->
    Text = unicode:characters_to_binary(io_lib:format("~0tp", [Term])),
    true = parse(Text) =:= Term,
    Text.

parse(Text) ->
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(Text) ++ "\n."),
    {ok, Term} = erl_parse:parse_term(Tokens),
    Term.

%% Also left out: what a BEAM prints in another order or form (maps of more than
%% 32 keys; lists of characters above Latin-1; bytes that are text in Latin-1 but
%% not in UTF-8; atoms that only we quote).
has_literal(T) when is_pid(T); is_reference(T); is_port(T) -> false;
has_literal(T) when is_function(T) -> erlang:fun_info(T, type) =:= {type, external};
has_literal(T) when is_atom(T) -> lists:all(fun(C) -> C < 128 orelse C > 255 end, atom_to_list(T));
has_literal(T) when is_integer(T) -> abs(T) < 1 bsl 2000;
has_literal(T) when is_tuple(T) -> has_literal(tuple_to_list(T));
has_literal(T) when is_map(T) -> map_size(T) =< 32 andalso has_literal(maps:to_list(T));
has_literal([H | T] = L) ->
    not (io_lib:printable_unicode_list(L) andalso lists:max(L) > 255) andalso length_below(L, 1000)
        andalso has_literal(H) andalso has_literal(T);
has_literal(T) when is_binary(T) ->
    is_list(unicode:characters_to_list(T)) orelse
        not io_lib:printable_latin1_list(binary_to_list(T));
has_literal(_) -> true.

length_below([_ | T], N) -> N > 0 andalso length_below(T, N - 1);
length_below(_, _) -> true.

texts() ->
    [lists:seq(1, 255), [0], [7], [127], [128], [160], "a\"b\\c'd", "\n\r\t\v\b\f\e", "tab\tend",
     [$a, 0], 'it\'s', 'a"b', 'a\\b', 'a\nb', '\0\177', 'Elixir.Grove', 'with space', 'c1@host',
     'c1@127.0.0.1', 'end', 'fun', 'when', 'a1_@B', '_a', '@a', '1a', 'a-b', ['end' | 'of'],
     <<"it's">>, <<"say \"x\"\\">>, <<"line\nline">>, <<"äöü"/utf8>>, <<"日本語 😀"/utf8>>,
     <<"mixed ä text"/utf8>>, <<0>>, <<"a", 0>>, <<255, 0>>, <<"cut ", 16#e6, 16#97>>,
     <<16#ed, 16#a0, 16#80>>, <<16#c0, 16#80>>, <<127>>, <<27>>, <<1, 2, 3:4>>, <<"abc", 1:1>>,
     {a, [1, 2 | b], #{k => "v", <<"x">> => [[]], {} => #{}}}, [[[]]], [{}], [a | [b]],
     #{1 => 2, 1.0 => 2.5, a => [x, y]}, fun lists:map/2, fun 'Elixir.Enum':'map!'/255].

floats() ->
    Round = [D * math:pow(10, E) || D <- [1, 12, 123, 1234567], E <- lists:seq(-9, 22)],
    Bits = [F || _ <- lists:seq(1, 400), <<F/float>> <- [rand:bytes(8)]],
    Tiny = [F || N <- [1, 2, 3, 4711, (1 bsl 52) - 1, 1 bsl 52], <<F/float>> <- [<<N:64>>]],
    [-1.0, -0.0, 0.1, 100.0, 1000.0, 123456.0] ++ Round ++ Bits ++ Tiny ++ [-F || F <- Tiny].

readable() ->
    [<<"  % comment\n  foo % more">>, <<"[1,\n 2]">>, <<"{a , b}">>, <<"{ }">>, <<"[ ]">>,
     <<"#{ }">>, <<"#{a=>1,b=>2}">>, <<"-5">>, <<"+5">>, <<"- 5">>, <<"-0">>, <<"007">>,
     <<"1_000_000">>, <<"16#fF">>, <<"2#1010">>, <<"36#zZ">>, <<"16#dead_beef">>,
     <<"-16#10000000000000000">>, <<"1.5">>, <<"-1.5e3">>, <<"1.5E-3">>, <<"1.0e+3">>,
     <<"1_0.2_5">>, <<"1.0e-400">>, <<"$a">>, <<"$\\n">>, <<"$\\s">>, <<"$\\\\">>, <<"$'">>,
     <<"$ ">>, <<"-$a">>, <<"$\\x41">>, <<"$\\x{1F600}">>, <<"$\\101">>, <<"$\\^A">>,
     <<"$ä"/utf8>>, <<"$😀"/utf8>>, <<"\"\"">>, <<"\"a\" \"b\"">>, <<"\"a\"\n  \"b\" % c">>,
     <<"\"\\x{65E5}\\7\\12\\123\\1234\"">>, <<"\"\\n\\r\\t\\v\\b\\f\\e\\s\\d\\q\"">>,
     <<"\"\\^a\\^Z\\^[\"">>, <<"\"日本\""/utf8>>, <<"\"a\nb\"">>, <<"\"a\\\nb\"">>,
     <<"'a\\x{65E5}'">>, <<"'日本'"/utf8>>, <<"ärger"/utf8>>, <<"straße"/utf8>>, <<"aÄ"/utf8>>,
     <<"''">>, <<"[a|b]">>, <<"[a,b|[c,d]]">>, <<"[1|[2|[3|[]]]]">>, <<"[97|\"bc\"]">>,
     <<"[1|\"\"]">>, <<"[a|\"\"]">>, <<"[300|\"a\"]">>, <<"<<>>">>, <<"<< >>">>,
     <<"<<1,2,3>>">>, <<"<<-1, 256, 16#ff>>">>, <<"<<\"ab\">>">>, <<"<<\"ä\">>"/utf8>>,
     <<"<<\"ä\"/utf8>>"/utf8>>, <<"<<\"a\", 0, \"b\"/utf8>>">>, <<"<<1:1>>">>, <<"<<1:4, 2:4>>">>,
     <<"<<5:3, \"ab\">>">>, <<"<<1:16>>">>, <<"<<-1:12>>">>, <<"<<1:100>>">>, <<"<<-2:100>>">>,
     <<"<<7:0>>">>, <<"<<$a, $b>>">>, <<"<<18446744073709551615:64>>">>, <<"fun a:b/3">>,
     <<"fun 'A':'B c'/0">>, <<"[{x,[{y,#{z=>[{}]}}]}]">>, <<"maybe">>, <<"{else,maybe}">>,
     <<"#{#{a=>1}=>1,#{a=>1.0}=>2,1=>a,1.0=>b}">>].
