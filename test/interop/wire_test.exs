defmodule WireTest do
  @moduledoc "docs/wire.md, by an implementation of its own: what two coppices compare."
  use TestCase
  import Bitwise

  @buckets 65_536
  @mask (1 <<< 64) - 1

  setup do
    types = [words: :gset, views: :gcounter, votes: :pncounter, ids: :two_p_set, tags: :or_set]
    c = Coppice.start(replicas: for({name, type} <- types, do: {name, counter(crdt: type)}))
    {:ok, c: c, words: {:words, c.node}}
  end

  defp fold(a, b) do
    product = a * b
    bxor(product &&& @mask, product >>> 64)
  end

  defp hash(seed, bytes), do: words(bxor(seed, 0x9E3779B97F4A7C15), bytes, bytes)

  defp words(h, <<word::little-64, rest::binary>>, all) when rest != "",
    do: words(fold(bxor(h, word), 0xBF58476D1CE4E5B9), rest, all)

  defp words(h, _rest, all) do
    last = if byte_size(all) >= 8, do: binary_part(all, byte_size(all), -8), else: all
    word = :binary.decode_unsigned(last, :little)
    fold(bxor(h, word), bxor(0x94D049BB133111EB, byte_size(all)))
  end

  defp number(h, n) do
    h = bxor(h, n) + 0x9E3779B97F4A7C15 &&& @mask
    h = bxor(h, h >>> 30) * 0xBF58476D1CE4E5B9 &&& @mask
    h = bxor(h, h >>> 27) * 0x94D049BB133111EB &&& @mask
    bxor(h, h >>> 31)
  end

  # Without the version byte.  For these terms OTP's encoding is the canonical one.
  defp encoded(term) do
    <<131, encoded::binary>> = :erlang.term_to_binary(term)
    encoded
  end

  defp tag(h, {actor, n}), do: number(hash(h, encoded(actor)), n)

  # {Key, Digest} of each entry, by the table of the page.
  defp entries(struct, outer \\ 0) do
    fields = struct |> Map.from_struct() |> Enum.sort() |> Enum.with_index(1)

    for {{name, value}, field} <- fields,
        path = 9 * outer + field,
        entry <- of_field(struct.__struct__, name, value, path) do
      with {:hash, key, hash} <- entry, do: {key, number(hash, path)}
    end
  end

  defp of_field(Grove.Counter.GCounter, :counts, counts, _path) do
    for {actor, count} <- counts, key = hash(0, encoded(actor)) do
      {:hash, key, hash(key, encoded(count))}
    end
  end

  defp of_field(Grove.Set.GSet, :elements, elements, _path) do
    for element <- elements, key = hash(0, encoded(element)), do: {:hash, key, key}
  end

  defp of_field(Grove.Set.ORSet, :counter, n, _path) when n > 0, do: [{:hash, 0, number(0, n)}]

  defp of_field(Grove.Set.ORSet, :entries, entries, _path) do
    for {element, tags} <- entries, tag <- tags, key = hash(0, encoded(element)) do
      {:hash, key, tag(key, tag)}
    end
  end

  defp of_field(Grove.Set.ORSet, :tombstones, tags, _path) do
    for tag <- tags, key = tag(0, tag), do: {:hash, key, key}
  end

  defp of_field(type, _name, %{__struct__: _} = half, path)
       when type in [Grove.Counter.PNCounter, Grove.Set.TwoPSet],
       do: entries(half, path)

  defp of_field(_type, _name, _value, _path), do: []

  defp bucket({key, _digest}), do: key >>> 48

  defp sum(entries), do: entries |> Enum.map(&elem(&1, 1)) |> Enum.sum() |> band(@mask)

  defp print(salt, {key, digest} = entry),
    do: bucket(entry) <<< 48 ||| number(number(salt, key), digest) >>> 16

  defp entries_of(server) do
    {:ok, state} = GenServer.call(server, :state)
    entries(state)
  end

  defp fill(words),
    do: :ok = GenServer.call(words, {:mutate, for(n <- 1..200, do: {:add, ["word #{n}"]})})

  test "equal digests are equal, and others are answered with a small state", %{c: c} do
    changes = [
      views: {:increment, [7]},
      votes: [{:increment, [3]}, {:decrement, [4]}],
      ids: [{:add, ["x"]}, {:add, ["a longer one"]}, {:remove, ["x"]}],
      tags: [{:add, ["x"]}, {:add, ["y"]}, {:add, ["y"]}, {:remove, ["x"]}]
    ]

    for {name, change} <- changes do
      server = {name, c.node}
      :ok = GenServer.call(server, {:mutate, change})
      {:ok, state} = GenServer.call(server, :state)
      assert {name, GenServer.call(server, {:digest, sum(entries(state))})} == {name, {:ok, :equal}}
      assert GenServer.call(server, {:digest, 1}) == {:ok, {:state, state}}
    end
  end

  test "ranges are narrowed down to their eighths", %{words: words} do
    fill(words)
    salt = 0xFEED
    entries = entries_of(words)
    # The range of the first entry, and its neighbour.
    range = div(bucket(hd(entries)), 64)
    asked = [range, rem(range + 1, 1024)] |> Enum.sort()
    bits = for byte <- 0..127, into: <<>>, do: <<bits_of(byte, asked)>>

    digests =
      for range <- asked, eighth <- 0..7, into: <<>> do
        there = Enum.filter(entries, &(div(bucket(&1), 8) == range * 8 + eighth))
        <<number(salt, sum(there)) >>> 32::32>>
      end

    assert GenServer.call(words, {:narrow, salt, 64, bits}) == {:ok, {:narrow, digests}}
  end

  defp bits_of(byte, asked),
    do: asked |> Enum.filter(&(div(&1, 8) == byte)) |> Enum.map(&(1 <<< rem(&1, 8))) |> Enum.sum()

  test "entries are exchanged by their fingerprints", %{words: words} do
    fill(words)
    salt = 77
    [first, second | _] = entries = Enum.sort_by(entries_of(words), &bucket/1)
    buckets = for b <- entries |> Enum.map(&bucket/1) |> Enum.uniq(), into: <<>>, do: <<b::16>>
    prints = entries |> Enum.map(&print(salt, &1)) |> Enum.sort()
    theirs = fn list -> for p <- list, into: <<>>, do: <<p::64>> end

    {:ok, {covered, "", none}} = GenServer.call(words, {:entries, salt, buckets, theirs.(prints)})
    assert covered == div(byte_size(buckets), 2)
    assert entries(none) == []

    # It sends what the asker lacks, and wants what it has not.
    unknown = print(salt, {elem(first, 0), 1})
    offered = theirs.(Enum.sort([unknown | prints -- [print(salt, second)]]))
    {:ok, {^covered, wanted, lacking}} = GenServer.call(words, {:entries, salt, buckets, offered})
    assert wanted == <<unknown::64>>
    assert entries(lacking) == [second]
  end

  test "a part has the entries of its buckets", %{words: words} do
    fill(words)
    {:ok, {covered, part}} = GenServer.call(words, {:part, 0, div(@buckets, 2)})
    there = Enum.filter(entries_of(words), &(bucket(&1) < covered))
    assert Enum.sort(entries(part)) == Enum.sort(there)
  end
end
