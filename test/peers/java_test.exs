defmodule JavaTest do
  @moduledoc "A node in Java, on OTP's own library JInterface: test/peers/java."

  @classes Needs.folder("java") <> "/usr/share/java/OtpErlang.jar:build/peers"

  use ForeignChecks,
      [name: "java", command: ~w(java -Xmx256m -cp #{@classes} PeerNode)] ++ Needs.met("java")
end
