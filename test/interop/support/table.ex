defmodule Table do
  @moduledoc "Files of DETS, in the hands of the real `dets`."

  @doc "A path of the story's, where nothing is yet."
  def path, do: Coppice.log_file(Story.fresh("table")) <> ".dets"

  @doc "Opens it; one that nobody has closed is closed when the process ends."
  def open(file, opts \\ []) do
    {:ok, table} = :dets.open_file(make_ref(), [file: to_charlist(file)] ++ opts)
    table
  end

  @doc "Makes a file of these objects."
  def make(objects, opts \\ [], file \\ path()) do
    table = open(file, opts)
    :ok = :dets.insert(table, objects)
    :ok = :dets.close(table)
    file
  end

  @doc "The file as it is on the disk in the middle of the work."
  def crash(table) do
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
