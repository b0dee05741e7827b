#!/usr/bin/env escript
%% Writes dets_order.etf: [{Place, Term}], the terms of order.etf in the order of
%% a slot of a DETS table: sorted by dets_utils:cmp/2.  Terms that it puts before
%% each other both ways have the same place.  Made with OTP 25:
%%
%%     escript test/vectors/term/dets_order.escript
-mode(compile).

main(_) ->
    Folder = filename:dirname(escript:script_name()),
    {ok, Binary} = file:read_file(filename:join(Folder, "order.etf")),
    More = [#{a => 2}, #{a => 1.5}, #{a => 1}, #{a => 1.0}, {#{a => 2}, 1}, {#{a => 1.5}, 1},
            [#{a => 2} | x], [#{a => 1.5} | x], #{#{a => 2} => 1}, #{#{a => 1.5} => 1},
            #{#{a => [2]} => 2}, #{#{a => [1.5]} => 1}, #{a => #{b => 2}}, #{a => #{b => 1.5}},
            #{a => {2}}, #{a => {1.5}}, #{a => [2 | 1.0]}, #{a => [1.5 | 2]}, {2, 1.5}, {1.5, 2},
            [2 | 1.5], [1.5 | 2]],
    Terms = lists:foldr(fun(T, Acc) ->
                                case lists:any(fun(U) -> U =:= T end, Acc) of
                                    true -> Acc;
                                    false -> [T | Acc]
                                end
                        end, [], [T || {_, _, T} <- binary_to_term(Binary)] ++ More),
    Sorted = lists:sort(fun(A, B) -> dets_utils:cmp(A, B) =< 0 end, Terms),
    {Rows, _, _} = lists:foldl(fun place/2, {[], 0, none}, Sorted),
    ok = file:write_file(filename:join(Folder, "dets_order.etf"),
                         term_to_binary(Rows, [compressed])),
    io:format("~b terms, ~b places~n", [length(Rows), element(1, hd(Rows))]).

place(T, {[], _, none}) ->
    {[{1, T}], 1, T};
place(T, {Rows, Place, Last}) ->
    Tie = dets_utils:cmp(Last, T) =:= dets_utils:cmp(T, Last),
    Next = if Tie -> Place; true -> Place + 1 end,
    {[{Next, T} | Rows], Next, T}.
