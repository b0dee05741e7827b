defmodule Grove.Replication.Server do
  @moduledoc """
  One replicated value.  Its changes are collected in a delta, which is sent to
  the current members of the group.  A member that is away misses it for good:
  nothing is resent, repaired or relayed, as in the original.
  """
  use GenServer

  @compile {:no_warn_undefined, Phoenix.PubSub}

  alias Grove.Batch
  alias Grove.Cluster.Membership

  defstruct [
    :actor,
    :crdt_module,
    :crdt_state,
    :group,
    :pubsub,
    :pubsub_topic,
    :snapshot_interval,
    :snapshot_timer_ref,
    :storage,
    :storage_ref,
    :sync_interval,
    :sync_timer_ref
  ]

  def start_link(opts) do
    GenServer.start_link(__MODULE__, opts, Keyword.take(opts, [:name]))
  end

  def mutate(server, fun), do: GenServer.call(server, {:mutate, fun})
  def batch(server, fun), do: GenServer.call(server, {:batch, fun})
  def value(server), do: GenServer.call(server, :value)
  def state(server), do: GenServer.call(server, :state)
  def sync_now(server), do: GenServer.call(server, :sync_now)
  def stop(server), do: GenServer.stop(server)

  @impl true
  def init(opts) do
    module = Keyword.fetch!(opts, :crdt_module)
    actor = Keyword.fetch!(opts, :actor)
    group = Keyword.fetch!(opts, :group)

    state = %__MODULE__{
      actor: actor,
      crdt_module: module,
      crdt_state: module.new(actor),
      group: group,
      pubsub: opts[:pubsub],
      pubsub_topic: opts[:pubsub_topic] || topic(group),
      sync_interval: Keyword.get(opts, :sync_interval, 5000),
      snapshot_interval: Keyword.get(opts, :snapshot_interval, 60_000),
      storage: opts[:storage],
      storage_ref: opts[:storage_ref]
    }

    join(state)
    {:ok, state |> load() |> schedule() |> schedule_snapshot()}
  end

  # A topic of Phoenix.PubSub takes the place of the pg group.
  defp join(%{pubsub: nil} = state), do: Membership.join(state.group)
  defp join(state), do: :ok = Phoenix.PubSub.subscribe(state.pubsub, state.pubsub_topic)

  defp broadcast(%{pubsub: nil} = state, message), do: Membership.broadcast(state.group, message)

  defp broadcast(state, message) do
    Phoenix.PubSub.broadcast_from(state.pubsub, self(), state.pubsub_topic, message)
  end

  defp topic({type, id}) when is_binary(id) or is_atom(id), do: "grove:#{type}:#{id}"
  defp topic(group) when is_binary(group) or is_atom(group), do: "grove:#{group}"
  defp topic(_), do: nil

  # An unknown request crashes the server, as in the original, so that a wrong
  # request of a coppice is noticed.
  @impl true
  def handle_call({:mutate, fun}, _from, state) do
    {:reply, :ok, %{state | crdt_state: fun.(state.crdt_state)}}
  end

  def handle_call({:batch, fun}, _from, state) do
    case Batch.run(state.crdt_state, fun) do
      {:ok, changed} -> {:reply, :ok, %{state | crdt_state: changed}}
      {:error, reason, _unchanged} -> {:reply, {:error, reason}, state}
    end
  end

  def handle_call(:value, _from, state) do
    {:reply, {:ok, state.crdt_module.value(state.crdt_state)}, state}
  end

  def handle_call(:state, _from, state), do: {:reply, {:ok, state.crdt_state}, state}
  def handle_call(:sync_now, _from, state), do: {:reply, :ok, sync(state)}

  @impl true
  def handle_info(:sync, state), do: {:noreply, state |> sync() |> schedule()}

  def handle_info(:snapshot, state) do
    :ok = state.storage.save(state.storage_ref, state.group, state.crdt_state)
    {:noreply, schedule_snapshot(state)}
  end

  def handle_info({:grove_delta, delta, from}, state) when from != self() do
    {:noreply, %{state | crdt_state: state.crdt_module.merge(state.crdt_state, delta)}}
  end

  def handle_info(_message, state), do: {:noreply, state}

  defp schedule(state) do
    %{state | sync_timer_ref: Process.send_after(self(), :sync, state.sync_interval)}
  end

  defp load(%{storage: nil} = state), do: state

  defp load(%{storage: storage} = state) do
    {:ok, saved} = storage.load(state.storage_ref, state.group)
    if saved, do: %{state | crdt_state: saved}, else: state
  end

  defp schedule_snapshot(%{storage: nil} = state), do: state

  defp schedule_snapshot(state) do
    %{state | snapshot_timer_ref: Process.send_after(self(), :snapshot, state.snapshot_interval)}
  end

  defp sync(%{crdt_module: module} = state) do
    delta = module.delta(state.crdt_state)

    if empty?(module.value(delta)) do
      state
    else
      broadcast(state, {:grove_delta, delta, self()})
      %{state | crdt_state: module.reset_delta(state.crdt_state)}
    end
  end

  # Judged by value, as in the original: a delta with an empty value is withheld
  # until another change gives it one.
  defp empty?(%MapSet{} = set), do: MapSet.size(set) == 0
  defp empty?(map) when is_map(map), do: map_size(map) == 0
  defp empty?(value), do: value in [0, nil, []]
end
