defmodule EiTest do
  @moduledoc "A node in C, on OTP's own library `ei`: test/peers/ei."
  use ForeignChecks, [name: "ei", command: ["build/peers/ei_peer"]] ++ Needs.met("ei")
end
