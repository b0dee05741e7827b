defmodule Generator do
  @moduledoc "Random operations for each type, as data.  The caller seeds `:rand`."

  alias Grove.Counter.{GCounter, PNCounter}
  alias Grove.Map.ORMap
  alias Grove.Register.{LWWRegister, MVRegister}
  alias Grove.Sequence.RGA
  alias Grove.Set.{DVVSet, GSet, ORSet, TwoPSet}

  @types [
    GCounter,
    PNCounter,
    LWWRegister,
    MVRegister,
    GSet,
    TwoPSet,
    ORSet,
    DVVSet,
    ORMap,
    RGA
  ]

  @elements ["a", "", :a, 1, 1.0, -1, {1, ["x"]}, [1.0], nil, %{"k" => 1}]

  # Each key of a map has one type.
  @keys [
    {"count", GCounter},
    {1, GCounter},
    {1.0, PNCounter},
    {:last, LWWRegister},
    {[:all], MVRegister},
    {"seen", GSet},
    {{"gone", 1}, TwoPSet},
    {"tags", ORSet},
    {"dots", DVVSet},
    {"inside", ORMap},
    {"text", RGA}
  ]

  def types, do: @types

  @doc "An operation; `n` makes the value it sets or inserts unique, `ids` are known elements."
  def op(type, n, ids \\ [])
  def op(GCounter, _, _), do: any([{:increment, []}, {:increment, [any(0..9)]}])
  def op(PNCounter, n, _), do: any([{:decrement, [any(0..9)]}, op(GCounter, n, [])])
  def op(LWWRegister, n, _), do: any([{:set, [unique(n)]}, {:set, [unique(n), any(1..60)]}])
  def op(MVRegister, n, _), do: {any([:set, :set, :resolve]), [unique(n)]}
  def op(GSet, _, _), do: {:add, [any(@elements)]}
  def op(TwoPSet, _, _), do: {any([:add, :add, :add, :remove]), [any(@elements)]}
  def op(ORSet, _, _), do: {any([:add, :add, :remove]), [any(@elements)]}
  def op(DVVSet, n, _), do: op(ORSet, n, [])

  def op(ORMap, n, _) do
    {key, type} = any(@keys)
    put = {:put, [key, type.new("nobody")]}
    any([put, {:update, [key, op(type, n)]}, {:update, [key, op(type, n)]}, {:delete, [key]}])
  end

  def op(RGA, n, []), do: {:insert, [unique(n), :head]}

  def op(RGA, n, ids) do
    insert = {:insert, [unique(n), any([:head, List.last(ids), any(ids)])]}
    any([insert, insert, insert, {:remove, [any(ids)]}])
  end

  defp unique(n), do: any([n, n + 0.5, "#{n}", {n, nil}, [n]])
  defp any(choices), do: Enum.random(choices)
end
