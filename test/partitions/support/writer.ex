defmodule Partitions.Writer do
  @moduledoc """
  Changes one replica all the time, one change after the other, from a node that is at
  the same site, and keeps the account of it.
  """
  use GenServer

  alias Grove.Counter.GCounter
  alias Grove.Replication.Server
  alias Partitions.Account

  # Longer than a replica takes to catch up with its peers.
  @patience_ms 15_000
  @breather_ms 200

  defstruct [:server, :via, :pause_ms, :account, :timer, next: 1, last: :head, removable: []]

  @doc """
  Options: `kind`, `server`, `actor`, `pause_ms`, and `via`: `:closure` for a replica of
  Grove's, `:data` for a coppice, which gets some of its increments as closures, too.
  """
  def start(opts) do
    {account, opts} = Keyword.split(opts, [:kind, :actor])
    {:ok, _} = GenServer.start(__MODULE__, {account, opts}, name: name(account[:kind]))
  end

  @doc "Its account, and what is wrong with what its own replica tells."
  def check(kind), do: GenServer.call(name(kind), :check, 4 * @patience_ms)

  @doc "Writes no more; answers the account."
  def hold(kind), do: GenServer.call(name(kind), :hold, 2 * @patience_ms)

  @doc "Goes on."
  def resume(kind), do: GenServer.cast(name(kind), :resume)

  defp name(kind), do: :"writer_of_#{kind}"

  @doc "What a replica tells, as `Account` wants it."
  def told(:counter, server) do
    {:ok, %GCounter{counts: counts}} = GenServer.call(server, :state, @patience_ms)
    counts
  end

  def told(:set, server) do
    {:ok, set} = GenServer.call(server, :value, @patience_ms)
    set |> MapSet.to_list() |> Enum.sort()
  end

  def told(:list, server) do
    {:ok, list} = GenServer.call(server, :value, @patience_ms)
    list
  end

  @impl true
  def init({account, opts}) do
    {:ok, again(struct!(%__MODULE__{account: struct!(Account, account)}, opts), 0)}
  end

  @impl true
  def handle_call(:check, _from, %{account: account} = writer) do
    {:reply, {account, Account.breaches(account, told(account.kind, writer.server))}, writer}
  end

  def handle_call(:hold, _from, writer) do
    {:reply, writer.account, %{writer | timer: :held}}
  end

  @impl true
  def handle_cast(:resume, writer) do
    {:noreply, again(writer, 0)}
  end

  @impl true
  def handle_info({:timeout, timer, :write}, %{timer: timer} = writer) do
    op = draw(writer)
    writer = note(writer, &Account.asked(&1, op))

    case perform(op, writer) do
      {:ok, made} ->
        writer = writer |> note(&Account.acknowledged(&1, op)) |> done(op, made)
        {:noreply, again(writer, writer.pause_ms)}

      :unanswered ->
        writer = writer |> note(&Account.unanswered/1) |> done(op, :unknown)
        {:noreply, again(writer, @breather_ms)}
    end
  end

  # A timer from before it was held, or what a closure made whose answer came too late.
  def handle_info(_late, writer), do: {:noreply, writer}

  defp again(writer, ms), do: %{writer | timer: :erlang.start_timer(ms, self(), :write)}
  defp note(writer, fun), do: %{writer | account: fun.(writer.account)}

  # An element is named by its account, its change by what the replica wants: see change/2.
  defp draw(%{account: %{kind: :counter}}), do: {:increment, [Enum.random(1..9)]}

  defp draw(%{account: account, next: n, removable: removable}) do
    if removable != [] and Enum.random(1..4) == 1 do
      {n, id} = Enum.random(removable)
      {:remove, [{account.actor, n}, id]}
    else
      {:add, [{account.actor, n}]}
    end
  end

  defp done(writer, {:increment, _}, _made), do: writer

  defp done(writer, {:remove, [{_, gone}, _]}, _made) do
    %{writer | removable: Enum.reject(writer.removable, fn {n, _} -> n == gone end)}
  end

  defp done(writer, {:add, _}, :unknown), do: %{writer | next: writer.next + 1}

  defp done(%{next: n} = writer, {:add, _}, made) do
    last = if writer.account.kind == :list, do: made, else: :none
    %{writer | next: n + 1, last: last, removable: Enum.take([{n, made} | writer.removable], 20)}
  end

  defp change({:add, [element]}, %{account: %{kind: :list}, last: id}),
    do: {:insert, [element, id]}

  defp change({:remove, [_, id]}, %{account: %{kind: :list}}), do: {:remove, [id]}
  defp change({:remove, [element, _]}, _writer), do: {:remove, [element]}
  defp change(op, _writer), do: op

  defp perform(op, writer) do
    closure? =
      writer.via == :closure or (writer.account.kind == :counter and :rand.uniform(8) == 1)

    change = change(op, writer)
    if closure?, do: by_closure(writer.server, change), else: by_data(writer.server, change)
  catch
    :exit, _ -> :unanswered
  end

  defp by_data(server, change) do
    case GenServer.call(server, {:mutate_reply, change}, @patience_ms) do
      {:ok, made} -> {:ok, made}
      {:error, _} -> :unanswered
    end
  end

  # What it made is sent by the closure itself: Grove answers no more than :ok.
  defp by_closure(server, change) do
    {me, ref} = {self(), make_ref()}

    fun = fn crdt ->
      {changed, made} = Change.make(crdt, change)
      send(me, {ref, made})
      changed
    end

    case GenServer.call(server, {:mutate, fun}, @patience_ms) do
      :ok -> receive(do: ({^ref, made} -> {:ok, made}))
      {:error, _} -> :unanswered
    end
  end

  @doc "Starts a replica of Grove's on this node."
  def replicate(opts) do
    {:ok, pid} = Server.start_link(opts)
    Process.unlink(pid)
    :ok
  end
end
