defmodule Grove.Register.MVRegister do
  @moduledoc "A register that keeps concurrent values; setting one replaces all that were seen."
  @behaviour Grove.CRDT

  alias Grove.VectorClock

  defstruct actor: nil, clock: %{}, delta_buffer: nil, values: %{}

  @impl true
  def new(actor), do: %__MODULE__{actor: actor}

  def set(%__MODULE__{actor: actor} = register, value) do
    clock = VectorClock.increment(register.clock, actor)
    change = %__MODULE__{actor: actor, clock: clock, values: %{{value, clock} => true}}
    %{merge(register, change) | delta_buffer: change}
  end

  @doc "Resolves a conflict."
  def resolve(%__MODULE__{} = register, value), do: set(register, value)

  def conflict?(%__MODULE__{values: values}), do: map_size(values) > 1
  def clock(%__MODULE__{clock: clock}), do: clock

  @impl true
  def value(%__MODULE__{values: values}), do: for({value, _clock} <- Map.keys(values), do: value)

  @impl true
  def merge(%__MODULE__{} = a, %__MODULE__{} = b) do
    values = a.values |> Map.merge(b.values) |> latest()
    %{a | clock: VectorClock.merge(a.clock, b.clock), values: values}
  end

  defp latest(values) do
    clocks = for {_value, clock} <- Map.keys(values), do: clock
    old? = fn clock -> Enum.any?(clocks, &VectorClock.dominates?(&1, clock)) end
    for {{_value, clock}, true} = entry <- values, not old?.(clock), into: %{}, do: entry
  end

  @impl true
  def delta(%__MODULE__{} = register), do: register.delta_buffer || new(register.actor)

  @impl true
  def reset_delta(%__MODULE__{} = register), do: %{register | delta_buffer: nil}

  defimpl Grove.Mergeable do
    defdelegate merge(a, b), to: Grove.Register.MVRegister
  end

  defimpl Grove.Viewable do
    defdelegate value(register), to: Grove.Register.MVRegister
  end
end
