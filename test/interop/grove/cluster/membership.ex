defmodule Grove.Cluster.Membership do
  @moduledoc """
  A pg scope with a group for each replicated value.  Its name is the
  application's environment key `:scope`.
  """

  def child_spec(_opts) do
    %{id: __MODULE__, start: {__MODULE__, :start_link, []}}
  end

  def start_link, do: :pg.start_link(scope())

  def scope, do: Application.get_env(:grove, :scope, :grove)

  def groups, do: :pg.which_groups(scope())

  def join(group, pid \\ self()), do: :pg.join(scope(), group, pid)

  def leave(group, pid \\ self()), do: :pg.leave(scope(), group, pid)

  def members(group), do: :pg.get_members(scope(), group)

  def member_count(group), do: length(members(group))

  def peers(group), do: group |> members() |> Enum.uniq() |> List.delete(self())

  def random_peers(group, n), do: group |> peers() |> Enum.take_random(n)

  def broadcast(group, message) do
    group |> peers() |> Enum.each(&send(&1, message))
  end
end
