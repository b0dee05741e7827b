# The demonstration: this Elixir node and a coppice share a counter.
# Everything printed is really executed.

defmodule Demo do
  alias Grove.Counter.GCounter
  alias Grove.Replication.Server

  @c1 :"c1@127.0.0.1"
  @on_c1 {:page_views, @c1}
  @group {:counter, "page_views"}

  # Prints a line of Elixir, runs it, and prints its result.
  defmacrop iex(code) do
    quote do
      IO.puts(["   iex> ", unquote(Macro.to_string(code))])
      result = unquote(code)
      IO.puts(["   ", inspect(result), "\n"])
      result
    end
  end

  def run do
    say("Coppice: a C program that joins an Erlang cluster as a node\n")
    start_elixir_replica()
    coppice = start_coppice()
    count()
    agreed = agree()
    0 = Coppice.stop(coppice)
    agreed
  end

  defp start_elixir_replica do
    say("1. This is an Elixir node, #{node()}.  It counts page views with Grove:")
    {:ok, _} = Application.ensure_all_started(:grove)

    {:ok, _} =
      Server.start_link(
        crdt_module: GCounter,
        actor: "web1",
        group: @group,
        name: :page_views,
        sync_interval: 500
      )

    iex(Server.value(:page_views))
  end

  @config """
  {node, 'c1@127.0.0.1'}.
  {connect, ['web1@127.0.0.1']}.
  {replica, page_views, \#{
      crdt => gcounter,
      actor => <<"c1">>,
      group => {counter, <<"page_views">>},
      sync_interval => 500}}.
  """

  defp start_coppice do
    say("2. A coppice, a C program without an Erlang VM, joins with this configuration:")
    for line <- String.split(@config, "\n"), do: IO.puts(["   ", line])
    file = Coppice.config_file(@config)
    coppice = Coppice.launch_file(file, Coppice.log_file(@c1))
    IO.puts("   $ priv/coppice run -c page_views.config")
    IO.puts("   ready #{coppice.node} #{coppice.port}\n")
    coppice
  end

  defp count do
    say("3. Elixir increments the C replica with a closure, as it would any Grove replica:")
    iex(Server.mutate({:page_views, :"c1@127.0.0.1"}, &GCounter.increment(&1, 5)))
    say("4. A shell command increments it too:")
    shell(["mutate", @c1, "page_views", "increment", 2])
    say("5. And Elixir increments its own replica:")
    iex(Server.mutate(:page_views, &GCounter.increment/1))
  end

  defp shell(args) do
    IO.puts("   $ priv/coppice #{Enum.join(args, " ")}")
    {0, answer, _} = Coppice.run(args)
    IO.puts(["   ", answer])
  end

  # Both send their deltas twice a second.
  defp agree do
    say("6. They send each other their deltas, and converge: 5 + 2 + 1.")
    TestCase.all_reach([:page_views, @on_c1], 8)
    shell(["value", @c1, "page_views"])
    show("Elixir", node(), Server.state(:page_views))
    show("C", @c1, Server.state(@on_c1))
    Server.value(:page_views) == Server.value(@on_c1)
  end

  defp show(language, node, {:ok, state}) do
    row = [String.pad_trailing(language, 8), String.pad_trailing("#{node}", 17)]
    IO.puts(["   ", row, "#{GCounter.value(state)}  of  #{inspect(state.counts)}"])
  end

  defp say(text), do: IO.puts(text)
end

agreed = Demo.run()
IO.puts(if agreed, do: "\nBoth sides are equal.", else: "\nThe two sides differ.")
System.halt(if agreed, do: 0, else: 1)
