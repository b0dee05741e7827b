defmodule Web do
  @moduledoc "A web client for the tests: one request, one connection."

  @doc "The port of a coppice's web server, from its log."
  def port(coppice) do
    log = Coppice.logs(coppice, "metrics and status page at http://")
    [_, port] = Regex.run(~r"metrics and status page at http://[^ ]*:(\d+)/", log)
    String.to_integer(port)
  end

  @doc "`{status, headers, body}` of a GET."
  def get(coppice, path, headers \\ [{"Host", "127.0.0.1"}]) do
    request(coppice, ["GET ", path, " HTTP/1.1\r\n", lines(headers), "Connection: close\r\n\r\n"])
  end

  @doc "The same of any bytes."
  def request(coppice, bytes) do
    socket = open(coppice)
    _ = :gen_tcp.send(socket, bytes)
    answer(all(socket, []))
  end

  # Closed without one: there are too many connections.
  defp answer(""), do: {:closed, %{}, ""}

  defp answer(text) do
    [head, body] = String.split(text, "\r\n\r\n", parts: 2)
    ["HTTP/1.1 " <> status | headers] = String.split(head, "\r\n")
    {status |> String.split(" ") |> hd() |> String.to_integer(), headers(headers), body}
  end

  @doc "A connection."
  def open(coppice) do
    options = [:binary, active: false]
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port(coppice), options)
    socket
  end

  defp all(socket, so_far) do
    case :gen_tcp.recv(socket, 0, 20_000) do
      {:ok, bytes} -> all(socket, [so_far, bytes])
      {:error, _} -> IO.iodata_to_binary(so_far)
    end
  end

  defp lines(headers), do: for({key, value} <- headers, do: [key, ": ", value, "\r\n"])

  defp headers(lines) do
    for line <- lines, into: %{} do
      [key, value] = String.split(line, ": ", parts: 2)
      {String.downcase(key), value}
    end
  end

  @doc """
  The samples of `/metrics`: `%{name => %{labels => number}}`, labels as text.  Raises where
  the text is not in Prometheus's format: a sample without its type before it, a name in two
  places, a series that is there twice.
  """
  def metrics(coppice) do
    {200, %{"content-type" => "text/plain; version=0.0.4" <> _}, body} = get(coppice, "/metrics")
    true = String.valid?(body) and String.ends_with?(body, "\n")
    [_ | families] = String.split("\n" <> body, "\n# HELP ")
    families = Enum.map(families, &family/1)
    names = Enum.map(families, &elem(&1, 0))
    ^names = Enum.uniq(names)
    families |> Enum.flat_map(&elem(&1, 1)) |> Enum.reduce(%{}, &add/2)
  end

  defp family(text) do
    [help, type | samples] = String.split(text, "\n", trim: true)
    [name, _] = String.split(help, " ", parts: 2)
    ["# TYPE", ^name, kind] = String.split(type, ~r/ (?=\w+ \w+$)| (?=\w+$)/)
    true = kind in ["gauge", "counter", "summary"]
    {name, Enum.map(samples, &sample(&1, name, kind))}
  end

  @sample ~r/^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? ([0-9.]+)$/
  defp sample(line, family, kind) do
    [_, name, labels, number] = Regex.run(@sample, line)
    suffix = String.replace_prefix(name, family, "")
    true = if(kind == "summary", do: suffix in ["_sum", "_count"], else: suffix == "")
    {number, ""} = Float.parse(number)
    {name, labels, number}
  end

  defp add({name, labels, number}, so_far) do
    false = is_map_key(so_far[name] || %{}, labels)
    Map.update(so_far, name, %{labels => number}, &Map.put(&1, labels, number))
  end
end
