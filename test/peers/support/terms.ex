defmodule Terms do
  @moduledoc "Terms as the commands of a coppice print them, one on a line."

  @doc "The term on one line; in it a pid, a reference or a fun is a string."
  def read(line) do
    line = String.replace(line, ~r/#(Pid|Ref|Port|Fun)<[^>]*>/, ~S("\0"))
    {:ok, tokens, _} = :erl_scan.string(to_charlist(line) ++ ~c".")
    {:ok, term} = :erl_parse.parse_term(tokens)
    term
  end

  @doc "All that a command prints, which must succeed."
  def printed(args) do
    {0, out, ""} = Coppice.run(args)
    out |> String.split("\n", trim: true) |> Enum.map(&read/1)
  end
end
