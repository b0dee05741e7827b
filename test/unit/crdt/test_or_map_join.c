#include "unit/crdt/maps.h"

/* --- laws ------------------------------------------------------------------ */

static void obeys_laws(void)
{
    static const struct sample states[] = {
        {"a", "[]"},
        {"b", "[{put, [n, gcounter]}, {update, [n, increment]}]"},
        {"c", "[{put, [n, gset]}, {update, [n, {add, [x]}]}]"},
        {"d", "[{put, [n, gcounter]}, {delete, [n]}]"},
        {"e", "[{put, [m, or_map]}, {update, [m, {put, [n, gcounter]}]},"
              " {update, [m, {update, [n, increment]}]}]"},
        {"f", "[{put, [m, or_map]}, {update, [m, {put, [n, or_set]}]},"
              " {update, [m, {update, [n, {add, [x]}]}]}, {update, [m, {delete, [n]}]}]"},
        {"g", "[{put, [m, pncounter]}, {update, [m, decrement]}]"},
    };
    check_laws_on_samples(type(), states, sizeof(states) / sizeof(states[0]));
}

/* The types of values, and operations on them. */
static const struct kind {
    const char *name, *ops[5];
    size_t count;
} kinds[] = {
    {"gcounter", {"increment", "{increment, [3]}", "{increment, [0]}"}, 3},
    {"pncounter", {"increment", "{decrement, [3]}"}, 2},
    {"lww_register", {"{set, [1]}", "{set, [1.0]}", "{set, [x, 7]}"}, 3},
    {"mv_register", {"{set, [1]}", "{set, [x]}", "{resolve, [y]}"}, 3},
    {"gset", {"{add, [1]}", "{add, [1.0]}", "{add, [<<\"x\">>]}"}, 3},
    {"two_p_set", {"{add, [1]}", "{add, [2]}", "{remove, [1]}"}, 3},
    {"or_set", {"{add, [1]}", "{add, [2]}", "{remove, [1]}", "{remove, [2]}"}, 4},
    {"dvv_set", {"{add, [1]}", "{add, [2]}", "{remove, [1]}"}, 3},
    {"rga", {"{insert, [x, head]}", "{insert_at, [1, y]}", "{remove_at, [0]}"}, 3},
};

#define KINDS         (sizeof(kinds) / sizeof(kinds[0]))
#define LEVELS        2 /* of maps in maps */
#define BATCHES       5
#define BATCH_OPS_MAX 24

/* A key determines the type of its value, except the last ones, whose type is random. */
static void draw_op(struct buf *op, uint64_t *random)
{
    int level = 0;
    for (; level < LEVELS && random_below(random, 3) == 0; level++)
        buf_printf(op, random_below(random, 4) > 0 ? "{update, [m, " : "{update, [1.0, ");
    size_t key = random_below(random, KINDS + 2),
           kind = key < KINDS ? key : random_below(random, KINDS);
    switch (random_below(random, 4)) {
    case 0:
        buf_printf(op, "{delete, [%zu]}", key);
        break;
    case 1:
        buf_printf(op, "{put, [%zu, %s]}", key, kinds[kind].name);
        break;
    case 2:
        buf_printf(op, random_below(random, 4) > 0 ? "{put, [m, or_map]}" : "{put, [1.0, or_map]}");
        break;
    case 3:
        buf_printf(op, "{update, [%zu, %s]}", key,
                   kinds[kind].ops[random_below(random, kinds[kind].count)]);
        break;
    }
    for (; level > 0; level--)
        buf_printf(op, "]}");
    buf_put_u8(op, '\0');
}

/* Applies random operations one by one; text gets those that were accepted, separated by commas. */
static size_t draw_ops(struct crdt *c, struct buf *text, uint64_t *random)
{
    size_t count = 0;
    for (int i = 0; i < 2 * BATCH_OPS_MAX && count < BATCH_OPS_MAX; i++) {
        struct buf op = {0};
        size_t bad;
        draw_op(&op, random);
        uint64_t now = laws_wall_ms;
        if (mutate(c, (const char *)op.at, &bad) == OK)
            buf_printf(text, "%s%s", count++ > 0 ? ", " : "", (const char *)op.at);
        laws_wall_ms = now; /* one time for all, as in a batch */
        buf_free(&op);
    }
    laws_wall_ms++;
    buf_put_u8(text, '\0');
    return count;
}

static struct buf list_of(const struct buf *ops, const char *more)
{
    struct buf list = {0};
    buf_printf(&list, "[%s%s]", (const char *)ops->at, more);
    buf_put_u8(&list, '\0');
    return list;
}

/* Applied as a batch, the operations give the same state; with an invalid one at the end they
 * change nothing. */
static size_t check_batch(struct crdt *single, struct crdt *batch, uint64_t *random)
{
    static const char *const wrong[] = {", increment", ", {update, [none, increment]}"};
    struct buf ops = {0};
    uint64_t now = laws_wall_ms, drawn = laws_random;
    size_t bad, count = draw_ops(single, &ops, random);
    laws_wall_ms = now;
    laws_random = drawn;
    if (count > 0) {
        struct buf right = list_of(&ops, ""),
                   refused = list_of(&ops, wrong[random_below(random, 2)]);
        refuses_batch(batch, (const char *)refused.at, ERR_BAD_OP, count);
        laws_wall_ms = now;
        laws_random = drawn;
        CU_ASSERT(mutate(batch, (const char *)right.at, &bad) == OK);
        buf_free(&right);
        buf_free(&refused);
    }
    CU_ASSERT(equal_and_free(put(single, crdt_state), put(batch, crdt_state)));
    buf_free(&ops);
    return count;
}

static void batch_equals_single_operations(void)
{
    uint64_t random = 7;
    size_t made = 0;
    for (int round = 0; round < 40; round++) {
        struct crdt *single = empty(type(), "a"), *batch = empty(type(), "a");
        for (int i = 0; i < BATCHES; i++)
            made += check_batch(single, batch, &random);
        crdt_free(single);
        crdt_free(batch);
    }
    CU_ASSERT(made > 2000);
}

static void random_states_obey_laws(void)
{
    static const char *const actors[] = {"a", "b", "c", "d", "e"};
    uint64_t random = 11;
    for (int round = 0; round < 6; round++) {
        struct buf texts[5] = {0};
        struct sample states[5];
        for (size_t i = 0; i < 5; i++) {
            struct crdt *c = empty(type(), actors[i]);
            struct buf ops = {0};
            draw_ops(c, &ops, &random);
            texts[i] = list_of(&ops, "");
            states[i] = (struct sample){actors[i], (const char *)texts[i].at};
            buf_free(&ops);
            crdt_free(c);
        }
        check_laws_on_samples(type(), states, 5);
        check_mutation_delta(type(), "[]", states[round % 5].ops);
        for (size_t i = 0; i < 5; i++)
            buf_free(&texts[i]);
    }
}

static void round_trips(void)
{
    uint64_t random = 13;
    for (int round = 0; round < 40; round++) {
        struct crdt *c = empty(type(), "a"), *back = empty(type(), "a");
        struct buf text = {0};
        draw_ops(c, &text, &random);
        CU_ASSERT(join(back, c) == !crdt_empty(c));
        CU_ASSERT(equal_and_free(put(c, crdt_state), put(back, crdt_state)));
        CU_ASSERT(equal_and_free(put(c, crdt_value), put(back, crdt_value)));
        buf_free(&text);
        crdt_free(c);
        crdt_free(back);
    }
}

static void mutations_fill_the_delta(void)
{
#define MAP_IN_MAP                                                                                 \
    "{put, [n, gcounter]}, {put, [m, or_map]}, {update, [m, {put, [m, or_map]}]},"                 \
    " {update, [m, {update, [m, {put, [n, gset]}]}]}"
    check_mutation_delta(type(), "[]", "{put, [n, gcounter]}");
    check_mutation_delta(type(), "{put, [n, gcounter]}", "{put, [n, gcounter]}");
    check_mutation_delta(type(), "{put, [n, gcounter]}", "{update, [n, increment]}");
    check_mutation_delta(type(), "{put, [n, gcounter]}", "{delete, [n]}");
    check_mutation_delta(type(), "{put, [n, gcounter]}", "[{delete, [n]}, {put, [n, gcounter]}]");
    check_mutation_delta(type(), "[]", "[" MAP_IN_MAP "]");
    check_mutation_delta(type(), "[" MAP_IN_MAP "]",
                         "{update, [m, {update, [m, {update, [n, {add, [x]}]}]}]}");
    check_mutation_delta(type(), "[" MAP_IN_MAP "]",
                         "[{update, [m, {update, [m, {update, [n, {add, [x]}]}]}]},"
                         " {update, [n, increment]}, {update, [m, {delete, [m]}]}, {delete, [n]}]");
}

/* --- replicas that sync ---------------------------------------------------- */

struct pair {
    struct crdt *a, *b;
};

static void sync_pair(struct pair p)
{
    join(p.a, p.b);
    join(p.b, p.a);
    CU_ASSERT(equivalent(p.a, p.b));
    CU_ASSERT(!join(p.a, p.b));
}

static struct pair pair(const char *ops)
{
    struct pair p = {make(type(), "a", ops), empty(type(), "b")};
    sync_pair(p);
    return p;
}

static void apply(struct crdt *c, const char *ops)
{
    size_t bad;
    CU_ASSERT(mutate(c, ops, &bad) == OK);
}

static void pair_free(struct pair p)
{
    crdt_free(p.a);
    crdt_free(p.b);
}

static void concurrent_put_wins_over_delete(void)
{
    struct pair p = pair("[{put, [n, gcounter]}, {update, [n, increment]}]");
    apply(p.a, "{put, [n, gcounter]}");
    apply(p.b, "{delete, [n]}");
    sync_pair(p);
    is(p.a, crdt_value, "#{n => " GCOUNTER("a => 1") "}");
    pair_free(p);
}

/* An update does not touch the key, so the delete wins; the update reappears with the key. */
static void delete_wins_over_concurrent_update(void)
{
    struct pair p = pair("[{put, [n, gcounter]}, {update, [n, increment]}]");
    apply(p.a, "{update, [n, {increment, [4]}]}");
    apply(p.b, "{delete, [n]}");
    sync_pair(p);
    is(p.a, crdt_value, "#{}");
    apply(p.a, "{put, [n, gcounter]}");
    is(p.a, crdt_value, "#{n => " GCOUNTER("a => 5") "}");
    sync_pair(p);
    apply(p.b, "{update, [n, increment]}");
    sync_pair(p);
    is(p.a, crdt_value, "#{n => " GCOUNTER("a => 5, b => 1") "}");
    pair_free(p);
}

/* A value may arrive before its key, and after its key was deleted. */
static void keeps_values_without_keys(void)
{
    struct crdt *c = make(type(), "a", "[]");
    CU_ASSERT(merge(c, ORMAP(NO_KEYS, "n => " GCOUNTER("b => 1"))));
    is(c, crdt_value, "#{}");
    is(c, crdt_state, ORMAP(NO_KEYS, "n => " GCOUNTER("b => 1")));
    CU_ASSERT(!crdt_empty(c));
    CU_ASSERT(merge(c, ORMAP(KEYS("0", "", "{b, 1} => []"), "")));
    CU_ASSERT(!merge(c, ORMAP(KEYS("0", ENTRY("n", "{b, 1}"), ""), "")));
    CU_ASSERT(merge(c, ORMAP(NO_KEYS, "n => " GCOUNTER("b => 2"))));
    is(c, crdt_value, "#{}");
    CU_ASSERT(merge(c, ORMAP(KEYS("0", ENTRY("n", "{b, 2}"), ""), "")));
    is(c, crdt_value, "#{n => " GCOUNTER("b => 2") "}");
    crdt_free(c);
}

/* Two types under one key: the later module wins, in either direction. */
static void converges_on_one_of_two_types(void)
{
    struct pair p = pair("[]");
    apply(p.a, "[{put, [n, gset]}, {update, [n, {add, [x]}]}]");
    apply(p.b, "[{put, [n, gcounter]}, {update, [n, increment]}]");
    struct crdt *delta = empty(type(), "a");
    CU_ASSERT(join_with_delta(p.b, p.a, delta));
    is(delta, crdt_state, ORMAP(KEYS("1", ENTRY("n", "{a, 1}"), ""), "n => " GSET("x => []")));
    sync_pair(p);
    is(p.a, crdt_value, "#{n => " GSET("x => []") "}");
    apply(p.b, "{update, [n, {add, [y]}]}");
    refuses_batch(p.b, "{update, [n, increment]}", ERR_BAD_OP, 0);
    sync_pair(p);
    is(p.a, crdt_value, "#{n => " GSET("x => [], y => []") "}");
    crdt_free(delta);
    pair_free(p);
}

/* An empty value of a later type is a change, and replaces the earlier type in the delta too. */
static void later_type_wins_even_if_empty(void)
{
    struct crdt *c = make(type(), "a", "[{put, [n, gcounter]}]"), *delta = empty(type(), "a");
    size_t bad;
    bool changed;
    CU_ASSERT(mutate_all(c, "{update, [n, increment]}", delta, NULL, &bad) == OK);
    CU_ASSERT(crdt_merge(c, term_of(ORMAP(NO_KEYS, "n => " GSET(""))), delta, &changed) == OK);
    CU_ASSERT(changed);
    is(c, crdt_value, "#{n => " GSET("") "}");
    is(delta, crdt_state, ORMAP(NO_KEYS, "n => " GSET("")));
    CU_ASSERT(!merge(c, ORMAP(NO_KEYS, "n => " GCOUNTER("b => 7"))));
    is(c, crdt_value, "#{n => " GSET("") "}");
    crdt_free(delta);
    crdt_free(c);
}

/* Changes of a value that the delta already has are joined there. */
static void delta_has_only_changed_values(void)
{
    struct crdt *c = make(type(), "a",
                          "[{put, [n, gcounter]}, {put, [s, gset]}, {put, [o, gset]},"
                          " {update, [s, {add, [x]}]}]");
    struct crdt *delta = empty(type(), "a");
    bool changed;
    CU_ASSERT(crdt_merge(c,
                         term_of(ORMAP(NO_KEYS, "n => " GCOUNTER("b => 1") ", s => " GSET(
                                                    "x => [], y => []") ", o => " GSET(""))),
                         delta, &changed) == OK);
    CU_ASSERT(changed);
    is(delta, crdt_state, ORMAP(NO_KEYS, "n => " GCOUNTER("b => 1") ", s => " GSET("y => []")));
    CU_ASSERT(crdt_merge(c, term_of(ORMAP(NO_KEYS, "n => " GCOUNTER("b => 1, c => 2"))), delta,
                         &changed) == OK);
    is(delta, crdt_state,
       ORMAP(NO_KEYS, "n => " GCOUNTER("b => 1, c => 2") ", s => " GSET("y => []")));
    crdt_free(delta);
    crdt_free(c);
}

/* --- fields of a later Grove ----------------------------------------------- */

#define WIDER_MAP(keys, values)                                                                    \
    "#{'__struct__' => 'Elixir.Grove.Map.ORMap', actor => a, delta_buffer => nil, keys => " keys   \
    ", values => #{" values "}, zone => 1}"
#define WIDER_KEYS                                                                                 \
    "#{'__struct__' => 'Elixir.Grove.Set.ORSet', actor => a, counter => 0, delta_buffer => nil,"   \
    " entries => #{" ENTRY("n", "{b, 1}") "}, hlc => 2, tombstones => " MAPSET("") "}"
#define WIDER_NO_KEYS                                                                              \
    "#{'__struct__' => 'Elixir.Grove.Set.ORSet', actor => a, counter => 0, delta_buffer => nil,"   \
    " entries => #{}, hlc => 2, tombstones => " MAPSET("") "}"
#define WIDER_COUNTER(counts)                                                                      \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => a, counts => #{" counts           \
    "}, delta_buffer => #{}, unit => 3}"

static void keeps_unknown_fields_at_every_level(void)
{
    struct crdt *c = make(type(), "a", "[]"), *delta = empty(type(), "a");
    CU_ASSERT(merge(c, WIDER_MAP(WIDER_KEYS, "n => " WIDER_COUNTER("b => 1"))));
    is(c, crdt_state, WIDER_MAP(WIDER_KEYS, "n => " WIDER_COUNTER("b => 1")));
    is(c, crdt_value, "#{n => " WIDER_COUNTER("b => 1") "}");
    size_t bad;
    CU_ASSERT(mutate_all(c, "{update, [n, increment]}", delta, NULL, &bad) == OK);
    is(delta, crdt_state, ORMAP(NO_KEYS, "n => " GCOUNTER("a => 1")));
    crdt_copy_extras(delta, c);
    is(delta, crdt_state, WIDER_MAP(WIDER_NO_KEYS, "n => " WIDER_COUNTER("a => 1")));
    refuses_batch(c, "[{update, [n, increment]}, {put, [o, gset]}, increment]", ERR_BAD_OP, 2);
    apply(c, "[{put, [o, gset]}, {update, [n, increment]}, {delete, [o]}]");
    is(c, crdt_value, "#{n => " WIDER_COUNTER("a => 2, b => 1") "}");
    crdt_free(delta);
    crdt_free(c);
}

/* --- bytes ----------------------------------------------------------------- */

static void survives_corruption(void)
{
    struct crdt *c = make(type(), "a", "[{put, [n, gcounter]}, {update, [n, increment]}]");
    check_corruption(c, term_of(ORMAP(KEYS("1", ENTRY("n", "{a, 1}"), "{b, 7} => []"),
                                      "n => " GCOUNTER("b => 70000"))));
    check_corruption(c, term_of(ORMAP(NO_KEYS, "m => " ORMAP(NO_KEYS, "n => " GSET("x => []")))));
    crdt_free(c);
}

static void matches_grove(void)
{
    CU_ASSERT(matches_recording("crdt/maps.etf", type()) == 12);
}

SUITE("or_map_join", TEST(obeys_laws), TEST(batch_equals_single_operations),
      TEST(random_states_obey_laws), TEST(round_trips), TEST(mutations_fill_the_delta),
      TEST(concurrent_put_wins_over_delete), TEST(delete_wins_over_concurrent_update),
      TEST(keeps_values_without_keys), TEST(converges_on_one_of_two_types),
      TEST(later_type_wins_even_if_empty), TEST(delta_has_only_changed_values),
      TEST(keeps_unknown_fields_at_every_level), TEST(survives_corruption), TEST(matches_grove))
