%% A parse transform: the comments before a module, its exported functions and its exported types
%% become documentation (EEP 48, in Markdown), in doc/chunks beside ebin.  There `h` of IEx, the
%% doctests of ExUnit, ExDoc and code:get_doc/1 find it.  (-doc needs OTP 27.)
-module(coppice_docs).

-export([parse_transform/2, format_error/1]).

-spec parse_transform([erl_parse:abstract_form()], [term()]) ->
    [erl_parse:abstract_form()] | {warning, [erl_parse:abstract_form()], list()}.
parse_transform(Forms, Options) ->
    [{attribute, _, file, {Source, _}} | _] = Forms,
    case write(Source, Forms, proplists:get_value(outdir, Options, "")) of
        ok -> Forms;
        {error, Reason} -> {warning, Forms, [{Source, [{1, ?MODULE, Reason}]}]}
    end.

-spec format_error(file:posix()) -> iolist().
format_error(Reason) ->
    ["no documentation is written: ", file:format_error(Reason)].

write(Source, Forms, Folder) ->
    case {filename:basename(Folder), file:read_file(Source)} of
        {"ebin", {ok, Text}} ->
            [Module] = [Name || {attribute, _, module, Name} <- Forms],
            Chunks = filename:join([filename:dirname(Folder), "doc", "chunks"]),
            File = filename:join(Chunks, atom_to_list(Module) ++ ".chunk"),
            Docs = docs(Module, Forms, lines(Text)),
            case filelib:ensure_dir(File) of
                ok -> file:write_file(File, term_to_binary(Docs, [compressed, deterministic]));
                Error -> Error
            end;
        {"ebin", Error} ->
            Error;
        _ ->
            ok
    end.

lines(Text) ->
    Lines = binary:split(Text, <<"\n">>, [global]),
    maps:from_list(lists:zip(lists:seq(1, length(Lines)), Lines)).

docs(Module, Forms, Lines) ->
    Language =
        case atom_to_list(Module) of
            "Elixir." ++ _ -> elixir;
            _ -> erlang
        end,
    [Top] = [Form || {attribute, _, module, _} = Form <- Forms],
    Exported = lists:append([Names || {attribute, _, export, Names} <- Forms]),
    Types = lists:append([Names || {attribute, _, export_type, Names} <- Forms]),
    Specs = maps:from_list([{Name, line(Form)} || {attribute, _, spec, {Name, _}} = Form <- Forms]),
    Functions = [
        entry(function, Name, maps:get(Name, Specs, line(Form)), signature(Language, Form), Lines)
     || {function, _, F, Arity, _} = Form <- Forms,
        Name <- [{F, Arity}],
        lists:member(Name, Exported)
    ],
    TypeEntries = [
        entry(type, Name, line(Form), atom_to_binary(T), Lines)
     || {attribute, _, type, {T, _, Parameters}} = Form <- Forms,
        Name <- [{T, length(Parameters)}],
        lists:member(Name, Types)
    ],
    {docs_v1, erl_anno:new(line(Top)), Language, <<"text/markdown">>, doc(line(Top), Lines),
        #{}, Functions ++ TypeEntries}.

line(Form) ->
    erl_anno:line(element(2, Form)).

entry(Kind, {Name, Arity}, Line, Signature, Lines) ->
    {{Kind, Name, Arity}, erl_anno:new(Line), [Signature], doc(Line, Lines), #{}}.

%% The comment that ends before that line.
doc(Line, Lines) ->
    case comment(Line - 1, Lines, []) of
        [] -> hidden;
        Comment -> #{<<"en">> => iolist_to_binary(lists:join("\n", Comment))}
    end.

comment(Line, Lines, After) ->
    case Lines of
        #{Line := <<"%% ", Text/binary>>} -> comment(Line - 1, Lines, [Text | After]);
        #{Line := <<"%%">>} -> comment(Line - 1, Lines, [<<>> | After]);
        _ -> After
    end.

signature(Language, {function, _, Name, _, [{clause, _, Arguments, _, _} | _]}) ->
    Names = lists:join(", ", [argument(Language, Argument) || Argument <- Arguments]),
    iolist_to_binary([atom_to_list(Name), "(", Names, ")"]).

argument(erlang, {var, _, Name}) -> atom_to_list(Name);
argument(elixir, {var, _, Name}) -> string:lowercase(atom_to_list(Name));
argument(erlang, _Pattern) -> "Term";
argument(elixir, _Pattern) -> "term".
