defmodule PageViews.Page do
  @moduledoc """
  Keeps a page that shows the counts up to date, as a LiveView would: it subscribes to the replica,
  and renders when that tells of a change.

  `html/0` returns the page. `open/0` is what a browser's socket does: the process is sent
  `{:html, html}` now, and whenever the page changes.
  """
  use GenServer

  @retry_ms 500

  def start_link(_options), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  def html, do: GenServer.call(__MODULE__, :html)

  def open, do: GenServer.cast(__MODULE__, {:open, self()})

  @impl true
  def init(nil), do: {:ok, %{html: render(%{}), viewers: []}, {:continue, :subscribe}}

  @impl true
  def handle_continue(:subscribe, state) do
    # It is down while the coppice is started again; then the monitor says so, too.
    Process.monitor(PageViews.replica())
    {:ok, _ref} = Coppice.subscribe(PageViews.replica())
    {:noreply, state}
  catch
    :exit, _reason -> {:noreply, state}
  end

  @impl true
  def handle_call(:html, _from, state), do: {:reply, state.html, state}

  @impl true
  def handle_cast({:open, viewer}, state) do
    send(viewer, {:html, state.html})
    {:noreply, %{state | viewers: [viewer | state.viewers]}}
  end

  @impl true
  def handle_info({:coppice_changed, :page_views, _ref, %{value: counters}}, state) do
    html = counters |> PageViews.counts() |> render()
    for viewer <- state.viewers, do: send(viewer, {:html, html})
    {:noreply, %{state | html: html}}
  end

  # The replica has ended, with its coppice or alone.
  def handle_info({:DOWN, _monitor, :process, _replica, _reason}, state) do
    Process.send_after(self(), :subscribe, @retry_ms)
    {:noreply, state}
  end

  def handle_info(:subscribe, state), do: {:noreply, state, {:continue, :subscribe}}

  defp render(counts) do
    rows = for {path, views} <- Enum.sort(counts), do: "<li>#{path}: #{views}</li>"
    "<ul>#{rows}</ul>"
  end
end
