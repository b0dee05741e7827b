defmodule Partitions.Writer do
  @moduledoc """
  Changes one replica continuously, one change at a time, from a node at the same site, and
  keeps its ledger.
  """
  use GenServer

  alias Grove.Counter.GCounter
  alias Grove.Replication.Server
  alias Partitions.Ledger

  # Longer than a replica takes to catch up with its peers.
  @call_ms 15_000
  @retry_ms 200

  defstruct [:server, :via, :pause_ms, :ledger, :timer, next: 1, last: :head, removable: []]

  @doc """
  Options: `kind`, `server`, `actor`, `pause_ms`, and `via`: `:closure` for a Grove replica,
  `:data` for a coppice, which gets some increments as closures, too.
  """
  def start(opts) do
    {ledger, opts} = Keyword.split(opts, [:kind, :actor])
    {:ok, _} = GenServer.start(__MODULE__, {ledger, opts}, name: name(ledger[:kind]))
  end

  @doc "Its ledger, and the violations of its own replica."
  def check(kind), do: GenServer.call(name(kind), :check, 4 * @call_ms)

  @doc "Pauses it; returns the ledger."
  def pause(kind), do: GenServer.call(name(kind), :pause, 2 * @call_ms)

  @doc "Ends a pause."
  def resume(kind), do: GenServer.cast(name(kind), :resume)

  defp name(kind), do: :"writer_of_#{kind}"

  @doc "The contents of a replica, in the form of `Ledger`."
  def contents(:counter, server) do
    {:ok, %GCounter{counts: counts}} = GenServer.call(server, :state, @call_ms)
    counts
  end

  def contents(:set, server) do
    {:ok, set} = GenServer.call(server, :value, @call_ms)
    set |> MapSet.to_list() |> Enum.sort()
  end

  def contents(:list, server) do
    {:ok, list} = GenServer.call(server, :value, @call_ms)
    list
  end

  @impl true
  def init({ledger, opts}) do
    {:ok, again(struct!(%__MODULE__{ledger: struct!(Ledger, ledger)}, opts), 0)}
  end

  @impl true
  def handle_call(:check, _from, %{ledger: ledger} = writer) do
    {:reply, {ledger, Ledger.violations(ledger, contents(ledger.kind, writer.server))}, writer}
  end

  def handle_call(:pause, _from, writer) do
    {:reply, writer.ledger, %{writer | timer: :paused}}
  end

  @impl true
  def handle_cast(:resume, writer) do
    {:noreply, again(writer, 0)}
  end

  @impl true
  def handle_info({:timeout, timer, :write}, %{timer: timer} = writer) do
    op = draw(writer)
    writer = note(writer, &Ledger.asked(&1, op))

    case perform(op, writer) do
      {:ok, made} ->
        writer = writer |> note(&Ledger.acknowledged(&1, op)) |> done(op, made)
        {:noreply, again(writer, writer.pause_ms)}

      :unanswered ->
        writer = writer |> note(&Ledger.unanswered/1) |> done(op, :unknown)
        {:noreply, again(writer, @retry_ms)}
    end
  end

  # A timer from before a pause, or the result of a closure after its call timed out.
  def handle_info(_late, writer), do: {:noreply, writer}

  defp again(writer, ms), do: %{writer | timer: :erlang.start_timer(ms, self(), :write)}
  defp note(writer, fun), do: %{writer | ledger: fun.(writer.ledger)}

  # The ledger's form of an operation; change/2 gives the replica's.
  defp draw(%{ledger: %{kind: :counter}}), do: {:increment, [Enum.random(1..9)]}

  defp draw(%{ledger: ledger, next: n, removable: removable}) do
    if removable != [] and Enum.random(1..4) == 1 do
      {n, id} = Enum.random(removable)
      {:remove, [{ledger.actor, n}, id]}
    else
      {:add, [{ledger.actor, n}]}
    end
  end

  defp done(writer, {:increment, _}, _made), do: writer

  defp done(writer, {:remove, [{_, gone}, _]}, _made) do
    %{writer | removable: Enum.reject(writer.removable, fn {n, _} -> n == gone end)}
  end

  defp done(writer, {:add, _}, :unknown), do: %{writer | next: writer.next + 1}

  defp done(%{next: n} = writer, {:add, _}, made) do
    last = if writer.ledger.kind == :list, do: made, else: :none
    %{writer | next: n + 1, last: last, removable: Enum.take([{n, made} | writer.removable], 20)}
  end

  defp change({:add, [element]}, %{ledger: %{kind: :list}, last: id}),
    do: {:insert, [element, id]}

  defp change({:remove, [_, id]}, %{ledger: %{kind: :list}}), do: {:remove, [id]}
  defp change({:remove, [element, _]}, _writer), do: {:remove, [element]}
  defp change(op, _writer), do: op

  defp perform(op, writer) do
    closure? =
      writer.via == :closure or (writer.ledger.kind == :counter and :rand.uniform(8) == 1)

    change = change(op, writer)
    if closure?, do: by_closure(writer.server, change), else: by_data(writer.server, change)
  catch
    :exit, _ -> :unanswered
  end

  defp by_data(server, change) do
    case GenServer.call(server, {:mutate_reply, change}, @call_ms) do
      {:ok, made} -> {:ok, made}
      {:error, _} -> :unanswered
    end
  end

  # The closure itself sends its result: Grove replies only :ok.
  defp by_closure(server, change) do
    {me, ref} = {self(), make_ref()}

    fun = fn crdt ->
      {changed, made} = Change.make(crdt, change)
      send(me, {ref, made})
      changed
    end

    case GenServer.call(server, {:mutate, fun}, @call_ms) do
      :ok -> receive(do: ({^ref, made} -> {:ok, made}))
      {:error, _} -> :unanswered
    end
  end

  @doc "Starts a Grove replica on this node."
  def replicate(opts) do
    {:ok, pid} = Server.start_link(opts)
    Process.unlink(pid)
    :ok
  end
end
