#include "unit/crdt/laws.h"

#define HALF(counts)                                                                               \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => a, counts => " counts             \
    ", delta_buffer => #{}}"
#define PNCOUNTER(up, down)                                                                        \
    "#{'__struct__' => 'Elixir.Grove.Counter.PNCounter', actor => a, positive => " up              \
    ", negative => " down "}"

static const struct crdt_type *type(void)
{
    return crdt_type_named(BYTES("pncounter"));
}

static void increments_and_decrements(void)
{
    struct crdt *c = make(type(), "a", "[]");
    is(c, crdt_value, "0");
    size_t bad;
    CU_ASSERT(mutate(c, "[increment, {decrement, [5]}, decrement, {increment, [2]}]", &bad) == OK);
    is(c, crdt_value, "-3");
    is(c, crdt_state, PNCOUNTER(HALF("#{a => 3}"), HALF("#{a => 6}")));
    struct crdt *delta = empty(type(), "a");
    CU_ASSERT(mutate_all(c, "{decrement, [1]}", delta, NULL, &bad) == OK);
    is(delta, crdt_state, PNCOUNTER(HALF("#{}"), HALF("#{a => 7}")));
    replies(c, "[increment, decrement]", "[ok, ok]");
    crdt_free(delta);
    crdt_free(c);
}

/* Emptiness does not depend on the value. */
static void delta_of_value_zero_is_not_empty(void)
{
    struct crdt *c = make(type(), "a", "[]"), *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(mutate_all(c, "[increment, decrement]", delta, NULL, &bad) == OK);
    is(c, crdt_value, "0");
    is(delta, crdt_value, "0");
    CU_ASSERT(!crdt_empty(delta));
    is(delta, crdt_state, PNCOUNTER(HALF("#{a => 1}"), HALF("#{a => 1}")));
    crdt_free(delta);
    crdt_free(c);
}

static void refuses_the_whole_batch(void)
{
    static const char *const wrong[] = {
        "[increment, {decrement, [-1]}]",   "[decrement, {increment, [-1]}]",
        "[increment, {value, []}]",         "[decrement, {increment, [a]}]",
        "[increment, {decrement, [1, 2]}]",
    };
    struct crdt *c = make(type(), "a", "[{increment, [3]}, decrement]");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        size_t bad;
        CU_ASSERT(mutate(c, wrong[i], &bad) == ERR_BAD_OP && bad == 1);
        is(c, crdt_state, PNCOUNTER(HALF("#{a => 3}"), HALF("#{a => 1}")));
    }
    crdt_free(c);
}

static void obeys_laws(void)
{
    static const struct sample states[] = {
        {"a", "[]"},
        {"a", "[{increment, [3]}, decrement]"},
        {"a", "[{increment, [2]}, {decrement, [4]}]"},
        {"b", "decrement"},
        {"<<\"b\">>", "[{decrement, [18446744073709551616]}, increment]"},
    };
    check_laws_on_samples(type(), states, sizeof(states) / sizeof(states[0]));
    check_mutation_delta(type(), "[]", "decrement");
    check_mutation_delta(type(), "{increment, [9]}", "[increment, decrement]");
    check_mutation_delta(type(), "decrement", "{decrement, [9223372036854775807]}");
}

static void refuses_malformed_structs(void)
{
    struct crdt *c = make(type(), "a", "[{increment, [3]}, decrement]");
    refuses(c, term_of(HALF("#{a => 9}")), ERR_TYPE);
    refuses(c, term_of("[]"), ERR_TYPE);
    refuses(c, term_of(PNCOUNTER("nil", HALF("#{}"))), ERR_SHAPE);
    refuses(c, term_of(PNCOUNTER(HALF("#{a => 9}"), "nil")), ERR_SHAPE);
    refuses(c, term_of(PNCOUNTER(HALF("#{a => 9}"), HALF("#{a => -1}"))), ERR_RANGE);
    refuses(c, term_of(PNCOUNTER(HALF("#{a => 9}"), HALF("#{a => x}"))), ERR_SHAPE);
    refuses(c, term_of(PNCOUNTER(HALF("#{a => x}"), HALF("#{a => 9}"))), ERR_SHAPE);
    refuses(c, term_of(PNCOUNTER(HALF("#{a => 9}"), PNCOUNTER(HALF("#{}"), HALF("#{}")))),
            ERR_SHAPE);
    refuses(c,
            term_of("#{'__struct__' => 'Elixir.Grove.Counter.PNCounter', positive => " HALF(
                "#{a => 9}") "}"),
            ERR_SHAPE);
    crdt_free(c);
}

#define WIDER_HALF                                                                                 \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => a, counts => #{},"                \
    " delta_buffer => #{}, hlc => 3}"

static void keeps_unknown_fields_of_halves(void)
{
    struct crdt *c = make(type(), "a", "[]"), *delta = empty(type(), "a");
    bool changed;
    CU_ASSERT(crdt_merge(c, term_of(PNCOUNTER(HALF("#{}"), WIDER_HALF)), delta, &changed) == OK);
    CU_ASSERT(changed && !crdt_empty(delta));
    is(c, crdt_state, PNCOUNTER(HALF("#{}"), WIDER_HALF));
    is(delta, crdt_state, PNCOUNTER(HALF("#{}"), WIDER_HALF));
    crdt_free(delta);
    delta = empty(type(), "a");
    crdt_copy_extras(delta, c);
    is(delta, crdt_state, PNCOUNTER(HALF("#{}"), WIDER_HALF));
    crdt_free(delta);
    crdt_free(c);
}

static void survives_corruption(void)
{
    struct crdt *c = make(type(), "a", "[increment, {decrement, [3]}]");
    check_corruption(
        c, term_of(PNCOUNTER(HALF("#{a => 300, 1 => 2}"), HALF("#{<<\"b\">> => 70000}"))));
    crdt_free(c);
}

static void matches_grove(void)
{
    CU_ASSERT(agrees_with_grove(type()) == 7);
}

SUITE("pncounter", TEST(increments_and_decrements), TEST(delta_of_value_zero_is_not_empty),
      TEST(refuses_the_whole_batch), TEST(obeys_laws), TEST(refuses_malformed_structs),
      TEST(keeps_unknown_fields_of_halves), TEST(survives_corruption), TEST(matches_grove))
