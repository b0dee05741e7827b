defmodule Grove.Register.LWWRegister do
  @moduledoc """
  One value: the one with the greatest timestamp.  A tie goes to the greater
  actor, then to the greater value.  The actor is that of the value: a register
  that takes over a peer's value takes its actor, too.
  """
  @behaviour Grove.CRDT

  defstruct actor: nil, delta_dirty: false, timestamp: 0, value: nil

  @impl true
  def new(actor), do: %__MODULE__{actor: actor}

  def set(%__MODULE__{} = register, value), do: set(register, value, register.timestamp + 1)

  def set(%__MODULE__{} = register, value, timestamp)
      when is_integer(timestamp) and timestamp >= 0 do
    %{register | value: value, timestamp: timestamp, delta_dirty: true}
  end

  def timestamp(%__MODULE__{timestamp: timestamp}), do: timestamp

  @impl true
  def value(%__MODULE__{value: value}), do: value

  @impl true
  def merge(%__MODULE__{} = a, %__MODULE__{} = b) do
    if later?(b, a) do
      %{a | actor: b.actor, timestamp: b.timestamp, value: b.value}
    else
      a
    end
  end

  defp later?(%{timestamp: 0, value: nil}, _), do: false
  defp later?(_, %{timestamp: 0, value: nil}), do: true

  defp later?(a, b) do
    {x, y} = {rank(a), rank(b)}
    # 1 and 1.0 compare equal, but not as map keys: the order of these decides.
    x > y or (x == y and %{x => []} > %{y => []})
  end

  defp rank(register), do: {register.timestamp, register.actor, register.value}

  @impl true
  def delta(%__MODULE__{delta_dirty: true} = register), do: register
  def delta(%__MODULE__{} = register), do: new(register.actor)

  @impl true
  def reset_delta(%__MODULE__{} = register), do: %{register | delta_dirty: false}

  defimpl Grove.Mergeable do
    defdelegate merge(a, b), to: Grove.Register.LWWRegister
  end

  defimpl Grove.Viewable do
    defdelegate value(register), to: Grove.Register.LWWRegister
  end
end
