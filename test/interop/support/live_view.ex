defmodule LiveView do
  @moduledoc """
  A process that is subscribed to a topic, as a LiveView that shows a Grove value is, and keeps
  what it receives.  It ends at any call that it does not know.
  """
  use GenServer

  def start(beam, pubsub, topic) do
    Beam.run(beam, fn ->
      {:ok, pid} = GenServer.start(__MODULE__, {pubsub, topic})
      pid
    end)
  end

  @doc "The messages received so far."
  def messages(pid), do: GenServer.call(pid, :messages)

  @doc "Broadcasts a message from it."
  def broadcast(pid, message), do: GenServer.call(pid, {:broadcast, message})

  @impl true
  def init({pubsub, topic}) do
    :ok = Phoenix.PubSub.subscribe(pubsub, topic)
    {:ok, {pubsub, topic, []}}
  end

  @impl true
  def handle_call(:messages, _, {_, _, kept} = state), do: {:reply, Enum.reverse(kept), state}

  def handle_call({:broadcast, message}, _, {pubsub, topic, _} = state) do
    :ok = Phoenix.PubSub.broadcast_from(pubsub, self(), topic, {:grove_delta, message, self()})
    {:reply, :ok, state}
  end

  @impl true
  def handle_info(message, {pubsub, topic, kept}), do: {:noreply, {pubsub, topic, [message | kept]}}
end
