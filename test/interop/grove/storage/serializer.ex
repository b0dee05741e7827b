defmodule Grove.Storage.Serializer do
  @moduledoc "Encodes states as binaries."

  def encode(state, opts \\ []) do
    :erlang.term_to_binary(state, if(opts[:compressed], do: [compressed: 6], else: []))
  end

  def decode(binary) do
    {:ok, :erlang.binary_to_term(binary, [:safe])}
  rescue
    error in ArgumentError -> {:error, error}
  end
end
