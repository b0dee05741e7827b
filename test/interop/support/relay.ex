defmodule Relay do
  @moduledoc """
  A proxy in front of a coppice, registered under its name.  It counts the bytes of both
  sides, and can drop frames or stop reading.

  The coppice behind it has no epmd, so it dials nobody.  A relay lives as long as the process
  of its test.
  """

  @socket [:binary, ip: {127, 0, 0, 1}, active: false, nodelay: true, packet: 2]

  @doc "The settings of a coppice that can be reached only through its relay."
  def behind, do: [node: Coppice.name(), epmd_port: 1]

  @doc "Starts one in front of that coppice."
  def start(%Coppice{node: node, port: port}) do
    table = :ets.new(:relay, [:public])
    {:ok, listening} = :gen_tcp.listen(0, @socket)
    {:ok, own} = :inet.port(listening)
    Epmd.register(node, own)
    spawn_link(fn -> accept(listening, port, table) end)
    table
  end

  @doc "The bytes sent to and from `dialler`, frame headers included."
  def bytes(table, dialler) do
    Enum.sum(for way <- [:in, :out], do: look(table, {:bytes, "#{dialler}", way}, 0))
  end

  @doc "From now on frames to or from `dialler` that contain `text` are dropped; nil: none."
  def lose(table, dialler, text), do: :ets.insert(table, {{:lose, "#{dialler}"}, text})

  @doc "How many frames were dropped."
  def lost(table, dialler), do: look(table, {:lost, "#{dialler}"}, 0)

  @doc "From now on nothing that the coppice sends to `dialler` is read."
  def hold(table, dialler), do: :ets.insert(table, {{:hold, "#{dialler}"}, true})

  @doc "Ends that, from the next connection on."
  def release(table, dialler), do: :ets.delete(table, {:hold, "#{dialler}"})

  defp look(table, key, otherwise) do
    case :ets.lookup(table, key) do
      [{_, value}] -> value
      [] -> otherwise
    end
  end

  # --- connections ----------------------------------------------------------------

  defp accept(listening, port, table) do
    {:ok, near} = :gen_tcp.accept(listening)
    connection = spawn_link(fn -> connect(near, port, table) end)
    :ok = :gen_tcp.controlling_process(near, connection)
    send(connection, :yours)
    accept(listening, port, table)
  end

  # A small receive buffer, so that unread data stays in the coppice.
  defp connect(near, port, table) do
    receive do: (:yours -> :ok)
    {:ok, far} = :gen_tcp.connect({127, 0, 0, 1}, port, [recbuf: 65_536] ++ @socket)

    with {:ok, name} <- shake_hands(near, far) do
      for socket <- [near, far], do: :inet.setopts(socket, packet: 4)
      spawn_link(fn -> pass(near, far, {table, name, :in}) end)
      pass(far, near, {table, name, :out})
    end
  end

  defp shake_hands(near, far) do
    with {:ok, <<?N, _flags::64, _creation::32, _::16, name::binary>>} <- forward(near, far),
         {:ok, status} <- forward(far, near),
         {:ok, _} <- if(status == "salive", do: forward(near, far), else: {:ok, status}),
         {:ok, _challenge} <- forward(far, near),
         {:ok, _answer} <- forward(near, far),
         {:ok, _answer} <- forward(far, near),
         do: {:ok, name}
  end

  defp forward(from, to) do
    with {:ok, message} <- :gen_tcp.recv(from, 0),
         :ok <- :gen_tcp.send(to, message),
         do: {:ok, message}
  end

  # Until either side closes.
  defp pass(from, to, {table, name, way}) do
    if way == :out and look(table, {:hold, name}, false), do: Process.sleep(:infinity)

    with {:ok, frame} <- :gen_tcp.recv(from, 0),
         :ok <- pass_frame(table, name, way, frame, to) do
      pass(from, to, {table, name, way})
    else
      _ -> for socket <- [from, to], do: :gen_tcp.close(socket)
    end
  end

  defp pass_frame(table, name, way, frame, to) do
    :ets.update_counter(table, {:bytes, name, way}, 4 + byte_size(frame), {nil, 0})
    text = look(table, {:lose, name}, nil)

    if text != nil and :binary.match(frame, text) != :nomatch do
      :ets.update_counter(table, {:lost, name}, 1, {nil, 0})
      :ok
    else
      :gen_tcp.send(to, frame)
    end
  end
end
