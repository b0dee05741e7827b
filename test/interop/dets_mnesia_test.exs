defmodule DetsMnesiaTest do
  @moduledoc "The files of a Mnesia: its DETS tables are read, its logs are refused."
  use TestCase

  # An Erlang of its own keeps tables of both kinds in a folder.  Changes of `disc_copies` are in
  # the .DCL, until that is as large as the .DCD (with a dc_dump_limit of 1), which is then written
  # anew: with the first change, so that the second is in a new .DCL.  Mnesia stops before `dets`
  # has closed its tables, for which init:stop() waits.
  @program """
  ok = mnesia:create_schema([node()]),
  ok = application:set_env(mnesia, dc_dump_limit, 1),
  ok = mnesia:start(),
  Make = fun(Table, Options) -> {atomic, ok} = mnesia:create_table(Table, Options) end,
  Make(bag, [{disc_only_copies, [node()]}, {type, bag}, {attributes, [key, value, more]}]),
  Make(set, [{disc_only_copies, [node()]}]),
  Make(both, [{disc_copies, [node()]}]),
  [ok = mnesia:dirty_write({bag, I rem 30, I, <<"more">>}) || I <- lists:seq(1, 100)],
  [ok = mnesia:dirty_write({Table, {key, I}, "value"}) || Table <- [set, both],
                                                          I <- lists:seq(1, 100)],
  dumped = mnesia:dump_log(),
  ok = mnesia:dirty_write({both, {key, 1}, "new"}),
  dumped = mnesia:dump_log(),
  ok = mnesia:dirty_write({both, {key, 2}, "new"}),
  dumped = mnesia:dump_log(),
  [true, true] = [filelib:is_file(filename:join(mnesia:system_info(directory), File))
                  || File <- ["both.DCD", "both.DCL"]],
  stopped = mnesia:stop(),
  ok = init:stop().
  """

  setup_all do
    Process.put(:test_name, {__MODULE__, :setup})
    folder = Path.rootname(Coppice.log_file(fresh("mnesia")))
    File.mkdir_p!(folder)
    quiet = ["-noshell", "-kernel", "logger_level", "warning"]
    args = quiet ++ ["-mnesia", "dir", inspect(folder), "-eval", @program]
    assert {"", 0} = System.cmd("erl", args, stderr_to_stdout: true)
    [folder: folder]
  end

  defp dump(file) do
    assert {0, out, ""} = Coppice.run(["dets", "dump", file])
    File.write!(file <> ".txt", out)
    {:ok, objects} = :file.consult(file <> ".txt")
    Enum.sort(objects)
  end

  defp header(file) do
    assert {0, out, ""} = Coppice.run(["dets", "check", file])
    out
  end

  test "tables of disc_only_copies, and the schema", %{folder: folder} do
    bag = Path.join(folder, "bag.DAT")
    assert dump(bag) == Enum.sort(for i <- 1..100, do: {:bag, rem(i, 30), i, "more"})
    assert header(bag) =~ ~r/keypos => 2.*objects => 100.*type => bag/
    set = Path.join(folder, "set.DAT")
    assert dump(set) == Enum.sort(for i <- 1..100, do: {:set, {:key, i}, ~c"value"})
    assert header(set) =~ ~r/keypos => 2.*type => set/
    schema = for {:schema, table, _} <- dump(Path.join(folder, "schema.DAT")), do: table
    assert Enum.sort(schema) == [:bag, :both, :schema, :set]
  end

  test "logs are refused by each command", %{folder: folder} do
    for name <- ["both.DCD", "both.DCL", "LATEST.LOG"],
        command <- ["check", "list", "dump", "salvage"] do
      file = Path.join(folder, name)
      assert {1, error} = Coppice.fail(["dets", command, file])
      assert error =~ ~r/\Acoppice: [^ ]*#{name}: a log of Erlang's disk_log, .* not a DETS table/
      refute File.exists?(file <> ".salvaged")
    end
  end

  test "standard input is no table" do
    assert {66, error} = Coppice.fail(["dets", "dump", "-"])
    assert error =~ "not read from standard input but from a file"
  end
end
