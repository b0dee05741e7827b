#!/usr/bin/env escript
%% Writes integer.etf: [{A, B, A + B, A - B, Digits of A, A in base 36}], with
%% numbers around the points where the encoding of an integer changes.  Made
%% with OTP 25:
%%
%%     escript test/vectors/term/integer.escript
-mode(compile).

main(_) ->
    rand:seed(exsss, {7, 8, 9}),
    Edges = [1 bsl N || N <- [0, 8, 27, 31, 32, 59, 62, 63, 64, 65, 128, 255 * 8, 256 * 8, 4000]],
    Numbers = [0] ++ lists:append([[E - 1, E, E + 1, 1 - E, -E, -E - 1] || E <- Edges]) ++
        [(rand:uniform(1 bsl N) - 1) * lists:nth(rand:uniform(2), [1, -1]) ||
            N <- lists:seq(1, 300, 7)],
    Pairs = [{A, B} || A <- Numbers, B <- pick(12, Numbers)] ++ [{A, -A} || A <- Numbers] ++
        [{A, A} || A <- Numbers],
    Rows = [{A, B, A + B, A - B, integer_to_binary(A), integer_to_binary(A, 36)}
            || {A, B} <- Pairs],
    Name = filename:join(filename:dirname(escript:script_name()), "integer.etf"),
    ok = file:write_file(Name, term_to_binary(Rows, [compressed])),
    io:format("~p rows~n", [length(Rows)]).

pick(N, List) -> [lists:nth(rand:uniform(length(List)), List) || _ <- lists:seq(1, N)].
