defmodule Grove.CRDT do
  @moduledoc """
  The behaviour of every type.  `merge/2` is commutative, associative and
  idempotent.  `delta/1` returns a struct of the type itself, so a full state is
  always a valid delta.
  """

  @callback new(actor :: term) :: struct
  @callback merge(struct, struct) :: struct
  @callback value(struct) :: term
  @callback delta(struct) :: struct
  @callback reset_delta(struct) :: struct
end
