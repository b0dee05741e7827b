defmodule Member do
  @moduledoc """
  A process in a group of `:pg`, on any node, that keeps what it hears.  It has
  nothing to tell itself: asked for its state, it answers an empty counter.
  """
  use GenServer

  alias Grove.Counter.GCounter

  @doc "Starts one on `beam`; it lives until that node goes."
  def start(beam, scope, group) do
    Beam.run(beam, fn ->
      {:ok, pid} = GenServer.start(__MODULE__, nil)
      :ok = :pg.join(scope, group, pid)
      pid
    end)
  end

  def heard(beam, pid), do: Beam.run(beam, fn -> GenServer.call(pid, :heard) end)

  @doc "Forgets what it heard, and answers it."
  def forget(beam, pid), do: Beam.run(beam, fn -> GenServer.call(pid, :forget) end)

  @impl true
  def init(nil), do: {:ok, []}

  @impl true
  def handle_call(:heard, _from, heard), do: {:reply, Enum.reverse(heard), heard}
  def handle_call(:state, _from, heard), do: {:reply, {:ok, %GCounter{}}, heard}
  def handle_call(:forget, _from, heard), do: {:reply, Enum.reverse(heard), []}

  @impl true
  def handle_info(message, heard), do: {:noreply, [message | heard]}
end
