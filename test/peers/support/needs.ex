defmodule Needs do
  @moduledoc "What test/peers/run found on this machine for a suite."

  @doc "Options for `use`: why the suite is skipped, or nothing."
  def met(suite) do
    case System.get_env("SKIP_#{suite}") do
      nil -> []
      reason -> [skip: reason]
    end
  end

  @doc "The folder in which its Debian package was unpacked."
  def folder(suite), do: System.get_env("ROOT_#{suite}", "")
end
