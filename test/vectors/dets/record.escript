#!/usr/bin/env escript
%% Writes small DETS files, NAME.dets, with OTP's dets, and the list of objects in
%% each, NAME.etf.  Recorded with OTP 25:
%%
%%     escript test/vectors/dets/record.escript
-mode(compile).

main(_) ->
    [begin
         file:delete(name(Name, "dets")),
         make(Name)
     end || Name <- [empty, set, bag, duplicate_bag, keypos, churned, unclosed, moved, phash]].

name(Name, Ending) ->
    filename:join(filename:dirname(escript:script_name()), lists:concat([Name, ".", Ending])).

open(Name, Options) ->
    {ok, Table} = dets:open_file(Name, [{file, name(Name, "dets")} | Options]),
    Table.

%% Writes the objects of the table to NAME.etf, then closes it.
close(Name, Table) ->
    Objects = lists:sort(dets:foldl(fun(O, All) -> [O | All] end, [], Table)),
    ok = file:write_file(name(Name, "etf"), term_to_binary(Objects)),
    dets:close(Table).

%% Leaves the file as it was before the table was closed.
leave(Name, Table) ->
    {ok, Bytes} = file:read_file(name(Name, "dets")),
    close(Name, Table),
    ok = file:write_file(name(Name, "dets"), Bytes).

save(Name, Options, Objects) ->
    Table = open(Name, Options),
    ok = dets:insert(Table, Objects),
    close(Name, Table).

%% Keys of many types; some share a slot.
objects() ->
    Same = lists:sublist([K || K <- lists:seq(1, 100000), erlang:phash2(K) rem 256 =:= 7], 4),
    [{K, binary:copy(<<"same">>, N)} || {N, K} <- lists:zip([1, 9, 0, 3], Same)] ++
        [{{counter, <<"page_views">>}, #{actor => <<"a">>, counts => #{<<"a">> => 5}}},
         {"list", [1, 2 | 3]}, {<<1:3>>, 1.5}, {-1, []}, {large, binary:copy(<<7>>, 700)}].

make(empty) -> save(empty, [], []);
make(set) -> save(set, [], objects());
make(bag) ->
    save(bag, [{type, bag}], [{K, N, binary:copy(<<K>>, N)} || K <- [1, 2, 3], N <- [5, 0, 60]]);
make(duplicate_bag) ->
    save(duplicate_bag, [{type, duplicate_bag}],
         [{K, N} || K <- [a, b], N <- [5, 5, 0, 60]] ++ [{a, 5}]);
make(keypos) -> save(keypos, [{keypos, 3}], [{x, N, {key, N}, <<N>>} || N <- [1, 2, 3, 4]]);
make(churned) ->
    save(churned, [], [{N, binary:copy(<<N>>, 10 * N)} || N <- lists:seq(1, 12)]),
    Table = open(churned, []),
    [ok = dets:delete(Table, N) || N <- [2, 5, 6, 11]],
    ok = dets:insert(Table, [{N, binary:copy(<<N>>, 7)} || N <- [3, 8, 20]]),
    close(churned, Table);
make(unclosed) ->
    save(unclosed, [], [{small, 1}]),
    Table = open(unclosed, [{delayed_write, {0, 0}}]),
    ok = dets:insert(Table, {large, binary:copy(<<"large">>, 2000)}),
    leave(unclosed, Table);
make(moved) ->
    Table = open(moved, [{delayed_write, {0, 0}}]),
    [ok = dets:insert(Table, {K, binary:copy(<<"x">>, N)}) || K <- [1, 2, 3], N <- [10, 90, 400]],
    ok = dets:delete(Table, 2),
    leave(moved, Table);
make(phash) ->
    %% A table created by R8 differs from an empty one in the hash and the MD5.
    save(phash, [], []),
    {ok, <<Front:12/binary, A:36/binary, 1:32, B:116/binary, _:16/binary, Rest/binary>>} =
        file:read_file(name(phash, "dets")),
    Header = <<A/binary, 0:32, B/binary>>,
    ok = file:write_file(name(phash, "dets"), [Front, Header, erlang:md5(Header), Rest]),
    save(phash, [], [{N, "phash"} || N <- lists:seq(1, 10)]).
