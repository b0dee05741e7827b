defmodule CompletionTest do
  @moduledoc "`coppice completion`: what the shells themselves complete with it."
  use TestCase

  # What a line can be completed to, for each of these shells.
  @lines [
    {"coppice sta", ["state", "status"]},
    {"coppice dets ", ["check", "dump", "list", "salvage"]},
    {"coppice dets sa", ["salvage"]},
    {"coppice config ", ["check"]},
    {"coppice completion ", ["bash", "fish", "zsh"]},
    {"coppice mutate c1@127.0.0.1:9100 views inc", ["increment"]},
    {"coppice mutate c1@127.0.0.1 views inse", ["insert", "insert_at"]},
    {"coppice help mut", ["mutate"]},
    {"coppice value --js", ["--json"]},
    {"coppice run --own", ["--owned"]},
    {"coppice value --own", []},
    {"coppice ping no", []},
    {"coppice value c1@127.0.0.1 no", []},
    {"coppice dets check no", ["notes.dets"]},
    {"coppice config check not", ["notes.dets"]},
    {"coppice run --config no", ["notes.dets"]}
  ]

  defp folder do
    folder = Coppice.config_file("") <> ".folder"
    File.mkdir_p!(folder)
    File.write!(Path.join(folder, "notes.dets"), "")
    folder
  end

  defp script(shell) do
    {0, text, ""} = Coppice.run(["completion", shell])
    Coppice.config_file(text)
  end

  # `run` gives a shell the script and the lines, for each of which it prints completions and ENDED.
  defp completes(shell, run) do
    if System.find_executable(shell) do
      {lines, wanted} = Enum.unzip(@lines)
      printed = run.([script(shell) | lines], folder()) |> String.split("ENDED")
      got = for text <- Enum.take(printed, length(lines)), do: sorted(text)
      assert Enum.zip(lines, got) == Enum.zip(lines, wanted)
    else
      IO.puts("#{shell} is not installed: its completions are not tested")
    end
  end

  defp sorted(text), do: text |> String.split("\n", trim: true) |> Enum.uniq() |> Enum.sort()

  @bash ~S"""
  . "$1"
  shift
  for COMP_LINE; do
    COMP_POINT=${#COMP_LINE}
    _coppice
    printf '%s\n' "${COMPREPLY[@]}" ENDED
  done
  """

  test "bash" do
    completes("bash", fn arguments, folder ->
      {text, 0} = System.cmd("bash", ["--norc", "-c", @bash, "bash" | arguments], cd: folder)
      text
    end)
  end

  test "bash, with = before a value, and registered for the command" do
    text =
      ~S(. "$1"; complete -p coppice; COMP_LINE='coppice run --config=no' COMP_POINT=23; ) <>
        ~S(_coppice; echo "${COMPREPLY[@]}")

    {out, 0} = System.cmd("bash", ["--norc", "-c", text, "bash", script("bash")], cd: folder())
    assert out == "complete -F _coppice coppice\nnotes.dets\n"
  end

  @fish "source $argv[1]; for line in $argv[2..]; complete -C $line; echo ENDED; end"

  test "fish" do
    completes("fish", fn arguments, folder ->
      env = [{"HOME", folder}, {"XDG_CONFIG_HOME", folder}, {"XDG_DATA_HOME", folder}]
      args = ["--no-config", "-c", @fish | arguments]
      {text, 0} = System.cmd("fish", args, cd: folder, env: env)
      # A description follows a tab.
      String.replace(text, ~r/\t.*/, "")
    end)
  end

  # A zsh in a terminal of its own.  Control-X completes, and prints what there is; Control-E
  # empties the line.
  @zsh ~S"""
  zmodload zsh/zpty
  zpty shell "zsh -f -i"
  zpty -w shell "PS1= PROMPT_EOL_MARK= ; stty -echo
  autoload -Uz compinit; compinit -u -D; source ${(q)1}
  compadd () {
    local -a all; builtin compadd -O all \"\$@\"
    (( \${#all} )) && print -rl -- MATCH\${^all}
    builtin compadd \"\$@\"
  }
  finish () { BUFFER=; print -r -- ENDED }
  zle -N finish; bindkey '^X' complete-word; bindkey '^E' finish; print READY"
  zpty -r -m shell got '*READY*'
  shift
  for typed; do
    zpty -w -n shell "$typed"$'\x18'$'\x05'
    while zpty -r shell line; do
      print -r -- $line
      [[ $line = *ENDED* ]] && break
    done
  done
  zpty -d shell
  """

  test "zsh" do
    completes("zsh", fn arguments, folder ->
      args = ["60", "zsh", "-f", "-c", @zsh, "zsh" | arguments]
      {text, 0} = System.cmd("timeout", args, cd: folder, env: [{"TERM", "dumb"}])
      found = Regex.scan(~r/ENDED|MATCH([^\s\e]+)/, text)
      Enum.map_join(found, "\n", &List.last/1)
    end)
  end
end
