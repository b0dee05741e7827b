defmodule Grove.Storage do
  @moduledoc "The behaviour of a storage for replicas' states, keyed by group."

  @callback init(opts :: keyword) :: {:ok, ref :: term} | {:error, term}
  @callback save(ref :: term, group :: term, state :: struct) :: :ok | {:error, term}
  @callback load(ref :: term, group :: term) :: {:ok, struct | nil} | {:error, term}
  @callback delete(ref :: term, group :: term) :: :ok | {:error, term}
  @callback list_groups(ref :: term) :: {:ok, [term]} | {:error, term}
  @callback close(ref :: term) :: :ok | {:error, term}
  @optional_callbacks list_groups: 1, close: 1
end
