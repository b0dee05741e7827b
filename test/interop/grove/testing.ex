defmodule Grove.Testing do
  @moduledoc "Changes written as data."

  def apply_operations(crdt, operations) do
    Enum.reduce(operations, crdt, fn {name, args}, %module{} = state ->
      apply(module, name, [state | args])
    end)
  end
end
