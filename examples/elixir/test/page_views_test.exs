defmodule PageViewsTest do
  use ExUnit.Case
  doctest PageViews

  @patience 20_000

  test "a page shows each change" do
    PageViews.Page.open()
    assert_receive {:html, _now}, @patience
    :ok = PageViews.hit("/news")
    assert_receive {:html, html}, @patience
    assert html =~ "<li>/news: 1</li>"
    :ok = PageViews.hit("/news")
    assert_receive {:html, html}, @patience
    assert html =~ "<li>/news: 2</li>"
  end

  test "counts and page are there again after a crash of the coppice" do
    for _ <- 1..3, do: :ok = PageViews.hit("/crash")
    Process.monitor(PageViews.replica())
    {:links, links} = PageViews.Coppice |> Process.whereis() |> Process.info(:links)
    [{:os_pid, program}] = for port <- links, is_port(port), do: Port.info(port, :os_pid)
    System.cmd("kill", ["-KILL", "#{program}"])
    assert_receive {:DOWN, _, :process, _, _}, @patience

    # Started again after a second.
    eventually(fn -> PageViews.hit("/crash") == :ok end)
    PageViews.Page.open()
    eventually(fn -> PageViews.Page.html() =~ "<li>/crash: 4</li>" end)
    assert PageViews.all()["/crash"] == 4
  end

  defp eventually(true?, left \\ 400) do
    cond do
      try_it(true?) -> :ok
      left == 0 -> flunk("it does not become true")
      true -> Process.sleep(50) && eventually(true?, left - 1)
    end
  end

  defp try_it(true?) do
    true?.()
  catch
    :exit, _ -> false
  end
end
