/* Digests of states of every type: where they must differ, and where not. */
#include <inttypes.h>

#include "unit/crdt/parts.h"
#include "unit/crdt/rga_texts.h"

/* Whatever the order of joins, the actor, the seed and the form of MapSets. */
static void equal_states_have_equal_digests(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            struct world w = world_open(&workloads[t], 12, round);
            struct crdt *c = crdt_make(w.type, &plain), *d = crdt_make(w.type, &versioned);
            uint64_t ours[RANGES], theirs[RANGES], sum = 0;
            world_run(&w, STEPS);
            join(d, w.states[3]);
            world_run(&w, STEPS);
            world_join_all(&w, c, false);
            world_join_all(&w, d, true);
            CU_ASSERT(equivalent(c, d));
            digest_all(c, ours);
            digest_all(d, theirs);
            CU_ASSERT(memcmp(ours, theirs, sizeof(ours)) == 0);
            for (unsigned i = 0; i < RANGES; i++)
                sum += ours[i];
            CU_ASSERT(sum != 0 && sum == digest_of(d));
            crdt_free(c);
            crdt_free(d);
            world_close(&w);
        }
    }
}

/* Asking for one range or for many gives the same digests. */
static void range_digests_do_not_depend_on_the_query(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        struct world w = world_open(&workloads[t], 50, t);
        uint64_t together[RANGES], alone;
        world_run(&w, STEPS);
        digest_all(w.states[0], together);
        for (uint32_t i = 0; i < RANGES; i++) {
            crdt_digest(w.states[0], range_at(i, RANGES), 1, &alone);
            CU_ASSERT(alone == together[i]);
        }
        world_close(&w);
    }
}

/* The entries of a range, joined to a state that has the singletons of the later state. */
static struct buf seen_in(const struct crdt *c, const struct crdt *later, uint32_t range)
{
    struct crdt *eye = empty(c->type, "eye");
    if (range > 0)
        merge_part(eye, later, PART_RANGE(0, 1));
    merge_part(eye, c, range_at(range, RANGES));
    struct buf out = put(eye, crdt_state);
    crdt_free(eye);
    return out;
}

/* Digests differ exactly in the ranges in which the states do. */
static void check_digests_differ_like_states(const struct crdt *before, const struct crdt *after)
{
    uint64_t old[RANGES], new[RANGES];
    digest_all(before, old);
    digest_all(after, new);
    for (uint32_t i = 0; i < RANGES; i++)
        CU_ASSERT(equal_and_free(seen_in(before, after, i), seen_in(after, after, i)) ==
                  (old[i] == new[i]));
}

static void mutations_change_only_their_ranges(void)
{
    for (size_t t = 0; t < WORKLOADS; t++) {
        struct world w = world_open(&workloads[t], 20, 77);
        struct crdt *c = w.states[0];
        world_run(&w, STEPS);
        world_join_all(&w, c, false);
        for (unsigned i = 0; i < 2 * ROUNDS; i++) {
            struct crdt *before = crdt_make(w.type, &versioned);
            join(before, c);
            world_mutate(&w, c);
            CU_ASSERT(equivalent(before, c) == (digest_of(before) == digest_of(c)));
            check_digests_differ_like_states(before, c);
            crdt_free(before);
        }
        world_close(&w);
    }
}

/* Pairs that a careless sum would confuse. */
static void distinguishes_entries(void)
{
    static const struct {
        const char *type;
        struct sample a, b;
    } pairs[] = {
        {"gcounter", {"a", "{increment, [2]}"}, {"b", "{increment, [2]}"}},
        {"gcounter", {"1", "{increment, [2]}"}, {"2", "{increment, [1]}"}},
        {"pncounter", {"a", "increment"}, {"a", "decrement"}},
        {"lww_register", {"a", "{set, [b, 1]}"}, {"b", "{set, [a, 1]}"}},
        {"lww_register", {"a", "{set, [x, 1]}"}, {"a", "{set, [x, 2]}"}},
        {"mv_register", {"a", "{set, [x]}"}, {"a", "[{set, [y]}, {set, [x]}]"}},
        {"gset", {"a", "{add, [1]}"}, {"a", "{add, [1.0]}"}},
        {"two_p_set", {"a", "{add, [x]}"}, {"a", "{remove, [x]}"}},
        {"or_set", {"a", "{add, [x]}"}, {"a", "[{add, [x]}, {add, [x]}]"}},
        {"or_set", {"a", "{add, [{a, 1}]}"}, {"a", "[{add, [{a, 1}]}, {remove, [{a, 1}]}]"}},
        {"or_set", {"a", "[{add, [x]}, {add, [y]}]"}, {"a", "[{add, [y]}, {add, [x]}]"}},
        {"dvv_set", {"a", "[{add, [x]}, {add, [y]}]"}, {"a", "[{add, [y]}, {add, [x]}]"}},
        {"dvv_set", {"a", "[{add, [x]}, {remove, [x]}]"}, {"a", "[{add, [x]}]"}},
        {"or_map", {"a", "{put, [k, gcounter]}"}, {"a", "{put, [k, gset]}"}},
        {"or_map",
         {"a", "[{put, [k, pncounter]}, {update, [k, increment]}]"},
         {"a", "[{put, [k, pncounter]}, {update, [k, decrement]}]"}},
        {"or_map",
         {"a", "[{put, [k, gset]}, {put, [l, gset]}, {update, [k, {add, [x]}]}]"},
         {"a", "[{put, [k, gset]}, {put, [l, gset]}, {update, [l, {add, [x]}]}]"}},
        {"rga", {"a", "{insert_at, [0, x]}"}, {"a", "{insert_at, [0, y]}"}},
        {"rga",
         {"a", "[{insert_at, [0, x]}, {insert_at, [0, y]}]"},
         {"a", "[{insert_at, [0, x]}, {insert_at, [1, y]}]"}},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const struct crdt_type *type = crdt_type_named(bytes_of(pairs[i].type));
        uint64_t now = laws_wall_ms;
        struct crdt *a = make(type, pairs[i].a.actor, pairs[i].a.ops);
        laws_wall_ms = now;
        struct crdt *b = make(type, pairs[i].b.actor, pairs[i].b.ops);
        CU_ASSERT(digest_of(a) != digest_of(b));
        crdt_free(a);
        crdt_free(b);
    }
}

#define DVVSET(clock, context, entries)                                                            \
    "#{'__struct__' => 'Elixir.Grove.Set.DVVSet', actor => a, clock => #{" clock                   \
    "}, context => #{" context "}, delta_buffer => nil, entries => #{" entries "}}"
#define MV_REGISTER(value)                                                                         \
    "#{'__struct__' => 'Elixir.Grove.Register.MVRegister', actor => a, clock => #{a => 1}, "       \
    "delta_buffer => nil, values => #{" value " => true}}"
#define ONE_RGA(clock, prev, counter, node, time, value)                                           \
    "#{'__struct__' => 'Elixir.Grove.Sequence.RGA', clock => " clock                               \
    ", delta_buffer => nil, elements => #{{a, 1} => #{id => {a, 1}, prev_id => " prev              \
    ", timestamp => #{'__struct__' => 'Elixir.Grove.HybridLogicalClock', counter => " counter      \
    ", node => " node ", time => " time "}, value => " value "}}, replica_id => a, "               \
    "tombstones => #{'__struct__' => 'Elixir.MapSet', map => #{}}}"

static void distinguishes_entry_contents(void)
{
    static const char *const states[] = {
        DVVSET("a => 2", "", ""),
        DVVSET("a => 2", "a => 1", ""),
        DVVSET("a => 2", "a => 2", ""),
        DVVSET("a => 2", "a => 1", "x => #{a => 2}"),
        DVVSET("a => 2", "", "x => #{a => 2}"),
        DVVSET("a => 2", "", "y => #{a => 2}"),
        DVVSET("a => 2", "", "x => #{a => 1}"),
        DVVSET("a => 2, b => 2", "", "x => #{a => 2}"),
        DVVSET("a => 2, b => 2", "", "x => #{a => 2, b => 2}"),
        MV_REGISTER("{x, #{a => 1}}"),
        MV_REGISTER("{y, #{a => 1}}"),
        MV_REGISTER("{x, #{}}"),
        ONE_RGA("1", "head", "0", "a", "5", "x"),
        ONE_RGA("2", "head", "0", "a", "5", "x"),
        ONE_RGA("1", "{b, 1}", "0", "a", "5", "x"),
        ONE_RGA("1", "{b, 2}", "0", "a", "5", "x"),
        ONE_RGA("1", "head", "1", "a", "5", "x"),
        ONE_RGA("1", "head", "0", "b", "5", "x"),
        ONE_RGA("1", "head", "0", "a", "6", "x"),
        ONE_RGA("1", "head", "0", "a", "5", "y"),
        ONE_RGA("1", "head", "0", "a", "5", "x, more => y"),
        ONE_RGA("1", "head", "0", "a", "5, more => y", "x"),
    };
    enum { STATES = sizeof(states) / sizeof(states[0]) };
    uint64_t digests[STATES];
    for (size_t i = 0; i < STATES; i++) {
        struct bytes text = term_of(states[i]);
        struct crdt *c = crdt_make(crdt_type_of(text), &plain);
        bool changed;
        CU_ASSERT(crdt_merge(c, wall(text), NULL, &changed) == OK);
        digests[i] = digest_of(c);
        for (size_t j = 0; j < i; j++)
            CU_ASSERT(digests[i] != digests[j]);
        crdt_free(c);
    }
}

static void has_digests(struct crdt *c, uint64_t whole, uint64_t half)
{
    uint64_t halves[2];
    crdt_digest(c, PART_WHOLE, 2, halves);
    CU_ASSERT(digest_of(c) == whole && halves[0] == half);
    if (digest_of(c) != whole || halves[0] != half)
        fprintf(stderr, "\n%s: 0x%016" PRIx64 ", 0x%016" PRIx64 "\n", c->type->name, digest_of(c),
                halves[0]);
    crdt_free(c);
}

/* Nodes of different releases compare digests: these numbers must never change. */
static void digests_never_change(void)
{
    static const struct {
        const char *type, *ops;
        uint64_t digest, half; /* of the whole, and of the first half */
    } rows[] = {
        {"gcounter", "increment", 0x2bd2c6f2cb844ee2, 0},
        {"pncounter", "[increment, {decrement, [300]}]", 0x160bdf50cc7564a8, 0},
        {"lww_register", "{set, [<<\"a value of some words\">>]}", 0xcd740857269f8ed3,
         0xcd740857269f8ed3},
        {"mv_register", "{set, [{x, 1.0}]}", 0xfed0dff9142b4e4b, 0xfed0dff9142b4e4b},
        {"gset", "[{add, [1]}, {add, [x]}, {add, [\"text\"]}]", 0x7f0608c829402ba0, 0},
        {"two_p_set", "[{add, [1]}, {add, [2]}, {remove, [1]}]", 0xb5ba5ac990dffa57, 0},
        {"or_set", "[{add, [1]}, {add, [x]}, {add, [x]}, {remove, [1]}]", 0x4265a04bf54cd647,
         0x2371c8a9b8068eba},
        {"dvv_set", "[{add, [1]}, {add, [x]}, {remove, [1]}]", 0xd04ee88a3a4c3ef6,
         0xd04ee88a3a4c3ef6},
        {"or_map", "[{put, [k, or_map]}, {update, [k, {put, [x, gset]}]}, {put, [1, rga]}]",
         0x785f1377c6279ff4, 0x234a722df08f1eb6},
    };
    static const char sequence[] =
        RGA("a", 3,
            ALL(E(a, 1, HEAD, 1700000000000, x), E(a, 2, HEAD, 1699999999999, y),
                ELEMENT("{a,3}", "{a,1}", STAMP(a, 1700000000000, 1, ""), "z", "")),
            TOMBSTONE(a, 2));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct crdt_type *type = crdt_type_named(bytes_of(rows[i].type));
        has_digests(make(type, "a", rows[i].ops), rows[i].digest, rows[i].half);
    }
    has_digests(of("a", sequence), 0xf333779d9637d6c9, 0x5b72e1535accffce);
}

SUITE("digests", TEST(equal_states_have_equal_digests),
      TEST(range_digests_do_not_depend_on_the_query), TEST(mutations_change_only_their_ranges),
      TEST(distinguishes_entries), TEST(distinguishes_entry_contents), TEST(digests_never_change))
