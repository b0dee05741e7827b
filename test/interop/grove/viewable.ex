defprotocol Grove.Viewable do
  @moduledoc "What a state means to its reader."
  def value(crdt)
end
