defmodule Grove.Application do
  @moduledoc "Supervises the membership service."
  use Application

  @impl true
  def start(_type, _args) do
    Supervisor.start_link([Grove.Cluster.Membership],
      strategy: :one_for_one,
      name: Grove.Supervisor
    )
  end

  @impl true
  def stop(_state), do: :ok
end
