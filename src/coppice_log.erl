%% Passes the lines that the program writes on to logger.
-module(coppice_log).

-export([line/2]).

%% A line of the program's log has a level and a time.  Any other line, such as a mistake in the
%% configuration, is what the program says before it exits with an error.
-spec line(binary(), logger:metadata()) -> ok.
line(Line, Metadata) ->
    case binary:split(Line, <<" ">>, [global]) of
        [Stamp, Level | [_ | _] = Words] ->
            log(level(Level), time(Stamp), lists:join(" ", Words), Line, Metadata);
        _ ->
            log(none, none, [], Line, Metadata)
    end.

log(Level, Time, Text, _Line, Metadata) when Level =/= none, Time =/= none ->
    logger:log(Level, "~ts", [text(Text)], Metadata#{time => Time});
log(_, _, _, Line, Metadata) ->
    logger:log(error, "~ts", [text(Line)], Metadata).

level(<<"debug">>) -> debug;
level(<<"info">>) -> info;
level(<<"notice">>) -> notice;
level(<<"warning">>) -> warning;
level(<<"error">>) -> error;
level(_) -> none.

%% In microseconds, as logger wants it.
time(Stamp) ->
    try
        calendar:rfc3339_to_system_time(binary_to_list(Stamp), [{unit, microsecond}])
    catch
        error:_ -> none
    end.

%% A line may quote bytes of a peer that are not UTF-8.
text(Bytes) ->
    case unicode:characters_to_binary(Bytes) of
        Text when is_binary(Text) -> Text;
        _ -> unicode:characters_to_binary(Bytes, latin1)
    end.
