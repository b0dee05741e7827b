defmodule Change do
  @moduledoc "Applies an operation as data, as a coppice accepts it, with Grove's own functions."

  alias Grove.Map.ORMap
  alias Grove.Register.LWWRegister
  alias Grove.Sequence.RGA

  @doc "The changed state, and the operation's result: an id, or `:ok`."
  def make(%ORMap{} = map, {:update, [key, op]}) do
    unless ORMap.has_key?(map, key), do: raise(KeyError, key: key, term: map)
    {ORMap.update(map, key, &elem(make(&1, op), 0)), :ok}
  end

  def make(%RGA{} = rga, {:insert, [value, prev_id]}), do: RGA.insert(rga, value, prev_id)

  # Grove's register would take an older time, and lose the value that a merge would keep.
  def make(%LWWRegister{timestamp: now} = register, {:set, [_, timestamp]})
      when timestamp <= now,
      do: {register, :ok}

  def make(%type{} = crdt, {name, args}), do: {apply(type, name, [crdt | args]), :ok}
end
