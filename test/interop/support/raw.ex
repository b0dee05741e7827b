defmodule Raw do
  @moduledoc "A socket to a node's port, for data that no BEAM would send."

  def connect(port) do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false])
    socket
  end

  @doc "Sends bytes; the other side may have closed already."
  def write(socket, bytes), do: :gen_tcp.send(socket, bytes)

  @doc "Whether the other side closes, whatever it sends before."
  def closed?(socket, limit_ms \\ 10_000) do
    case :gen_tcp.recv(socket, 0, limit_ms * TestCase.slowdown()) do
      {:ok, _} -> closed?(socket, limit_ms)
      {:error, :timeout} -> false
      {:error, _} -> true
    end
  end

  @doc "The first message of the handshake (send_name) of node `name`."
  def name_message(name, flags) do
    short(<<?N, flags::64, 1::32, byte_size(name)::16, name::binary>>)
  end

  # The flags of a coppice: fragments, but no atom cache.
  @flags 0xC07CF4FBC

  @doc "A connection that has completed the handshake as node `name`."
  def handshake(port, name) do
    socket = connect(port)
    write(socket, name_message(name, @flags))
    "sok" = receive_short(socket)
    <<?N, _flags::64, challenge::32, _::binary>> = receive_short(socket)
    write(socket, short(<<?r, 7::32, digest(challenge)::binary>>))
    <<?a, theirs::binary>> = receive_short(socket)
    ^theirs = digest(7)
    socket
  end

  defp digest(challenge), do: :erlang.md5("#{Node.get_cookie()}#{challenge}")

  defp short(body), do: <<byte_size(body)::16, body::binary>>

  defp receive_short(socket) do
    {:ok, <<length::16>>} = :gen_tcp.recv(socket, 2, 5_000 * TestCase.slowdown())
    {:ok, body} = :gen_tcp.recv(socket, length, 5_000 * TestCase.slowdown())
    body
  end

  @doc "Sends a message to a name there, in which :TERM is replaced by an encoded term."
  def send_term(socket, name, message, encoded) do
    bytes = :erlang.term_to_binary(message, minor_version: 2)
    bytes = :binary.replace(bytes, <<119, 4, "TERM">>, encoded)
    control = :erlang.term_to_binary({6, pid(), :"", name})
    write(socket, long(["p", control, bytes]))
  end

  @doc "The same with a call, whose reply is returned."
  def call(socket, name, request, encoded) do
    send_term(socket, name, {:"$gen_call", {pid(), :tag}, request}, encoded)
    receive_reply(socket)
  end

  @doc "A pid of the node raw@127.0.0.1."
  def pid do
    node = "raw@127.0.0.1"
    :erlang.binary_to_term(<<131, 88, 119, byte_size(node), node::binary, 1::32, 0::32, 1::32>>)
  end

  # Passes over ticks and what the node's processes send by themselves.
  defp receive_reply(socket) do
    {:ok, <<length::32>>} = :gen_tcp.recv(socket, 4, 5_000 * TestCase.slowdown())
    {:ok, body} = if length > 0, do: :gen_tcp.recv(socket, length, 5_000), else: {:ok, ""}

    case body do
      <<131, 68, 0, terms::binary>> -> reply_of(socket, terms)
      _ -> receive_reply(socket)
    end
  end

  defp reply_of(socket, terms) do
    {control, used} = :erlang.binary_to_term(<<131, terms::binary>>, [:used])
    rest = binary_part(terms, used - 1, byte_size(terms) - used + 1)
    reply? = elem(control, 0) in [2, 22] and elem(control, 2) == pid()

    case reply? and rest != "" and :erlang.binary_to_term(<<131, rest::binary>>) do
      {:tag, reply} -> reply
      _ -> receive_reply(socket)
    end
  end

  @doc "A pass-through frame, without a distribution header: a control term and a message."
  def frame(control, message \\ nil) do
    terms = for term <- [control | List.wrap(message)], do: :erlang.term_to_binary(term)
    long(["p" | terms])
  end

  def long(body), do: [<<IO.iodata_length(body)::32>> | body]
end
