#!/usr/bin/env escript
%% Writes states as Grove keeps them in DETS, state_NAME.etf, each one object as it stands
%% in a file.  All hold the struct in state.etf.  Made with OTP 25:
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
    %% The object itself compressed, around what is compressed or not.
    save("state_object_packed", {Group, State}, [compressed]),
    save("state_both_packed", {Group, Packed, lists:duplicate(300, x)}, [compressed]),
    %% Too small for compression to help: term_to_binary leaves it as it is.
    save("state_small", {Group, term_to_binary(Small, [{compressed, 6}])}, []).

save(Name, Term, Options) ->
    File = filename:join(filename:dirname(escript:script_name()), Name ++ ".etf"),
    ok = file:write_file(File, term_to_binary(Term, Options)).
