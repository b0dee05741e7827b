defprotocol Grove.Mergeable do
  @moduledoc "Merges two states of one type."
  def merge(a, b)
end
