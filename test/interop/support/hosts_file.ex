defmodule HostsFile do
  @moduledoc """
  A mount namespace in which other files stand in the place of `/etc/hosts` and the like, visible
  only to processes in it.
  """

  @doc "Why this cannot be had here, as a tag to skip tests; nil if it can."
  def skip, do: if(SmallDisk.unshare_command(), do: nil, else: "mount namespaces are not allowed")

  @doc """
  The prefix of a command that runs in such a namespace: `with(%{"/etc/hosts" => "::1 here"})`.
  The files are written to the test's folder.
  """
  def with(files) do
    binds =
      for {path, text} <- files do
        file = Coppice.log_file("as_#{Path.basename(path)}")
        File.write!(file, text)
        "mount --bind #{file} #{path} && "
      end

    SmallDisk.unshare_command() ++ ["sh", "-c", "#{binds}exec \"$@\"", "sh"]
  end
end
