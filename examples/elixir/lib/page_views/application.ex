defmodule PageViews.Application do
  @moduledoc false
  use Application

  @impl true
  def start(_type, _args) do
    children = [
      # Connects to this node, with its cookie.
      {Coppice, node: PageViews.node_name(), replicas: [page_views: [crdt: :or_map]]}
    ]

    Supervisor.start_link(children, strategy: :rest_for_one, name: PageViews.Supervisor)
  end
end
