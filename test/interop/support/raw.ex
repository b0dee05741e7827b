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
  def handshake(port, name, flags \\ @flags) do
    socket = connect(port)
    write(socket, name_message(name, flags))
    "sok" = receive_short(socket)
    <<?N, _flags::64, challenge::32, _::binary>> = receive_short(socket)
    write(socket, short(<<?r, 7::32, digest(challenge)::binary>>))
    <<?a, theirs::binary>> = receive_short(socket)
    ^theirs = digest(7)
    socket
  end

  @doc "A listening socket, registered with epmd as node `name`."
  def listen(name) do
    options = [:binary, active: false, ip: {127, 0, 0, 1}]
    {:ok, listener} = :gen_tcp.listen(0, options)
    {:ok, port} = :inet.port(listener)
    Epmd.register(name, port)
    listener
  end

  @doc "The next connection to it, after the handshake."
  def accept(listener, name, flags) do
    {:ok, socket} = :gen_tcp.accept(listener, 10_000 * TestCase.slowdown())
    <<?N, _::binary>> = receive_short(socket)
    write(socket, short("sok"))
    write(socket, short(<<?N, flags::64, 7::32, 1::32, byte_size(name)::16, name::binary>>))
    <<?r, challenge::32, _digest::binary>> = receive_short(socket)
    write(socket, short(<<?a, digest(challenge)::binary>>))
    socket
  end

  defp digest(challenge), do: :erlang.md5("#{Node.get_cookie()}#{challenge}")

  defp short(body), do: <<byte_size(body)::16, body::binary>>

  defp receive_short(socket) do
    {:ok, <<length::16>>} = :gen_tcp.recv(socket, 2, 5_000 * TestCase.slowdown())
    {:ok, body} = :gen_tcp.recv(socket, length, 5_000 * TestCase.slowdown())
    body
  end

  @doc "A pid of node `name`, whose creation is 1 (name_message/2)."
  def pid(name, id \\ 1) do
    :erlang.binary_to_term(<<131, 88, 119, byte_size(name), name::binary, id::32, 0::32, 1::32>>)
  end

  @doc "A reference of node `name`."
  def ref(name, id \\ 1) do
    node = <<119, byte_size(name), name::binary>>
    :erlang.binary_to_term(<<131, 90, 3::16, node::binary, 1::32, id::32, 0::32, 0::32>>)
  end

  @doc """
  The terms of the next frame that is no tick: the control tuple and the message, if any.  Only for
  pass-through frames, which the other side sends where FRAGMENTS was not announced.
  """
  def receive_frame(socket) do
    {:ok, <<length::32>>} = :gen_tcp.recv(socket, 4, 5_000 * TestCase.slowdown())
    if length == 0, do: receive_frame(socket), else: terms(socket, length)
  end

  defp terms(socket, length) do
    {:ok, "p" <> terms} = :gen_tcp.recv(socket, length, 5_000 * TestCase.slowdown())
    {control, used} = :erlang.binary_to_term(terms, [:used])

    case binary_part(terms, used, byte_size(terms) - used) do
      "" -> {control, nil}
      message -> {control, :erlang.binary_to_term(message)}
    end
  end

  @raw "raw@127.0.0.1"

  @doc """
  Sends a message from node `raw@127.0.0.1` to a name there, in which :TERM is replaced by an
  encoded term.
  """
  def send_term(socket, name, message, encoded) do
    bytes = :erlang.term_to_binary(message, minor_version: 2)
    bytes = :binary.replace(bytes, <<119, 4, "TERM">>, encoded)
    control = :erlang.term_to_binary({6, pid(@raw), :"", name})
    write(socket, long(["p", control, bytes]))
  end

  @doc "The same with a call, whose reply is returned."
  def call(socket, name, request, encoded) do
    send_term(socket, name, {:"$gen_call", {pid(@raw), :tag}, request}, encoded)
    receive_reply(socket)
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
    reply? = elem(control, 0) in [2, 22] and elem(control, 2) == pid(@raw)

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
