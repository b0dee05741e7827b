defmodule SmallDisk do
  @moduledoc """
  A file system of a few kilobytes in a mount namespace of its own, visible only to
  processes in it.  It exists as long as the test's process or a coppice in it.
  """

  defstruct [:folder, :holder, :port, :enter]

  @doc "The command that makes such a namespace here; nil if none is allowed."
  def unshare_command do
    Enum.find([~w(unshare -m), ~w(unshare -rm)], fn [command | args] ->
      mount = ["mount", "-t", "tmpfs", "none", System.tmp_dir!()]

      match?({_, 0}, System.cmd(command, args ++ mount, stderr_to_stdout: true))
    end)
  rescue
    ErlangError -> nil
  end

  @doc "Makes one of that many kilobytes."
  def make(kilobytes) do
    folder = Table.path()
    File.mkdir_p!(folder)
    script = ~S(mount -t tmpfs -o size="$1"k none "$0" && echo "$$" && exec cat)
    args = unshare_command() ++ ["sh", "-c", script, folder, "#{kilobytes}"]
    [command | args] = args
    opts = [:binary, line: 20, args: args]
    port = Port.open({:spawn_executable, System.find_executable(command)}, opts)
    holder = receive(do: ({^port, {:data, {:eol, pid}}} -> pid))
    user = if "-rm" in unshare_command(), do: ["-U", "--preserve-credentials"], else: []
    enter = ["nsenter", "-t", holder, "-m", "-w"] ++ user
    %SmallDisk{folder: folder, holder: holder, port: port, enter: enter}
  end

  @doc "Runs a command there."
  def run(disk, [_ | _] = command) do
    [enter | args] = disk.enter
    {_, 0} = System.cmd(enter, args ++ command, stderr_to_stdout: true)
    :ok
  end

  # Without this mode, mount adds the options that it reads back, which for an
  # ordinary user include some that the kernel then refuses.
  @doc "Changes its mount options."
  def remount(disk, options) do
    mode = ["--options-mode", "ignore"]
    run(disk, ["mount"] ++ mode ++ ["-o", "remount,#{options}", disk.folder])
  end

  @doc "The path of a file in it for processes outside."
  def outside(disk, name), do: Path.join(["/proc", disk.holder, "root", disk.folder, name])

  @doc "Fills it to the last byte."
  def fill(disk) do
    {:ok, file} = :file.open(outside(disk, "filling"), [:raw, :append])
    pour(file, :binary.copy("x", 4096))
    :ok = :file.close(file)
  end

  defp pour(file, bytes) do
    case :file.write(file, bytes) do
      :ok -> pour(file, bytes)
      {:error, :enospc} -> :ok
    end
  end

  @doc "Removes what `fill` wrote."
  def clear(disk), do: File.rm!(outside(disk, "filling"))
end
