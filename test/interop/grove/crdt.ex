defmodule Grove.CRDT do
  @moduledoc """
  What every type provides.  `merge/2` commutes, associates and is idempotent,
  and `delta/1` answers a struct of the type itself, so a whole state is always
  a legal delta.
  """

  @callback new(actor :: term) :: struct
  @callback merge(struct, struct) :: struct
  @callback value(struct) :: term
  @callback delta(struct) :: struct
  @callback reset_delta(struct) :: struct
end
