defmodule Soak.Replicas do
  @moduledoc """
  The replicas of the soak, of types whose states stay bounded under the load, and the changes
  that are made to them.

  An `or_set` keeps a tombstone for each addition, so it is changed seldom; the keys of the
  `or_map` are put once and updated then.  A sequence is not among them: it keeps a tombstone for
  each element that is removed.
  """

  alias Grove.Counter.{GCounter, PNCounter}
  alias Grove.Map.ORMap
  alias Grove.Register.{LWWRegister, MVRegister}
  alias Grove.Set.{DVVSet, GSet, ORSet, TwoPSet}

  # Name, type of the coppices, type of Grove, milliseconds between the changes of one writer.
  @replicas [
    {:stored, :gcounter, GCounter, 100},
    {:gcounter, :gcounter, GCounter, 50},
    {:pncounter, :pncounter, PNCounter, 100},
    {:gset, :gset, GSet, 100},
    {:two_p_set, :two_p_set, TwoPSet, 100},
    {:or_set, :or_set, ORSet, 20_000},
    {:dvv_set, :dvv_set, DVVSet, 100},
    {:lww_register, :lww_register, LWWRegister, 100},
    {:mv_register, :mv_register, MVRegister, 100},
    {:or_map, :or_map, ORMap, 100},
    {:guest, :gset, GSet, 100}
  ]

  @keys [hits: GCounter, balance: PNCounter, title: LWWRegister, seen: DVVSet]

  def all, do: for({name, _, type, _} <- @replicas, do: {name, type})
  def names, do: Keyword.keys(all())
  def pause_ms(name), do: elem(List.keyfind(@replicas, name, 0), 3)

  # The form that this BEAM's own MapSets have.
  @mapset if Map.has_key?(MapSet.new(), :version), do: :versioned, else: :plain

  @doc """
  Those of the coppice `id`, for its configuration: all but `without`, the stored one with a file
  in `folder` and this `sync_interval`.
  """
  def settings(id, folder, %{without: without, sync_interval: sync_interval}) do
    shared = %{actor: "#{id}", sync_interval: 500, anti_entropy_interval: 5_000, mapset: @mapset}
    storage = %{file: Path.join(folder, "#{id}.dets"), durability: :sync}
    stored = %{storage: storage, snapshot_interval: 10_000, sync_interval: sync_interval}

    for {name, crdt, _, _} <- @replicas, name not in without do
      settings = Map.merge(shared, %{crdt: crdt, group: name})
      {name, if(name == :stored, do: Map.merge(settings, stored), else: settings)}
    end
  end

  @doc "The changes that give the map its keys."
  def keys, do: for({key, type} <- @keys, do: {:put, [key, type]})

  @doc "A change; its elements are drawn from a fixed range."
  def change(:or_map) do
    {key, type} = Enum.random(@keys)
    {name, ^type} = List.keyfind(all(), type, 1)
    {:update, [key, change(name)]}
  end

  def change(name) when name in [:stored, :gcounter], do: {:increment, [Enum.random(1..9)]}
  def change(:pncounter), do: {Enum.random([:increment, :decrement]), [Enum.random(1..9)]}
  def change(name) when name in [:gset, :guest], do: {:add, [Enum.random(1..1000)]}
  def change(:lww_register), do: {:set, ["title #{Enum.random(1..1000)}"]}
  def change(:mv_register), do: {:set, [{:chosen, Enum.random(1..1000)}]}

  def change(name) when name in [:two_p_set, :or_set, :dvv_set] do
    {Enum.random([:add, :remove]), ["element #{Enum.random(1..100)}"]}
  end

  @doc "The same as a fun, for a Grove server.  One that has no keys yet is left as it is."
  def closure(change), do: &apply_change(&1, change)

  @doc false
  def apply_change(%ORMap{} = map, {:update, [key, _]} = change) do
    if ORMap.has_key?(map, key), do: elem(Change.make(map, change), 0), else: map
  end

  def apply_change(crdt, change), do: elem(Change.make(crdt, change), 0)
end
