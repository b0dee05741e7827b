defmodule Member do
  @moduledoc """
  A process in a group of `:pg`, on any node, that keeps what it hears.  It has
  nothing to tell itself: asked for its state, it answers an empty one.
  """
  use GenServer

  alias Grove.Counter.GCounter

  @doc "Starts one on `beam`; it lives until that node goes."
  def start(beam, scope, group, type \\ GCounter) do
    Beam.run(beam, fn ->
      {:ok, pid} = GenServer.start(__MODULE__, type.new("member"))
      :ok = :pg.join(scope, group, pid)
      pid
    end)
  end

  def heard(beam, pid), do: Beam.run(beam, fn -> GenServer.call(pid, :heard) end)

  @doc "Forgets what it heard, and answers it."
  def forget(beam, pid), do: Beam.run(beam, fn -> GenServer.call(pid, :forget) end)

  @impl true
  def init(empty), do: {:ok, {empty, []}}

  @impl true
  def handle_call(:heard, _, {empty, heard}), do: {:reply, Enum.reverse(heard), {empty, heard}}
  def handle_call(:state, _, {empty, heard}), do: {:reply, {:ok, empty}, {empty, heard}}
  def handle_call(:forget, _, {empty, heard}), do: {:reply, Enum.reverse(heard), {empty, []}}

  @impl true
  def handle_info(message, {empty, heard}), do: {:noreply, {empty, [message | heard]}}
end
