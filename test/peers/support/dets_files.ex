defmodule DetsFiles do
  @moduledoc "An application's DETS files, read by `coppice dets` and by OTP's `dets`."
  import ExUnit.Assertions

  @doc "Asserts that a file that was closed has the same contents for both."
  def same(file) do
    assert [%{objects: count}] = Terms.printed(["dets", "check", file])
    # Both printed and read again: a pid or a fun is only text outside its node, and what is
    # text in a binary OTP and a coppice print in different ways.
    ours = Enum.sort(dumped(file))
    theirs = file |> Table.contents(shape(file)) |> Enum.map(&reread/1) |> Enum.sort()
    assert length(ours) == count
    assert ours == theirs
    count
  end

  # The objects of a dump, those that are comments as well.
  defp dumped(file) do
    {0, out, _comments} = Coppice.run(["dets", "dump", file])

    for line <- String.split(out, "\n", trim: true),
        do: line |> String.replace_prefix("% ", "") |> String.trim_trailing(".") |> Terms.read()
  end

  defp reread(term), do: Terms.read(IO.chardata_to_string(:io_lib.format("~0tp", [term])))

  @doc "Salvages a file, which may have faults, and returns what was printed."
  def salvage(file) do
    {status, out, _faults} = Coppice.run(["dets", "salvage", file])
    report = Terms.read(out)
    assert status == if(report.faults == 0, do: 0, else: 1)
    report
  end

  @doc "The objects of a file that was not closed after OTP's own repair, made on a copy."
  def repaired(file) do
    copy = file <> ".repaired"
    File.cp!(file, copy)
    table = Table.open(copy, [repair: true] ++ shape(file))
    objects = Table.objects(table)
    :ok = :dets.close(table)
    objects
  end

  @doc "The type and the position of the key, which `dets` wants to be told."
  def shape(file) do
    <<_::12-bytes, type::32, _version::32, _m::32, _next::32, keypos::32, _::binary>> =
      File.read!(file)

    [type: elem({:set, :bag, :duplicate_bag}, type - 1), keypos: keypos]
  end

  @doc "All DETS files below a folder."
  def below(folder) do
    for file <- Path.wildcard(folder <> "/**/*.{DAT,dets}"),
        match?(<<_::32, 0x00ABCDEF::32, _::binary>>, File.read!(file)),
        do: file
  end
end
