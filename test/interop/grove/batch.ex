defmodule Grove.Batch do
  @moduledoc "Several changes at once, all or nothing."

  def run(crdt, fun) do
    {:ok, fun.(crdt)}
  rescue
    exception -> {:error, exception, crdt}
  end

  def run!(crdt, fun) do
    case run(crdt, fun) do
      {:ok, changed} -> changed
      {:error, exception, _unchanged} -> raise exception
    end
  end
end
