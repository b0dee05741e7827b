defmodule Change do
  @moduledoc "A change as data, as a coppice takes it, made by Grove's own functions."

  alias Grove.Map.ORMap
  alias Grove.Register.LWWRegister
  alias Grove.Sequence.RGA

  @doc "The changed state, and what the change made: an id, or `:ok`."
  def make(%ORMap{} = map, {:update, [key, op]}) do
    unless ORMap.has_key?(map, key), do: raise(KeyError, key: key, term: map)
    {ORMap.update(map, key, &elem(make(&1, op), 0)), :ok}
  end

  def make(%RGA{} = rga, {:insert, [value, prev_id]}), do: RGA.insert(rga, value, prev_id)

  # Told an older time, Grove's register takes it, and forgets what a join would keep.
  def make(%LWWRegister{timestamp: now} = register, {:set, [_, timestamp]})
      when timestamp <= now,
      do: {register, :ok}

  def make(%type{} = crdt, {name, args}), do: {apply(type, name, [crdt | args]), :ok}
end
