defmodule Tls do
  @moduledoc "Nodes with TLS: their options, starting them, what they log."

  @doc "An option file for a BEAM that verifies its peers, as `tls` has a coppice do."
  def both(ca, own, more \\ []) do
    options = Authority.trust(ca, own, more)
    server = [fail_if_no_peer_cert: true] ++ options
    Authority.option_file(ca, TestCase.fresh("dist"), server, options)
  end

  @doc "The value of `tls` for a coppice that verifies its peers."
  def tls(ca, own, more \\ []), do: Map.new(Authority.trust(ca, own, more))

  @doc "The same for one that verifies nobody."
  def careless(own), do: Map.new([verify: :verify_none] ++ own)

  @doc "Starts a BEAM with that option file."
  def beam(file, opts \\ []) do
    Beam.start([args: ["-proto_dist", "inet_tls", "-ssl_dist_optfile", file]] ++ opts)
  end

  @doc "Starts a coppice with a counter `r`."
  def start(settings), do: Coppice.start([replicas: [r: TestCase.counter()]] ++ settings)

  @doc "What its log says behind `start`, a text or pattern, up to the end of the line."
  def line(coppice, start) do
    [_, rest] = coppice |> Coppice.logs(start) |> String.split(start, parts: 2)
    rest |> String.split("\n") |> hd()
  end
end
