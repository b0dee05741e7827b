#include "crdt/figures.h"
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
    CU_ASSERT(crdt_type_of(term_of(GCOUNTER("#{}"))) == type());
    CU_ASSERT(crdt_type_of(term_of("#{'__struct__' => 'Elixir.Grove'}")) == NULL);
    CU_ASSERT(crdt_type_of(term_of("#{'__struct__' => <<\"x\">>}")) == NULL);
    CU_ASSERT(crdt_type_of(term_of("#{}")) == NULL && crdt_type_of(term_of("[]")) == NULL);
}

static void increments(void)
{
    struct crdt *c = make(type(), "a", "[]");
    is(c, crdt_value, "0");
    is(c, crdt_state, GCOUNTER("#{}"));
    size_t bad;
    struct crdt *delta = empty(type(), "a");
    CU_ASSERT(mutate(c, "[increment, {increment, [5]}, {increment, [0]}]", &bad) == OK);
    is(c, crdt_value, "6");
    is(c, crdt_state, GCOUNTER("#{a => 6}"));
    CU_ASSERT(crdt_tombstones(c) == 0 && crdt_elements(c) == 0);
    CU_ASSERT(mutate_all(c, "{increment, [0]}", delta, NULL, &bad) == OK);
    CU_ASSERT(crdt_empty(delta));
    replies(c, "[increment, {increment, [2]}]", "[ok, ok]");
    replies(c, "[]", "[]");
    crdt_free(delta);
    crdt_free(c);
}

static void refuses_the_whole_batch(void)
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

/* So that a peer may join a delta twice. */
static void sends_absolute_counts(void)
{
    struct crdt *c = make(type(), "a", "{increment, [3]}"), *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(mutate_all(c, "increment", delta, NULL, &bad) == OK);
    is(delta, crdt_state, GCOUNTER("#{a => 4}"));
    CU_ASSERT(mutate_all(c, "increment", delta, NULL, &bad) == OK);
    is(delta, crdt_state, GCOUNTER("#{a => 5}"));
    crdt_free(delta);
    crdt_free(c);
}

static void obeys_laws(void)
{
    static const struct sample states[] = {
        {"a", "[]"},
        {"a", "{increment, [3]}"},
        {"a", "{increment, [4]}"},
        {"b", "increment"},
        {"<<\"b\">>", "{increment, [18446744073709551616]}"},
    };
    check_laws_on_samples(type(), states, sizeof(states) / sizeof(states[0]));
    check_mutation_delta(type(), "[]", "increment");
    check_mutation_delta(type(), "{increment, [9]}",
                         "[increment, {increment, [9223372036854775807]}]");
}

static void join_fills_the_delta(void)
{
    struct crdt *c = make(type(), "a", "{increment, [3]}"), *delta = empty(type(), "a");
    bool changed;
    CU_ASSERT(crdt_merge(c, term_of(GCOUNTER("#{a => 3, b => 2}")), NULL, &changed) == OK);
    CU_ASSERT(changed);
    CU_ASSERT(crdt_merge(c, term_of(GCOUNTER("#{a => 3, b => 1}")), delta, &changed) == OK);
    CU_ASSERT(!changed && crdt_empty(delta));
    CU_ASSERT(crdt_merge(c, term_of(GCOUNTER("#{a => 8, b => 1, c => 0}")), delta, &changed) == OK);
    CU_ASSERT(changed);
    is(delta, crdt_state, GCOUNTER("#{a => 8, c => 0}"));
    is(c, crdt_state, GCOUNTER("#{a => 8, b => 2, c => 0}"));
    crdt_free(delta);
    crdt_free(c);
}

static void refuses_malformed_structs(void)
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
    /* a duplicate field counts, with the right module */
    refuses(c,
            hex("74 00000003 7706 636f756e7473 74 00000000 770a 5f5f7374727563745f5f"
                "771d 456c697869722e47726f76652e436f756e7465722e47436f756e746572"
                "7706 636f756e7473 74 00000000"),
            ERR_DUPLICATE);
    crdt_free(c);
}

/* From a Grove that omits optional fields. */
static void accepts_missing_fields(void)
{
    struct crdt *c = make(type(), "a", "[]");
    bool changed;
    CU_ASSERT(crdt_merge(c,
                         term_of("#{'__struct__' => 'Elixir.Grove.Counter.GCounter',"
                                 "counts => #{b => 2}}"),
                         NULL, &changed) == OK);
    is(c, crdt_value, "2");
    crdt_free(c);
}

#define WIDER(counts, more)                                                                        \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => a, counts => " counts             \
    ", delta_buffer => #{}, " more "}"

/* From a Grove with more fields: they are written again in their places. */
static void keeps_unknown_fields(void)
{
    struct crdt *c = make(type(), "a", "[]"), *delta = empty(type(), "a");
    bool changed;
    CU_ASSERT(crdt_merge(c, term_of(WIDER("#{}", "colour => red, 'Z' => {1}, 7 => 8")), NULL,
                         &changed) == OK);
    CU_ASSERT(changed && !crdt_empty(c));
    is(c, crdt_state, WIDER("#{}", "colour => red, 'Z' => {1}"));
    /* The greater value is kept, and the delta has the fields that changed. */
    CU_ASSERT(crdt_merge(c, term_of(WIDER("#{}", "colour => blue, 'Z' => {1, 2}")), delta,
                         &changed) == OK);
    CU_ASSERT(changed && !crdt_empty(delta));
    is(c, crdt_state, WIDER("#{}", "colour => red, 'Z' => {1, 2}"));
    is(delta, crdt_state, WIDER("#{}", "'Z' => {1, 2}"));
    crdt_copy_extras(delta, c);
    is(delta, crdt_state, WIDER("#{}", "colour => red, 'Z' => {1, 2}"));
    CU_ASSERT(
        crdt_merge(c, term_of(WIDER("#{}", "colour => green, 'Z' => {3}")), delta, &changed) == OK);
    CU_ASSERT(!changed);
    refuses(c, term_of(WIDER("[]", "colour => white")), ERR_SHAPE);
    crdt_free(delta);
    crdt_free(c);
}

static void survives_corruption(void)
{
    struct crdt *c = make(type(), "a", "{increment, [3]}");
    check_corruption(
        c, term_of(GCOUNTER("#{a => 300, <<\"b\">> => 70000, 5 => 18446744073709551616}")));
    crdt_free(c);
}

static void matches_grove(void)
{
    CU_ASSERT(agrees_with_grove(type()) == 10);
}

SUITE("gcounter", TEST(is_found_by_both_names), TEST(increments), TEST(refuses_the_whole_batch),
      TEST(sends_absolute_counts), TEST(obeys_laws), TEST(join_fills_the_delta),
      TEST(refuses_malformed_structs), TEST(accepts_missing_fields), TEST(keeps_unknown_fields),
      TEST(survives_corruption), TEST(matches_grove))
