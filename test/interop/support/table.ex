defmodule Table do
  @moduledoc "DETS files, handled by the real `dets`."

  @doc "The path of a new file in the test's folder."
  def path, do: Coppice.log_file(TestCase.fresh("table")) <> ".dets"

  @doc "Opens it; `dets` closes it when the process ends."
  def open(file, opts \\ []) do
    {:ok, table} = :dets.open_file(make_ref(), [file: to_charlist(file)] ++ opts)
    table
  end

  @doc "Makes a file with these objects."
  def make(objects, opts \\ [], file \\ path()) do
    table = open(file, opts)
    :ok = :dets.insert(table, objects)
    :ok = :dets.close(table)
    file
  end

  @doc "A copy of the file of an open table, as a crash would leave it."
  def copy_open(table) do
    copy = path()
    File.cp!(to_string(:dets.info(table, :filename)), copy)
    copy
  end

  @doc "All objects of an open table."
  def objects(table), do: Enum.sort(:dets.foldl(&[&1 | &2], [], table))

  @doc "All objects of a file that needs no repair."
  def contents(file, opts \\ []) do
    table = open(file, [repair: false] ++ opts)
    found = objects(table)
    :ok = :dets.close(table)
    found
  end
end
