#include "unit/crdt/laws.h"

#define GCOUNTER(counts)                                                                           \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => a, counts => " counts             \
    ", delta_buffer => #{}}"

static const struct crdt_type *type(void)
{
    return crdt_type_named(BYTES("gcounter"));
}

static void is_found_by_both_names(void)
{
    CU_ASSERT_PTR_NOT_NULL(type());
    CU_ASSERT(type() == crdt_type_named(BYTES("Elixir.Grove.Counter.GCounter")));
    CU_ASSERT(crdt_type_named(BYTES("gcounte")) == NULL);
    CU_ASSERT(crdt_type_named(BYTES("")) == NULL);
    size_t found = 0;
    for (size_t i = 0; crdt_type_at(i) != NULL; i++)
        found += crdt_type_at(i) == type();
    CU_ASSERT(found == 1);
}

static void increments(void)
{
    struct crdt *c = make(type(), "a", "[]");
    is(c, crdt_value, "0");
    is(c, crdt_state, GCOUNTER("#{}"));
    CU_ASSERT(!crdt_dirty(c));
    size_t bad;
    CU_ASSERT(mutate(c, "[increment, {increment, [5]}, {increment, [0]}]", &bad) == OK);
    is(c, crdt_value, "6");
    is(c, crdt_state, GCOUNTER("#{a => 6}"));
    is(c, crdt_delta, GCOUNTER("#{a => 6}"));
    crdt_reset(c);
    is(c, crdt_delta, GCOUNTER("#{}"));
    CU_ASSERT(mutate(c, "{increment, [0]}", &bad) == OK);
    CU_ASSERT(!crdt_dirty(c));
    crdt_free(c);
}

static void refuses_operations_whole(void)
{
    static const char *const wrong[] = {
        "[increment, decrement]",           "[increment, {increment, [-1]}]",
        "[increment, {increment, [x]}]",    "[increment, {increment, [1.0]}]",
        "[increment, {increment, [1, 2]}]", "[increment, {incremen, []}, {increment, [-1]}]",
    };
    struct crdt *c = make(type(), "a", "{increment, [3]}");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        size_t bad;
        CU_ASSERT(mutate(c, wrong[i], &bad) == ERR_BAD_OP && bad == 1);
        is(c, crdt_value, "3");
    }
    crdt_free(c);
}

/* The delta has whole counts: a peer may join it twice. */
static void sends_absolute_counts(void)
{
    struct crdt *c = make(type(), "a", "{increment, [3]}");
    crdt_reset(c);
    size_t bad;
    CU_ASSERT(mutate(c, "increment", &bad) == OK);
    is(c, crdt_delta, GCOUNTER("#{a => 4}"));
    crdt_free(c);
}

static void obeys_the_laws(void)
{
    static const struct made states[] = {
        {"a", "[]"},
        {"a", "{increment, [3]}"},
        {"a", "{increment, [4]}"},
        {"b", "increment"},
        {"<<\"b\">>", "{increment, [18446744073709551616]}"},
    };
    joins_lawfully(type(), states, sizeof(states) / sizeof(states[0]));
    delta_carries(type(), "[]", "increment");
    delta_carries(type(), "{increment, [9]}", "[increment, {increment, [9223372036854775807]}]");
}

/* What a fun made of our state is ours to tell; what a peer told is not. */
static void tells_whose_change_it_was(void)
{
    struct crdt *c = make(type(), "a", "{increment, [3]}");
    crdt_reset(c);
    bool changed;
    CU_ASSERT(crdt_merge(c, term_of(GCOUNTER("#{a => 3, b => 2}")), ORIGIN_PEER, &changed) == OK);
    CU_ASSERT(changed && !crdt_dirty(c));
    CU_ASSERT(crdt_merge(c, term_of(GCOUNTER("#{a => 3, b => 1}")), ORIGIN_LOCAL, &changed) == OK);
    CU_ASSERT(!changed && !crdt_dirty(c));
    CU_ASSERT(crdt_merge(c, term_of(GCOUNTER("#{a => 8, b => 1}")), ORIGIN_LOCAL, &changed) == OK);
    CU_ASSERT(changed);
    is(c, crdt_delta, GCOUNTER("#{a => 8}"));
    is(c, crdt_state, GCOUNTER("#{a => 8, b => 2}"));
    crdt_free(c);
}

static void refuses_other_shapes(void)
{
    struct crdt *c = make(type(), "a", "{increment, [3]}");
    refuses(c, term_of("nil"), ERR_TYPE);
    refuses(c, term_of("#{}"), ERR_TYPE);
    refuses(c, term_of("#{counts => #{b => 1}}"), ERR_TYPE);
    refuses(c, term_of("#{'__struct__' => 'Elixir.Grove.Set.GSet', counts => #{b => 1}}"),
            ERR_TYPE);
    refuses(c, term_of("#{'__struct__' => 'Elixir.Grove.Counter.GCounter'}"), ERR_SHAPE);
    refuses(c, term_of(GCOUNTER("[]")), ERR_SHAPE);
    refuses(c, term_of(GCOUNTER("#{b => 9, c => x}")), ERR_SHAPE);
    refuses(c, term_of(GCOUNTER("#{b => 9, c => -1}")), ERR_RANGE);
    /* counts twice, behind the right module */
    refuses(c,
            hex("74 00000003 7706 636f756e7473 74 00000000 770a 5f5f7374727563745f5f"
                "771d 456c697869722e47726f76652e436f756e7465722e47436f756e746572"
                "7706 636f756e7473 74 00000000"),
            ERR_DUPLICATE);
    crdt_free(c);
}

/* A Grove that knows more fields, and one that leaves ours out. */
static void passes_over_other_fields(void)
{
    struct crdt *c = make(type(), "a", "[]");
    bool changed;
    CU_ASSERT(crdt_merge(c,
                         term_of("#{'__struct__' => 'Elixir.Grove.Counter.GCounter',"
                                 "counts => #{b => 2}, colour => red, 7 => 8}"),
                         ORIGIN_PEER, &changed) == OK);
    is(c, crdt_value, "2");
    crdt_free(c);
}

static void takes_damage(void)
{
    struct crdt *c = make(type(), "a", "{increment, [3]}");
    survives_damage(
        c, term_of(GCOUNTER("#{a => 300, <<\"b\">> => 70000, 5 => 18446744073709551616}")));
    crdt_free(c);
}

static void agrees(void)
{
    CU_ASSERT(agrees_with_grove(type()) == 10);
}

SUITE("gcounter", TEST(is_found_by_both_names), TEST(increments), TEST(refuses_operations_whole),
      TEST(sends_absolute_counts), TEST(obeys_the_laws), TEST(tells_whose_change_it_was),
      TEST(refuses_other_shapes), TEST(passes_over_other_fields), TEST(takes_damage), TEST(agrees))
