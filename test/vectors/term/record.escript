#!/usr/bin/env escript
%% Records terms as a real BEAM encodes them, with the canonical bytes that
%% term/canon.h promises for them:
%%
%%     test/vectors/term/record.escript test/vectors/term/recorded.bin
%%
%% The canonical bytes come from the encoder below, which shares nothing with
%% the C code, and are kept only if this BEAM decodes them to an equal term.
%% A record: <<NameLen:8, Name, ExternalLen:32, External, CanonicalLen:32,
%% Canonical>>.  Pids, references and funs differ from run to run.
%% Recorded with OTP 25.2.3.
-mode(compile).

main([File]) ->
    Records = [record(Name, External) || {Name, External} <- encoded() ++ foreign()],
    ok = file:write_file(File, Records),
    io:format("~b terms~n", [length(Records)]).

record(Name, External) ->
    Term = binary_to_term(External),
    Canonical = iolist_to_binary(canon(Term)),
    case binary_to_term(<<131, Canonical/binary>>) =:= Term of
        true -> ok;
        false -> error({not_the_same, Name})
    end,
    Text = iolist_to_binary(Name),
    [byte_size(Text), Text, <<(byte_size(External)):32>>, External,
     <<(byte_size(Canonical)):32>>, Canonical].

%% --- what this BEAM encodes -------------------------------------------------

encoded() ->
    [{[Name, $\s, How], term_to_binary(Term, Options)} ||
        {Name, Term} <- terms(),
        {How, Options} <- [{"0", [{minor_version, 0}]}, {"1", [{minor_version, 1}]},
                           {"2", [{minor_version, 2}]}, {"z1", [{compressed, 1}]},
                           {"z6", [{compressed, 6}, {minor_version, 2}]},
                           {"z9", [{compressed, 9}]}]].

terms() ->
    integers() ++
    [{"zero", 0}, {"one", 1}, {"atom", ok}, {"empty atom", ''}, {"latin1 atom", 'h\x{e9}llo'},
     {"utf8 atom", '\x{3b1}\x{3b2}\x{1f600}'},
     {"longest atom", list_to_atom(lists:duplicate(255, $a))},
     {"longest latin1 atom", list_to_atom(lists:duplicate(255, 16#e9))},
     {"longest utf8 atom", list_to_atom(lists:duplicate(255, 16#1f600))},
     {"float", 1.5}, {"minus zero", -0.0}, {"tiny", 5.0e-324}, {"huge", -1.7976931348623157e308},
     {"third", 1 / 3},
     {"binary", <<"hello">>}, {"empty binary", <<>>}, {"large binary", binary:copy(<<"ab">>, 5000)},
     {"bits", <<1, 2, 5:3>>}, {"one bit", <<1:1>>}, {"seven bits", <<255, 127:7>>},
     {"nil", []}, {"string", "abc"}, {"byte", [0]}, {"wide", [255, 256]},
     {"list", [a, 1, [2, [b]], "str"]}, {"improper", [1, 2 | 3]}, {"alias", [alias | make_ref()]},
     {"tuple", {a, {b, {}}, 1.0}}, {"tuple of 255", erlang:make_tuple(255, x)},
     {"tuple of 256", erlang:make_tuple(256, y)},
     {"empty map", #{}}, {"map", #{b => 2, a => 1, <<"c">> => "three", 1 => one, {t} => []}},
     {"numbers as keys", #{1 => a, 1.0 => b, 2 => c, -3 => d, 0.5 => e, 1 bsl 80 => f}},
     {"map of 33", large(33)}, {"map of 200", large(200)},
     {"nested maps", #{large(40) => #{x => large(34)}, y => [large(50), {large(33)}]}},
     {"keys of all kinds", all_kinds()},
     {"pid", self()}, {"group leader", group_leader()}, {"reference", make_ref()},
     {"port", hd(erlang:ports())}, {"export", fun lists:map/2}, {"utf8 export", fun '\x{3b1}':f/0},
     {"closure", closure(7, #{large(33) => "free"})}, {"bare fun", fun() -> ok end},
     {"fun in fun", closure(closure(1, self()), fun erlang:node/1)},
     {"foreign pid", foreign_pid('web1@127.0.0.1', 1, 2, 3)},
     {"foreign pid of 32 bits", foreign_pid('\x{3b1}@h', 16#ffffffff, 16#fffffffe, 16#fffffffd)},
     {"foreign reference", foreign_reference([16#ffffffff, 2, 3, 4, 5])},
     {"struct", #{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => <<"c1">>,
                  counters => #{<<"c1">> => 5, <<"c2">> => 1 bsl 70}, delta => nil}}].

integers() ->
    [{io_lib:format("~b * (2^~b + ~b)", [Sign, N, D]), Sign * ((1 bsl N) + D)} ||
        N <- [8, 27, 28, 31, 32, 59, 60, 63, 64, 128, 2040, 2048, 4096],
        Sign <- [1, -1], D <- [-1, 0, 1]].

large(N) ->
    maps:from_list([{{key, I * 7919 rem 211, integer_to_binary(I)}, [I, {I}]} ||
                       I <- lists:seq(1, N)]).

all_kinds() ->
    Keys = [5, -5, 2.5, a, z, 'h\x{e9}', make_ref(), self(), {1}, {}, #{}, #{a => 1}, [], [1],
            "ab", [a | b], <<>>, <<"b">>, <<3:2>>, fun lists:map/2, hd(erlang:ports())],
    maps:from_list([{K, V} || {K, V} <- lists:zip(Keys, lists:seq(1, length(Keys)))]
                   ++ maps:to_list(large(40))).

closure(A, B) ->
    fun(X) -> {X, A, B} end.

foreign_pid(Node, Id, Serial, Creation) ->
    binary_to_term(<<131, 88, (atom(Node))/binary, Id:32, Serial:32, Creation:32>>).

foreign_reference(Words) ->
    binary_to_term(<<131, 90, (length(Words)):16, (atom('c1@host'))/binary, 1700000000:32,
                     << <<W:32>> || W <- Words >>/binary>>).

%% --- encodings of other programs, older nodes and files ------------------------

foreign() ->
    [{Name, <<131, (iolist_to_binary(Bytes))/binary>>} || {Name, Bytes} <- [
        {"SMALL_ATOM", [115, 2, $h, 16#e9]},
        {"ATOM_UTF8 that is short", [118, 0, 2, $o, $k]},
        {"PID", [103, 115, 3, "a@b", <<7:32, 1:32, 2>>]},
        {"PORT", [102, 100, 0, 3, "a@b", <<7:32, 2>>]},
        {"NEW_PORT", [89, 119, 3, "a@b", <<7:32, 16#12345678:32>>]},
        {"V4_PORT", [120, 119, 3, "a@b", <<16#1234567890:64, 16#12345678:32>>]},
        {"REFERENCE", [101, 119, 3, "a@b", <<7:32, 2>>]},
        {"NEW_REFERENCE", [114, 0, 3, 119, 3, "a@b", <<2, 7:32, 8:32, 9:32>>]},
        {"small number as INTEGER", [98, <<5:32>>]},
        {"small number as SMALL_BIG", [110, 1, 0, 200]},
        {"INTEGER as LARGE_BIG", [111, <<4:32>>, 1, <<255, 1, 0, 0>>]},
        {"least INTEGER as SMALL_BIG", [110, 4, 1, <<0, 0, 0, 128>>]},
        {"SMALL_BIG with zeros", [110, 9, 0, <<1, 2, 3, 4, 5, 0, 0, 0, 0>>]},
        {"LARGE_BIG with zeros", [111, <<300:32>>, 0, <<1:800, 0:1600>>]},
        {"zero as SMALL_BIG", [110, 2, 0, 0, 0]},
        {"LARGE_TUPLE that is small", [105, <<2:32>>, 97, 1, 105, <<0:32>>]},
        {"LIST of nothing", [108, <<0:32>>, 106]},
        {"LIST of nothing twice", [108, <<0:32>>, 108, <<0:32>>, 106]},
        {"LIST of bytes", [108, <<3:32>>, 97, 1, 97, 2, 97, 255, 106]},
        {"LIST of bytes as others", [108, <<2:32>>, 98, <<7:32>>, 110, 1, 0, 8, 106]},
        {"LIST with a LIST behind", [108, <<1:32>>, 97, 1, 108, <<1:32>>, 97, 2, 106]},
        {"LIST of atoms with more behind",
         [108, <<1:32>>, 100, 0, 1, $a, 108, <<0:32>>,
          108, <<2:32>>, 97, 2, 119, 1, $b, 107, 0, 2, 5, 6]},
        {"LIST with an improper end behind",
         [108, <<1:32>>, 97, 1, 108, <<1:32>>, 97, 2, 108, <<0:32>>, 97, 3]},
        {"LIST of bytes with a STRING behind", [108, <<1:32>>, 97, 1, 107, 0, 2, 5, 6]},
        {"STRING of nothing", [104, 1, 107, 0, 0]},
        {"LIST with a STRING of nothing behind", [108, <<1:32>>, 119, 1, $a, 107, 0, 0]},
        {"BIT_BINARY that is full", [77, <<2:32>>, 8, 1, 2]},
        {"BIT_BINARY with dirty bits", [77, <<2:32>>, 3, 1, 255]},
        {"BIT_BINARY of nothing", [77, <<0:32>>, 0]},
        {"MAP out of order",
         [116, <<3:32>>, 100, 0, 1, $c, 97, 3, 119, 1, $b, 97, 2, 115, 1, $a, 97, 1]},
        {"FLOAT", [99, "-1.25000000000000000000e+02", 0, 0, 0, 0]},
        {"fun with a wrong size", wrong_size(closure(1, 2))},
        {"fun with a wrong size and none free", wrong_size(fun() -> ok end)}]].

wrong_size(Fun) ->
    <<131, 112, Size:32, Rest/binary>> = term_to_binary(Fun),
    [112, <<(Size - 1):32>>, Rest].

%% --- the canonical encoding -------------------------------------------------

canon(I) when is_integer(I), I >= 0, I < 256 -> [97, I];
canon(I) when is_integer(I), I >= -(1 bsl 31), I < 1 bsl 31 -> [98, <<I:32>>];
canon(I) when is_integer(I) -> big(I < 0, binary:encode_unsigned(abs(I), little));
canon(F) when is_float(F) -> [70, <<F:64/float>>];
canon(A) when is_atom(A) -> atom(A);
canon(B) when is_binary(B) -> [109, <<(byte_size(B)):32>>, B];
canon(B) when is_bitstring(B) ->
    Bits = bit_size(B) rem 8,
    [77, <<(byte_size(B)):32>>, Bits, <<B/bitstring, 0:(8 - Bits)>>];
canon([]) -> [106];
canon(L) when is_list(L) -> list(L);
canon(T) when is_tuple(T), tuple_size(T) < 256 -> [104, tuple_size(T), elements(tuple_to_list(T))];
canon(T) when is_tuple(T) -> [105, <<(tuple_size(T)):32>>, elements(tuple_to_list(T))];
canon(M) when is_map(M) ->
    Keys = lists:sort(fun before/2, maps:keys(M)),
    [116, <<(map_size(M)):32>>, [[canon(K), canon(maps:get(K, M))] || K <- Keys]];
canon(P) when is_pid(P) ->
    <<131, 88, Rest/binary>> = term_to_binary(P, [{minor_version, 2}]),
    [88, Rest];
canon(R) when is_reference(R) ->
    <<131, 90, Rest/binary>> = term_to_binary(R, [{minor_version, 2}]),
    [90, Rest];
canon(P) when is_port(P) -> port(term_to_binary(P, [{minor_version, 2}]));
canon(F) when is_function(F) ->
    case erlang:fun_info(F, type) of
        {type, external} ->
            [113, canon(info(F, module)), canon(info(F, name)), canon(info(F, arity))];
        {type, local} ->
            local_fun(F)
    end.

port(<<131, 120, Rest/binary>>) ->
    [120, Rest];
port(<<131, 89, Rest/binary>>) ->
    Node = byte_size(Rest) - 8,
    <<Name:Node/binary, Id:32, Creation:32>> = Rest,
    [120, Name, <<Id:64, Creation:32>>].

local_fun(F) ->
    Body = [info(F, arity), info(F, new_uniq), <<(info(F, new_index)):32>>,
            <<(length(info(F, env))):32>>, canon(info(F, module)), canon(info(F, index)),
            canon(info(F, uniq)), canon(info(F, pid)), elements(info(F, env))],
    [112, <<(iolist_size(Body) + 4):32>>, Body].

info(F, What) ->
    element(2, erlang:fun_info(F, What)).

big(Negative, Digits) when byte_size(Digits) < 256 ->
    [110, byte_size(Digits), sign(Negative), Digits];
big(Negative, Digits) ->
    [111, <<(byte_size(Digits)):32>>, sign(Negative), Digits].

sign(true) -> 1;
sign(false) -> 0.

atom(A) ->
    Text = atom_to_binary(A, utf8),
    case byte_size(Text) < 256 of
        true -> <<119, (byte_size(Text)), Text/binary>>;
        false -> <<118, (byte_size(Text)):16, Text/binary>>
    end.

list(L) ->
    {Elements, Tail} = split(L, []),
    Bytes = lists:all(fun(E) -> is_integer(E) andalso E >= 0 andalso E < 256 end, Elements),
    case Bytes andalso Tail =:= [] andalso length(Elements) < 65536 of
        true -> [107, <<(length(Elements)):16>>, Elements];
        false -> [108, <<(length(Elements)):32>>, elements(Elements), canon(Tail)]
    end.

split([E | Rest], Before) -> split(Rest, [E | Before]);
split(Tail, Before) -> {lists:reverse(Before), Tail}.

elements(Terms) ->
    [canon(T) || T <- Terms].

%% Key order: all integers before all floats; otherwise term order.
before(A, B) when is_integer(A), is_float(B) -> true;
before(A, B) when is_float(A), is_integer(B) -> false;
before(A, B) -> A =< B.
