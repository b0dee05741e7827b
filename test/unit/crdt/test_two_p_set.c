#include "crdt/figures.h"
#include "unit/crdt/generated.h"

#define SET(map)         "#{'__struct__' => 'Elixir.MapSet', map => " map "}"
#define SET_OF_1_14(map) "#{'__struct__' => 'Elixir.MapSet', map => " map ", version => 2}"
#define HALF_OF(buffer, elements, more)                                                            \
    "#{'__struct__' => 'Elixir.Grove.Set.GSet', actor => a, delta_buffer => " buffer               \
    ", elements => " elements more "}"
#define HALF(map)          HALF_OF(SET("#{}"), SET(map), "")
#define HALF_OF_1_14(map)  HALF_OF(SET_OF_1_14("#{}"), SET_OF_1_14(map), "")
#define COLOURED(map, how) HALF_OF(SET("#{}"), SET(map), ", colour => " how)
#define TWOPSET(added, removed)                                                                    \
    "#{'__struct__' => 'Elixir.Grove.Set.TwoPSet', actor => a, added => " added                    \
    ", removed => " removed "}"
#define VALUE(c, map) is((c), crdt_value, SET(map))

static const struct crdt_type *type(void)
{
    return crdt_type_named(BYTES("two_p_set"));
}

static bool merge(struct crdt *c, const char *given, struct crdt *delta)
{
    bool changed = false;
    CU_ASSERT(crdt_merge(c, wall(term_of(given)), delta, &changed) == OK);
    crdt_check(c);
    return changed;
}

static void adds_and_removes(void)
{
    CU_ASSERT(type() == crdt_type_named(BYTES("Elixir.Grove.Set.TwoPSet")));
    struct crdt *c = make(type(), "a", "[]"), *delta = empty(type(), "a");
    size_t bad;
    VALUE(c, "#{}");
    is(c, crdt_state, TWOPSET(HALF("#{}"), HALF("#{}")));
    CU_ASSERT(mutate_all(c, "[{add, [x]}, {add, [y]}, {remove, [x]}]", delta, NULL, &bad) == OK);
    VALUE(c, "#{y => []}");
    is(c, crdt_state, TWOPSET(HALF("#{x => [], y => []}"), HALF("#{x => []}")));
    CU_ASSERT(equivalent(c, delta));
    CU_ASSERT(crdt_tombstones(c) == 1 && crdt_elements(c) == 2);
    replies(c, "[{add, [z]}, {remove, [y]}, {remove, [nobody]}]", "[ok, ok, ok]");
    VALUE(c, "#{z => []}");
    CU_ASSERT(crdt_tombstones(c) == 3);
    crdt_free(delta);
    crdt_free(c);
}

/* Whoever adds it again, before or after seeing the removal. */
static void removes_permanently(void)
{
    struct crdt *a = make(type(), "a", "[{add, [x]}, {remove, [x]}, {add, [x]}]");
    struct crdt *b = make(type(), "b", "[{add, [x]}, {add, [y]}]"), *delta = empty(type(), "b");
    size_t bad;
    VALUE(a, "#{}");
    VALUE(b, "#{x => [], y => []}");
    CU_ASSERT(join(b, a));
    VALUE(b, "#{y => []}");
    CU_ASSERT(mutate_all(b, "{add, [x]}", delta, NULL, &bad) == OK);
    VALUE(b, "#{y => []}");
    CU_ASSERT(crdt_empty(delta));
    CU_ASSERT(join(a, b));
    VALUE(a, "#{y => []}");
    crdt_free(delta);
    crdt_free(a);
    crdt_free(b);
}

static void accepts_remove_before_add(void)
{
    struct crdt *a = make(type(), "a", "{add, [x]}"), *b = empty(type(), "b"),
                *late = empty(type(), "c"), *removal = empty(type(), "b");
    size_t bad;
    join(b, a);
    CU_ASSERT(mutate_all(b, "{remove, [x]}", removal, NULL, &bad) == OK);
    CU_ASSERT(!crdt_empty(removal));
    CU_ASSERT(crdt_tombstones(removal) == 1);
    CU_ASSERT(join(late, removal));
    VALUE(late, "#{}");
    CU_ASSERT(join(late, a));
    VALUE(late, "#{}");
    CU_ASSERT(equivalent(late, b));
    crdt_free(a);
    crdt_free(b);
    crdt_free(late);
    crdt_free(removal);
}

/* Its value is empty, but it is not. */
static void remove_alone_is_a_delta(void)
{
    struct crdt *c = make(type(), "a", "{add, [1]}"), *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(mutate_all(c, "{remove, [1]}", delta, NULL, &bad) == OK);
    CU_ASSERT(!crdt_empty(delta));
    VALUE(delta, "#{}");
    is(delta, crdt_state, TWOPSET(HALF("#{}"), HALF("#{1 => []}")));
    crdt_free(delta);
    delta = empty(type(), "a");
    CU_ASSERT(mutate_all(c, "[{remove, [1]}, {add, [1]}]", delta, NULL, &bad) == OK);
    CU_ASSERT(crdt_empty(delta));
    crdt_free(delta);
    crdt_free(c);
}

static void distinguishes_elements(void)
{
    struct crdt *c = make(type(), "a",
                          "[{add, [1]}, {add, [1.0]}, {add, [0.0]}, {add, [-0.0]},"
                          " {remove, [1]}, {remove, [-0.0]}, {remove, [[]]}]");
    VALUE(c, "#{1.0 => [], 0.0 => []}");
    crdt_free(c);
}

static void refuses_the_whole_batch(void)
{
    static const char *const wrong[] = {
        "[{add, [x]}, {remove, []}]",
        "[{remove, [3]}, {add, [x, y]}]",
        "[{remove, [3]}, remove]",
        "[{remove, [3]}, {delete, [3]}]",
    };
    struct crdt *c = make(type(), "a", "{add, [3]}"), *delta = empty(type(), "a");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        size_t bad;
        CU_ASSERT(mutate_all(c, wrong[i], delta, NULL, &bad) == ERR_BAD_OP && bad == 1);
        is(c, crdt_state, TWOPSET(HALF("#{3 => []}"), HALF("#{}")));
        CU_ASSERT(crdt_empty(delta));
    }
    crdt_free(delta);
    crdt_free(c);
}

static void obeys_laws(void)
{
    static const struct sample states[] = {
        {"a", "[]"},
        {"a", "[{add, [x]}, {add, [y]}]"},
        {"b", "[{add, [x]}, {remove, [x]}]"},
        {"c", "{remove, [y]}"},
    };
    static const char *const ops[] = {"{add, [1]}",    "{add, [1.0]}",    "{add, [x]}",
                                      "{remove, [1]}", "{remove, [1.0]}", "{remove, [x]}"};
    check_laws_on_samples(type(), states, sizeof(states) / sizeof(states[0]));
    check_laws_on_random_states(type(), ops, sizeof(ops) / sizeof(ops[0]), 60);
    check_mutation_delta(type(), "[]", "{remove, [1]}");
    check_mutation_delta(type(), "[{add, [1]}, {remove, [1]}]", "[{add, [1]}, {add, [2]}]");
    check_mutation_delta(type(), "{add, [1]}", "[{add, [2]}, {remove, [2]}, {remove, [1]}]");
}

static void round_trips(void)
{
    struct crdt *c = make(type(), "a", "[]"), *copy = empty(type(), "a");
    size_t bad;
    for (int i = 0; i < 3000; i++) {
        struct buf op = {0};
        buf_printf(&op, "[{add, [%d]}, {remove, [%d]}]%c", i, i * 3, 0);
        CU_ASSERT(mutate(c, (const char *)op.at, &bad) == OK);
        buf_free(&op);
    }
    CU_ASSERT(join(copy, c));
    struct buf state = {0}, again = {0}, value = put(c, crdt_value);
    crdt_state(c, &state);
    crdt_state(copy, &again);
    CU_ASSERT(equal_and_free(state, again));
    CU_ASSERT(equal_and_free(value, put(copy, crdt_value)));
    CU_ASSERT(crdt_tombstones(copy) == 3000);
    crdt_free(copy);
    crdt_free(c);
}

static void writes_the_configured_form(void)
{
    static const char *const forms[] = {
        TWOPSET(HALF("#{x => [], y => []}"), HALF("#{x => []}")),
        TWOPSET(HALF_OF_1_14("#{x => [], y => []}"), HALF_OF_1_14("#{x => []}")),
    };
    static const char *const values[] = {SET("#{y => []}"), SET_OF_1_14("#{y => []}")};
    for (unsigned in = 0; in < 2; in++) {
        for (unsigned out = 0; out < 2; out++) {
            const struct crdt_options options = {term_of("a"), LAWS_SEED,
                                                 out == 0 ? MAPSET_PLAIN : MAPSET_VERSIONED};
            struct crdt *c = crdt_make(type(), &options);
            CU_ASSERT(merge(c, forms[in], NULL));
            is(c, crdt_state, forms[out]);
            is(c, crdt_value, values[out]);
            crdt_free(c);
        }
    }
}

static void refuses_malformed_structs(void)
{
    struct crdt *c = make(type(), "a", "[{add, [3]}, {remove, [4]}]");
    refuses(c, term_of("[]"), ERR_TYPE);
    refuses(c, term_of(HALF("#{x => []}")), ERR_TYPE);
    refuses(c, term_of(TWOPSET("nil", HALF("#{3 => []}"))), ERR_SHAPE);
    refuses(c, term_of(TWOPSET(HALF("#{x => []}"), "nil")), ERR_SHAPE);
    refuses(c, term_of(TWOPSET(HALF("#{x => []}"), SET("#{x => []}"))), ERR_SHAPE);
    refuses(c, term_of(TWOPSET(SET("#{x => []}"), HALF("#{x => []}"))), ERR_SHAPE);
    refuses(c, term_of(TWOPSET(HALF("#{x => []}"), HALF("#{x => y}"))), ERR_SHAPE);
    refuses(c, term_of(TWOPSET(HALF("#{x => y}"), HALF("#{x => []}"))), ERR_SHAPE);
    refuses(c, term_of(TWOPSET(HALF("#{x => []}"), TWOPSET(HALF("#{}"), HALF("#{}")))), ERR_SHAPE);
    refuses(c, term_of("#{'__struct__' => 'Elixir.Grove.Set.TwoPSet', added => " HALF("#{}") "}"),
            ERR_SHAPE);
    refuses(c, term_of("#{'__struct__' => 'Elixir.Grove.Set.TwoPSet', removed => " HALF("#{}") "}"),
            ERR_SHAPE);
    crdt_free(c);
}

static void keeps_unknown_fields_of_halves(void)
{
    struct crdt *c = make(type(), "a", "{add, [1]}"), *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(merge(c, TWOPSET(COLOURED("#{}", "red"), COLOURED("#{}", "blue")), delta));
    is(c, crdt_state, TWOPSET(COLOURED("#{1 => []}", "red"), COLOURED("#{}", "blue")));
    is(delta, crdt_state, TWOPSET(COLOURED("#{}", "red"), COLOURED("#{}", "blue")));
    crdt_free(delta);
    delta = empty(type(), "a");
    CU_ASSERT(mutate_all(c, "{remove, [1]}", delta, NULL, &bad) == OK);
    crdt_copy_extras(delta, c);
    is(delta, crdt_state, TWOPSET(COLOURED("#{}", "red"), COLOURED("#{1 => []}", "blue")));
    crdt_free(delta);
    crdt_free(c);
}

static void survives_corruption(void)
{
    struct crdt *c = make(type(), "a", "[{add, [3]}, {remove, [4]}]");
    check_corruption(c,
                     term_of(TWOPSET(HALF("#{1 => [], <<\"two\">> => []}"), HALF("#{5.5 => []}"))));
    crdt_free(c);
}

static void matches_grove(void)
{
    CU_ASSERT(matches_recording("crdt/sets.etf", type()) == 8);
}

SUITE("two_p_set", TEST(adds_and_removes), TEST(removes_permanently),
      TEST(accepts_remove_before_add), TEST(remove_alone_is_a_delta), TEST(distinguishes_elements),
      TEST(refuses_the_whole_batch), TEST(obeys_laws), TEST(round_trips),
      TEST(writes_the_configured_form), TEST(refuses_malformed_structs),
      TEST(keeps_unknown_fields_of_halves), TEST(survives_corruption), TEST(matches_grove))
