# Records the behaviour of Grove's registers.  Made with Elixir 1.14 on OTP 25, whose
# atoms are ATOM_EXT (100):
#
#     elixir test/vectors/crdt/registers.exs
#
# writes registers.etf beside itself: one external term, {Writes, History}.  Writes are
# LWWRegisters in ascending order by Erlang's comparison.  History is a list of {Actor,
# Step, State}: Step is what that actor's MVRegister did, {set, Value} or {merge, Struct},
# and State the register afterwards, after reset_delta.

grove = Path.join(__DIR__, "../../interop/grove")

for file <- ~w(crdt mergeable viewable vector_clock register/lww_register register/mv_register) do
  Code.require_file(file <> ".ex", grove)
end

alias Grove.Register.{LWWRegister, MVRegister}

# Terms of each type and their neighbours; 1 and 1.0 are neighbours in key order.
# No references, ports and pids: they differ in each run.
terms = [
  -(2 ** 70), -1.5, -1, 0, 0.5, 1, 1.0, 2, 9_007_199_254_740_992.0, 9_007_199_254_740_993,
  2 ** 64, 1.0e300, :A, :a, :"å", :b, nil, true, &:erlang.abs/1, {}, {:a}, {:b}, {1, 2}, {1.0, 2},
  {1, 1, 1}, %{}, %{a: 2}, %{a: 3}, %{b: 1}, %{1 => 1}, %{1.0 => 1}, %{a: 1, b: 1}, [], [1], [1, 2],
  [1.0, 3], [2], [:a | :b], "", <<0::3>>, "a", <<"a", 0::1>>, "aa", "b"
]

ranked = [
  for(t <- [0, 1, 2, 255, 256, 2 ** 31, 2 ** 63, 2 ** 64, 2 ** 2100], do: {t, :a, "v"}),
  for(actor <- terms, do: {7, actor, "v"}),
  for(value <- terms, do: {7, "z", value})
]

writes =
  for {timestamp, actor, value} <- Enum.concat(ranked) do
    struct!(LWWRegister, actor: actor, timestamp: timestamp, value: value)
  end

less? = fn a, b ->
  [x, y] = for r <- [a, b], do: {r.timestamp, r.actor, r.value}
  x < y or (x == y and %{x => []} < %{y => []})
end

sorted = Enum.sort(writes, less?)

for [a, b] <- Enum.chunk_every(sorted, 2, 1, :discard) do
  ^b = LWWRegister.merge(a, b)
end

# --- a random history of MVRegisters -------------------------------------------------

:rand.seed(:exsss, 7)
actors = [:a, "b", 1, 1.0]
values = ["x", "y", 1, 1.0, nil, [], :a, {:a, 1}, %{k: 1}]
pick = fn list -> Enum.at(list, :rand.uniform(length(list)) - 1) end

step = fn all, actor ->
  own = all[actor]

  case :rand.uniform(5) do
    n when n <= 2 ->
      value = pick.(values)
      {{:set, value}, MVRegister.set(own, value)}

    3 ->
      change = MVRegister.delta(all[pick.(actors)])
      {{:merge, change}, MVRegister.merge(own, change)}

    _ ->
      other = all[pick.(actors)]
      {{:merge, other}, MVRegister.merge(own, other)}
  end
end

{history, _} =
  Enum.map_reduce(1..120, Map.new(actors, &{&1, MVRegister.new(&1)}), fn _, all ->
    actor = pick.(actors)
    {did, after_it} = step.(all, actor)
    {{actor, did, MVRegister.reset_delta(after_it)}, Map.put(all, actor, after_it)}
  end)

recorded = {sorted, history}
File.write!(Path.join(__DIR__, "registers.etf"), :erlang.term_to_binary(recorded))
