defmodule Phoenix.PubSub do
  @moduledoc """
  A stand-in for Phoenix.PubSub with its PG2 adapter, as far as other nodes and Grove can see it.
  `PHOENIX_PUBSUB_PATH` points the suites to the ebin of the real one.

  Subscriptions are in a Registry with the pubsub's name.  Other nodes send to the adapter: a pool
  of processes, each registered under the name of its pg group.
  """
  use Supervisor

  def start_link(opts), do: Supervisor.start_link(__MODULE__, opts)

  @impl true
  def init(opts) do
    name = Keyword.fetch!(opts, :name)
    pool = groups(name, opts[:pool_size] || 1)
    registry = {Registry, keys: :duplicate, name: name, meta: [pool: pool]}
    workers = for group <- pool, do: {Phoenix.PubSub.Worker, {name, group}}
    Supervisor.init([registry | workers], strategy: :one_for_all)
  end

  defp groups(name, size) do
    first = Module.concat(name, "Adapter")
    [first | for(n <- 2..size//1, do: :"#{first}_#{n}")]
  end

  def subscribe(pubsub, topic) do
    with {:ok, _owner} <- Registry.register(pubsub, topic, nil), do: :ok
  end

  def broadcast(pubsub, topic, message), do: broadcast_from(pubsub, :none, topic, message)

  def broadcast_from(pubsub, from, topic, message) do
    for pid <- :pg.get_members(__MODULE__, group(pubsub)), node(pid) != node() do
      send(pid, {:forward_to_local, topic, message, __MODULE__})
    end

    local(pubsub, from, topic, message)
  end

  def direct_broadcast(node, pubsub, topic, message) do
    send({group(pubsub), node}, {:forward_to_local, topic, message, __MODULE__})
    :ok
  end

  # Each broadcaster uses one process of the pool.
  defp group(pubsub) do
    {:ok, pool} = Registry.meta(pubsub, :pool)
    Enum.at(pool, :erlang.phash2(self(), length(pool)))
  end

  @doc false
  def local(pubsub, from, topic, message) do
    Registry.dispatch(pubsub, topic, fn subscribers ->
      for {pid, _} <- subscribers, pid != from, do: send(pid, message)
    end)
  end
end

defmodule Phoenix.PubSub.Worker do
  @moduledoc false
  use GenServer

  def child_spec({_, group} = arg), do: %{id: group, start: {__MODULE__, :start_link, [arg]}}

  def start_link({_, group} = arg), do: GenServer.start_link(__MODULE__, arg, name: group)

  @impl true
  def init({pubsub, group}) do
    :ok = :pg.join(Phoenix.PubSub, group, self())
    {:ok, pubsub}
  end

  @impl true
  def handle_info({:forward_to_local, topic, message, _dispatcher}, pubsub) do
    Phoenix.PubSub.local(pubsub, :none, topic, message)
    {:noreply, pubsub}
  end

  def handle_info(_, pubsub), do: {:noreply, pubsub}
end
