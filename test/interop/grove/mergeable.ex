defprotocol Grove.Mergeable do
  @moduledoc "Joins two states of one type."
  def merge(a, b)
end
