defmodule NameServer do
  @moduledoc """
  A name server for the nodes of one test.  It listens on port 53 of an address of the loopback
  network; a coppice in a mount namespace of its own, with a resolv.conf of its own, asks it.
  """
  use GenServer

  @host "app.test"

  @doc "Why it cannot be had here, as a tag to skip tests; nil if it can."
  def skip do
    case HostsFile.skip() || open({127, 53, 0, 1}) do
      {:ok, socket} -> :gen_udp.close(socket) && nil
      {:error, reason} -> "port 53 cannot be opened: #{reason}"
      why -> why
    end
  end

  @doc "The name that it knows."
  def host, do: @host

  @doc "Starts one that lives as long as the test."
  def start do
    address = List.to_tuple([127, 53 | for(_ <- 1..2, do: :rand.uniform(250))])
    {:ok, server} = GenServer.start_link(__MODULE__, address)
    {server, "#{:inet.ntoa(address)}"}
  end

  @doc "The prefix of the command of a coppice that asks it, and gives up after so many seconds."
  def ask({_, address}, timeout \\ 1) do
    resolver = "nameserver #{address}\noptions timeout:#{timeout} attempts:1\n"
    HostsFile.with(%{"/etc/resolv.conf" => resolver, "/etc/hosts" => "127.0.0.1 localhost\n"})
  end

  @doc """
  From now on the answer is these addresses, as text; or an error: `:nxdomain`, `:servfail`, or
  `:silent` for no answer at all.
  """
  def answer({server, _}, answer), do: GenServer.call(server, {:answer, answer})

  @doc "How many questions it was asked."
  def questions({server, _}), do: GenServer.call(server, :questions)

  defp open(address), do: :gen_udp.open(53, [:binary, ip: address, active: true])

  @impl true
  def init(address) do
    {:ok, socket} = open(address)
    {:ok, %{socket: socket, answer: [], questions: 0}}
  end

  @impl true
  def handle_call({:answer, answer}, _from, state), do: {:reply, :ok, %{state | answer: answer}}
  def handle_call(:questions, _from, state), do: {:reply, state.questions, state}

  @impl true
  def handle_info({:udp, socket, ip, port, <<id::16, _::80, question::binary>>}, state) do
    {name, rest} = labels(question, [])
    <<type::16, _class::16, _::binary>> = rest
    length = byte_size(question) - byte_size(rest) + 4
    asked = binary_part(question, 0, length)
    answer = if name == @host, do: state.answer, else: :nxdomain
    for bytes <- reply(id, asked, type, answer), do: :gen_udp.send(socket, ip, port, bytes)
    {:noreply, %{state | questions: state.questions + 1}}
  end

  defp labels(<<0, rest::binary>>, names), do: {names |> Enum.reverse() |> Enum.join("."), rest}
  defp labels(<<n, name::binary-size(n), rest::binary>>, names), do: labels(rest, [name | names])

  defp reply(_id, _asked, _type, :silent), do: []
  defp reply(id, asked, _type, :servfail), do: [header(id, 2, 0) <> asked]
  defp reply(id, asked, _type, :nxdomain), do: [header(id, 3, 0) <> asked]

  defp reply(id, asked, type, addresses) do
    records = for address <- addresses, record <- record(type, address), do: record
    [header(id, 0, length(records)) <> asked <> Enum.join(records)]
  end

  # An answer to a recursive question that has one question.
  defp header(id, code, count), do: <<id::16, 0x818::12, code::4, 1::16, count::16, 0::32>>

  defp record(type, text) do
    {:ok, address} = :inet.parse_address(to_charlist(text))

    case {type, tuple_size(address)} do
      {1, 4} -> [resource(1, for(part <- Tuple.to_list(address), into: <<>>, do: <<part>>))]
      {28, 8} -> [resource(28, for(part <- Tuple.to_list(address), into: <<>>, do: <<part::16>>))]
      _ -> []
    end
  end

  # The name is that of the question; to be forgotten at once.
  defp resource(type, data), do: <<0xC00C::16, type::16, 1::16, 0::32, byte_size(data)::16>> <> data
end
