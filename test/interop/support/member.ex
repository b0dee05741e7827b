defmodule Member do
  @moduledoc """
  A process in a pg group, on any node, that keeps the messages it receives.
  Asked for its state, it replies with an empty one.
  """
  use GenServer

  alias Grove.Counter.GCounter

  @doc "Starts one on `beam`; it lives as long as that node."
  def start(beam, scope, group, type \\ GCounter) do
    Beam.run(beam, fn ->
      {:ok, pid} = GenServer.start(__MODULE__, type.new("member"))
      :ok = :pg.join(scope, group, pid)
      pid
    end)
  end

  @doc "The messages received so far."
  def messages(beam, pid), do: Beam.run(beam, fn -> GenServer.call(pid, :messages) end)

  @doc "The same, and removes them."
  def flush(beam, pid), do: Beam.run(beam, fn -> GenServer.call(pid, :flush) end)

  @impl true
  def init(empty), do: {:ok, {empty, []}}

  @impl true
  def handle_call(:messages, _, {empty, kept}), do: {:reply, Enum.reverse(kept), {empty, kept}}
  def handle_call(:state, _, {empty, kept}), do: {:reply, {:ok, empty}, {empty, kept}}
  def handle_call(:flush, _, {empty, kept}), do: {:reply, Enum.reverse(kept), {empty, []}}

  @impl true
  def handle_info(message, {empty, kept}), do: {:noreply, {empty, [message | kept]}}
end
