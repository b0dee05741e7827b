#include "unit/crdt/maps.h"

/* --- laws ------------------------------------------------------------------ */

static void obeys_the_laws(void)
{
    static const struct made states[] = {
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
    joins_lawfully(type(), states, sizeof(states) / sizeof(states[0]));
}

/* What may be under a key, and what may be done to it. */
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

/* A key says what is under it; but for the last, where that depends. */
static void draw_op(struct buf *op, uint64_t *random)
{
    int level = 0;
    for (; level < LEVELS && drawn(random, 3) == 0; level++)
        buf_printf(op, drawn(random, 4) > 0 ? "{update, [m, " : "{update, [1.0, ");
    size_t key = drawn(random, KINDS + 2), kind = key < KINDS ? key : drawn(random, KINDS);
    switch (drawn(random, 4)) {
    case 0:
        buf_printf(op, "{delete, [%zu]}", key);
        break;
    case 1:
        buf_printf(op, "{put, [%zu, %s]}", key, kinds[kind].name);
        break;
    case 2:
        buf_printf(op, drawn(random, 4) > 0 ? "{put, [m, or_map]}" : "{put, [1.0, or_map]}");
        break;
    case 3:
        buf_printf(op, "{update, [%zu, %s]}", key,
                   kinds[kind].ops[drawn(random, kinds[kind].count)]);
        break;
    }
    for (; level > 0; level--)
        buf_printf(op, "]}");
    buf_put_u8(op, '\0');
}

/* Makes drawn operations one by one; text gets those that were not refused, with
 * commas between them. */
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
        laws_wall_ms = now; /* one time for them all, as a batch has it */
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

/* As a batch the operations make the same state; with one that is wrong behind them
 * they make nothing. */
static size_t makes_a_batch(struct crdt *single, struct crdt *batch, uint64_t *random)
{
    static const char *const wrong[] = {", increment", ", {update, [none, increment]}"};
    struct buf ops = {0};
    uint64_t now = laws_wall_ms;
    size_t bad, count = draw_ops(single, &ops, random);
    laws_wall_ms = now;
    if (count > 0) {
        struct buf right = list_of(&ops, ""), refused = list_of(&ops, wrong[drawn(random, 2)]);
        refuses_batch(batch, (const char *)refused.at, ERR_BAD_OP, count);
        laws_wall_ms = now;
        CU_ASSERT(mutate(batch, (const char *)right.at, &bad) == OK);
        buf_free(&right);
        buf_free(&refused);
    }
    CU_ASSERT(same(put(single, crdt_state), put(batch, crdt_state)));
    buf_free(&ops);
    return count;
}

static void makes_batches_of_what_one_by_one_makes(void)
{
    uint64_t random = 7;
    size_t made = 0;
    for (int round = 0; round < 40; round++) {
        struct crdt *single = empty(type(), "a"), *batch = empty(type(), "a");
        for (int i = 0; i < BATCHES; i++)
            made += makes_a_batch(single, batch, &random);
        crdt_free(single);
        crdt_free(batch);
    }
    CU_ASSERT(made > 2000);
}

static void obeys_the_laws_as_generated(void)
{
    static const char *const actors[] = {"a", "b", "c", "d", "e"};
    uint64_t random = 11;
    for (int round = 0; round < 6; round++) {
        struct buf texts[5] = {0};
        struct made states[5];
        for (size_t i = 0; i < 5; i++) {
            struct crdt *c = empty(type(), actors[i]);
            struct buf ops = {0};
            draw_ops(c, &ops, &random);
            texts[i] = list_of(&ops, "");
            states[i] = (struct made){actors[i], (const char *)texts[i].at};
            buf_free(&ops);
            crdt_free(c);
        }
        joins_lawfully(type(), states, 5);
        delta_carries(type(), "[]", states[round % 5].ops);
        for (size_t i = 0; i < 5; i++)
            buf_free(&texts[i]);
    }
}

/* A state that comes back is the state that was written. */
static void reads_what_it_writes(void)
{
    uint64_t random = 13;
    for (int round = 0; round < 40; round++) {
        struct crdt *c = empty(type(), "a"), *back = empty(type(), "a");
        struct buf text = {0};
        draw_ops(c, &text, &random);
        CU_ASSERT(join(back, c) == !crdt_empty(c));
        CU_ASSERT(same(put(c, crdt_state), put(back, crdt_state)));
        CU_ASSERT(same(put(c, crdt_value), put(back, crdt_value)));
        buf_free(&text);
        crdt_free(c);
        crdt_free(back);
    }
}

static void carries_every_change_in_its_delta(void)
{
#define MAP_IN_MAP                                                                                 \
    "{put, [n, gcounter]}, {put, [m, or_map]}, {update, [m, {put, [m, or_map]}]},"                 \
    " {update, [m, {update, [m, {put, [n, gset]}]}]}"
    delta_carries(type(), "[]", "{put, [n, gcounter]}");
    delta_carries(type(), "{put, [n, gcounter]}", "{put, [n, gcounter]}");
    delta_carries(type(), "{put, [n, gcounter]}", "{update, [n, increment]}");
    delta_carries(type(), "{put, [n, gcounter]}", "{delete, [n]}");
    delta_carries(type(), "{put, [n, gcounter]}", "[{delete, [n]}, {put, [n, gcounter]}]");
    delta_carries(type(), "[]", "[" MAP_IN_MAP "]");
    delta_carries(type(), "[" MAP_IN_MAP "]",
                  "{update, [m, {update, [m, {update, [n, {add, [x]}]}]}]}");
    delta_carries(type(), "[" MAP_IN_MAP "]",
                  "[{update, [m, {update, [m, {update, [n, {add, [x]}]}]}]},"
                  " {update, [n, increment]}, {update, [m, {delete, [m]}]}, {delete, [n]}]");
}

/* --- replicas that meet ---------------------------------------------------- */

struct pair {
    struct crdt *a, *b;
};

static void meet(struct pair p)
{
    join(p.a, p.b);
    join(p.b, p.a);
    CU_ASSERT(alike(p.a, p.b));
    CU_ASSERT(!join(p.a, p.b));
}

static struct pair pair(const char *ops)
{
    struct pair p = {make(type(), "a", ops), empty(type(), "b")};
    meet(p);
    return p;
}

static void change(struct crdt *c, const char *ops)
{
    size_t bad;
    CU_ASSERT(mutate(c, ops, &bad) == OK);
}

static void pair_free(struct pair p)
{
    crdt_free(p.a);
    crdt_free(p.b);
}

static void keeps_what_is_put_while_it_is_deleted(void)
{
    struct pair p = pair("[{put, [n, gcounter]}, {update, [n, increment]}]");
    change(p.a, "{put, [n, gcounter]}");
    change(p.b, "{delete, [n]}");
    meet(p);
    is(p.a, crdt_value, "#{n => " GCOUNTER("a => 1") "}");
    pair_free(p);
}

/* An update is none of the key: the delete wins, and what was added is there when the
 * key comes back. */
static void hides_what_is_updated_while_it_is_deleted(void)
{
    struct pair p = pair("[{put, [n, gcounter]}, {update, [n, increment]}]");
    change(p.a, "{update, [n, {increment, [4]}]}");
    change(p.b, "{delete, [n]}");
    meet(p);
    is(p.a, crdt_value, "#{}");
    change(p.a, "{put, [n, gcounter]}");
    is(p.a, crdt_value, "#{n => " GCOUNTER("a => 5") "}");
    meet(p);
    change(p.b, "{update, [n, increment]}");
    meet(p);
    is(p.a, crdt_value, "#{n => " GCOUNTER("a => 5, b => 1") "}");
    pair_free(p);
}

/* Told in any order: a value before its key, and after its key was deleted. */
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

/* Two types under one key: that of the later module, whoever joins whom. */
static void agrees_on_one_of_two_types(void)
{
    struct pair p = pair("[]");
    change(p.a, "[{put, [n, gset]}, {update, [n, {add, [x]}]}]");
    change(p.b, "[{put, [n, gcounter]}, {update, [n, increment]}]");
    struct crdt *delta = empty(type(), "a");
    CU_ASSERT(join_telling(p.b, p.a, delta));
    is(delta, crdt_state, ORMAP(KEYS("1", ENTRY("n", "{a, 1}"), ""), "n => " GSET("x => []")));
    meet(p);
    is(p.a, crdt_value, "#{n => " GSET("x => []") "}");
    change(p.b, "{update, [n, {add, [y]}]}");
    refuses_batch(p.b, "{update, [n, increment]}", ERR_BAD_OP, 0);
    meet(p);
    is(p.a, crdt_value, "#{n => " GSET("x => [], y => []") "}");
    crdt_free(delta);
    pair_free(p);
}

/* An empty value is news when it is of a later type; the delta that has both types
 * keeps the later one, too. */
static void agrees_on_a_type_without_contents(void)
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

/* What grew of a value that the delta has already is joined to it. */
static void tells_only_the_values_that_grew(void)
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

static void keeps_unknown_fields_inside_and_out(void)
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
    change(c, "[{put, [o, gset]}, {update, [n, increment]}, {delete, [o]}]");
    is(c, crdt_value, "#{n => " WIDER_COUNTER("a => 2, b => 1") "}");
    crdt_free(delta);
    crdt_free(c);
}

/* --- bytes ----------------------------------------------------------------- */

static void takes_damage(void)
{
    struct crdt *c = make(type(), "a", "[{put, [n, gcounter]}, {update, [n, increment]}]");
    survives_damage(c, term_of(ORMAP(KEYS("1", ENTRY("n", "{a, 1}"), "{b, 7} => []"),
                                     "n => " GCOUNTER("b => 70000"))));
    survives_damage(c, term_of(ORMAP(NO_KEYS, "m => " ORMAP(NO_KEYS, "n => " GSET("x => []")))));
    crdt_free(c);
}

static void agrees(void)
{
    CU_ASSERT(agrees_in("crdt/maps.etf", type()) == 12);
}

SUITE("or_map_join", TEST(obeys_the_laws), TEST(makes_batches_of_what_one_by_one_makes),
      TEST(obeys_the_laws_as_generated), TEST(reads_what_it_writes),
      TEST(carries_every_change_in_its_delta), TEST(keeps_what_is_put_while_it_is_deleted),
      TEST(hides_what_is_updated_while_it_is_deleted), TEST(keeps_values_without_keys),
      TEST(agrees_on_one_of_two_types), TEST(agrees_on_a_type_without_contents),
      TEST(tells_only_the_values_that_grew), TEST(keeps_unknown_fields_inside_and_out),
      TEST(takes_damage), TEST(agrees))
