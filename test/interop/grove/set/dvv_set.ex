defmodule Grove.Set.DVVSet do
  @moduledoc """
  A set with one dot per actor for each element, and a context that hides
  removed dots.  The context is a version vector, so it hides older dots of the
  same actor too.  Therefore a removal gives new dots to the other elements that
  it would hide; elements that its replica has not seen yet are lost.
  """
  @behaviour Grove.CRDT

  alias Grove.VectorClock

  defstruct actor: nil, clock: %{}, context: %{}, delta_buffer: nil, entries: %{}

  @impl true
  def new(actor), do: %__MODULE__{actor: actor}

  def add(%__MODULE__{} = set, element), do: change(set, fresh_dots(set, [element]))

  def remove(%__MODULE__{entries: entries} = set, element) do
    case entries do
      %{^element => dots} ->
        others =
          for {other, theirs} <- entries, other !== element, any_seen?(theirs, dots), do: other

        change(set, %{fresh_dots(set, others) | context: dots})

      _ ->
        set
    end
  end

  defp fresh_dots(%{actor: actor} = set, elements) do
    last = max(VectorClock.get(set.clock, actor), VectorClock.get(set.context, actor))
    numbered = Enum.with_index(elements, last + 1)

    %__MODULE__{
      actor: actor,
      clock: for({_, n} <- numbered, into: %{}, do: {actor, n}),
      entries: for({element, n} <- numbered, into: %{}, do: {element, %{actor => n}})
    }
  end

  defp any_seen?(dots, context) do
    Enum.any?(dots, fn {actor, n} -> n <= VectorClock.get(context, actor) end)
  end

  defp change(set, delta), do: %{merge(set, delta) | delta_buffer: merge(delta(set), delta)}

  def member?(%__MODULE__{entries: entries}, element), do: is_map_key(entries, element)
  def size(%__MODULE__{entries: entries}), do: map_size(entries)
  def to_list(%__MODULE__{entries: entries}), do: Map.keys(entries)

  @impl true
  def value(%__MODULE__{} = set), do: set |> to_list() |> MapSet.new()

  @impl true
  def merge(%__MODULE__{} = a, %__MODULE__{} = b) do
    context = VectorClock.merge(a.context, b.context)
    entries = Map.merge(a.entries, b.entries, fn _element, x, y -> VectorClock.merge(x, y) end)

    %{
      a
      | clock: VectorClock.merge(a.clock, b.clock),
        context: context,
        entries: live(entries, context)
    }
  end

  defp live(entries, context) do
    for {element, dots} <- entries,
        rest =
          for({actor, n} <- dots, n > VectorClock.get(context, actor), into: %{}, do: {actor, n}),
        rest != %{},
        into: %{},
        do: {element, rest}
  end

  @impl true
  def delta(%__MODULE__{} = set), do: set.delta_buffer || new(set.actor)

  @impl true
  def reset_delta(%__MODULE__{} = set), do: %{set | delta_buffer: nil}

  defimpl Grove.Mergeable do
    defdelegate merge(a, b), to: Grove.Set.DVVSet
  end

  defimpl Grove.Viewable do
    defdelegate value(set), to: Grove.Set.DVVSet
  end
end
