defmodule Grove.Testing do
  @moduledoc "Operations as data."

  def apply_operations(crdt, operations) do
    Enum.reduce(operations, crdt, fn {name, args}, %module{} = state ->
      apply(module, name, [state | args])
    end)
  end
end
