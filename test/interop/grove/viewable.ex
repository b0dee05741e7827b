defprotocol Grove.Viewable do
  @moduledoc "The value of a state."
  def value(crdt)
end
