#!/usr/bin/env escript
%% Writes states as Grove stores them in DETS, state_NAME.etf: each is one object, as in a
%% DETS file, and holds the struct in state.etf.  Recorded with OTP 25:
%%
%%     escript test/vectors/store/states.escript

main(_) ->
    State = #{'__struct__' => 'Elixir.Grove.Set.GSet', actor => <<"c1">>,
              elements => #{map => maps:from_list([{N, []} || N <- lists:seq(1, 60)]),
                            '__struct__' => 'Elixir.MapSet', version => 2}},
    Group = {views, <<"page">>},
    Small = #{'__struct__' => 'Elixir.Grove.Set.GSet'},
    Packed = term_to_binary(State, [{compressed, 6}]),
    save("state", State, []),
    save("state_raw", {Group, State}, []),
    save("state_encoded", {Group, term_to_binary(State)}, []),
    save("state_packed", {Group, Packed}, []),
    save("state_third", {Group, State, 1718000000000}, []),
    save("state_packed_third", {Group, Packed, #{saved_at => 17}, [more]}, []),
    %% The object itself is compressed, with a raw or a compressed state in it.
    save("state_object_packed", {Group, State}, [compressed]),
    save("state_both_packed", {Group, Packed, lists:duplicate(300, x)}, [compressed]),
    %% Too small for compression to help: term_to_binary leaves it uncompressed.
    save("state_small", {Group, term_to_binary(Small, [{compressed, 6}])}, []).

save(Name, Term, Options) ->
    File = filename:join(filename:dirname(escript:script_name()), Name ++ ".etf"),
    ok = file:write_file(File, term_to_binary(Term, Options)).
