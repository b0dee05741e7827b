defmodule PageViews.Application do
  @moduledoc false
  use Application

  @impl true
  def start(_type, _args) do
    # It connects to this node, with its cookie, and keeps the counts in page_views.dets.
    replica = [crdt: :or_map, storage: [file: "page_views.dets"]]

    children = [
      {Coppice,
       node: PageViews.node_name(), name: PageViews.Coppice, replicas: [page_views: replica]},
      PageViews.Page
    ]

    Supervisor.start_link(children, strategy: :one_for_one, name: PageViews.Supervisor)
  end
end
