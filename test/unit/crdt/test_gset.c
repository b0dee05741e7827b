#include "crdt/figures.h"
#include "unit/crdt/generated.h"

#define SET(map)         "#{'__struct__' => 'Elixir.MapSet', map => " map "}"
#define SET_OF_1_14(map) "#{'__struct__' => 'Elixir.MapSet', map => " map ", version => 2}"
#define GSET_OF(buffer, elements, more)                                                            \
    "#{'__struct__' => 'Elixir.Grove.Set.GSet', actor => a, delta_buffer => " buffer               \
    ", elements => " elements more "}"
#define GSET(map) GSET_OF(SET("#{}"), SET(map), "")

static const struct crdt_type *type(void)
{
    return crdt_type_named(BYTES("gset"));
}

static bool merge(struct crdt *c, struct bytes given, struct crdt *delta)
{
    bool changed = false;
    CU_ASSERT(crdt_merge(c, wall(given), delta, &changed) == OK);
    crdt_check(c);
    return changed;
}

static void adds(void)
{
    CU_ASSERT(type() == crdt_type_named(BYTES("Elixir.Grove.Set.GSet")));
    struct crdt *c = make(type(), "a", "[]"), *delta = empty(type(), "a");
    size_t bad;
    is(c, crdt_value, SET("#{}"));
    is(c, crdt_state, GSET("#{}"));
    CU_ASSERT(mutate_all(c, "[{add, [x]}, {add, [[]]}, {add, [x]}]", delta, NULL, &bad) == OK);
    is(c, crdt_value, SET("#{x => [], [] => []}"));
    is(c, crdt_state, GSET("#{x => [], [] => []}"));
    is(delta, crdt_state, GSET("#{x => [], [] => []}"));
    CU_ASSERT(mutate_all(c, "[{add, [x]}, {add, [y]}]", delta, NULL, &bad) == OK);
    is(delta, crdt_state, GSET("#{x => [], y => [], [] => []}"));
    CU_ASSERT(crdt_tombstones(c) == 0 && crdt_elements(c) == 3);
    replies(c, "[{add, [x]}, {add, [z]}]", "[ok, ok]");
    crdt_free(delta);
    crdt_free(c);
}

static void delta_omits_known_elements(void)
{
    struct crdt *c = make(type(), "a", "[{add, [1]}, {add, [2]}]"), *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(mutate_all(c, "{add, [1]}", delta, NULL, &bad) == OK);
    CU_ASSERT(crdt_empty(delta));
    CU_ASSERT(!merge(c, term_of(GSET("#{1 => []}")), delta) && crdt_empty(delta));
    CU_ASSERT(merge(c, term_of(GSET("#{1 => [], 2 => [], 3 => []}")), delta));
    is(delta, crdt_state, GSET("#{3 => []}"));
    is(c, crdt_state, GSET("#{1 => [], 2 => [], 3 => []}"));
    crdt_free(delta);
    crdt_free(c);
}

static void refuses_the_whole_batch(void)
{
    static const char *const wrong[] = {
        "[{add, [x]}, add]",           "[{add, [x]}, {add, [x, y]}]", "[{add, [x]}, {remove, [x]}]",
        "[{add, [x]}, {put, [1, 2]}]", "[{add, [x]}, {ad, [x]}]",
    };
    struct crdt *c = make(type(), "a", "{add, [3]}"), *delta = empty(type(), "a");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        size_t bad;
        CU_ASSERT(mutate_all(c, wrong[i], delta, NULL, &bad) == ERR_BAD_OP && bad == 1);
        is(c, crdt_value, SET("#{3 => []}"));
        CU_ASSERT(crdt_empty(delta));
    }
    crdt_free(delta);
    crdt_free(c);
}

/* As =:= in OTP 27: 1 differs from 1.0, and 0.0 from -0.0. */
static void distinguishes_elements(void)
{
    struct crdt *c = make(type(), "a", "[{add, [1]}, {add, [0.0]}, {add, [{1}]}]");
    CU_ASSERT(
        merge(c, term_of(GSET("#{1 => [], 1.0 => [], -0.0 => [], 0.0 => [], {1.0} => []}")), NULL));
    is(c, crdt_value, SET("#{1 => [], 1.0 => [], 0.0 => [], -0.0 => [], {1} => [], {1.0} => []}"));
    crdt_free(c);
}

#define GSET_HEAD                                                                                  \
    "74 00000002 77 0a 5f5f7374727563745f5f 77 15 456c697869722e47726f76652e5365742e47536574"      \
    "77 08 656c656d656e7473"
#define MAPSET_HEAD                                                                                \
    "74 00000002 64 000a 5f5f7374727563745f5f 64 000d 456c697869722e4d6170536574 64 0003 6d6170"

/* An element is the same in any encoding. */
static void recognizes_any_encoding(void)
{
    struct crdt *c = make(type(), "a", "[{add, [#{1 => a, b => [1, 2]}]}, {add, [1.0]}]");
    /* #{b => [1, 2], 1 => a} with ATOM_EXT, LIST_EXT and LARGE_BIG_EXT; 1.0 as FLOAT_EXT; both
     * duplicated, as no BEAM writes them */
    const char *map = "74 00000002 64 0001 62 6c 00000002 6101 6102 6a 6f 00000001 0001"
                      "64 0001 61 6a";
    const char *text = "63 312e3030303030303030303030303030303030303030652b3030 0000000000 6a";
    struct buf all = {0};
    buf_printf(&all, GSET_HEAD MAPSET_HEAD "74 00000004 %s %s %s %s%c", map, text, map, text, 0);
    struct bytes given = hex((const char *)all.at);
    CU_ASSERT(!merge(c, given, NULL));
    is(c, crdt_value, SET("#{1.0 => [], #{1 => a, b => [1, 2]} => []}"));
    struct crdt *other = empty(type(), "a");
    CU_ASSERT(merge(other, given, NULL));
    CU_ASSERT(equivalent(other, c));
    buf_free(&all);
    crdt_free(other);
    crdt_free(c);
}

static void obeys_laws(void)
{
    static const struct sample states[] = {
        {"a", "[]"},
        {"a", "{add, [3]}"},
        {"b", "[{add, [3.0]}, {add, [3]}]"},
        {"c", "[{add, [[]]}, {add, [#{x => 1}]}]"},
    };
    static const char *const ops[] = {"{add, [1]}", "{add, [1.0]}", "{add, [<<\"x\">>]}",
                                      "{add, [{x, y}]}", "{add, [\"text\"]}"};
    check_laws_on_samples(type(), states, sizeof(states) / sizeof(states[0]));
    check_laws_on_random_states(type(), ops, sizeof(ops) / sizeof(ops[0]), 60);
    check_mutation_delta(type(), "[]", "{add, [1]}");
    check_mutation_delta(type(), "[{add, [1]}, {add, [2]}]",
                         "[{add, [2]}, {add, [3]}, {add, [-0.0]}]");
}

/* To the byte. */
static void round_trips(void)
{
    struct crdt *c = empty(type(), "a"), *copy = empty(type(), "a");
    size_t bad;
    for (int i = 0; i < 3000; i++) {
        struct buf op = {0};
        buf_printf(&op, "{add, [{%d, <<\"%d\">>}]}%c", i % 2000, i * 7919 % 2000, 0);
        CU_ASSERT(mutate(c, (const char *)op.at, &bad) == OK);
        buf_free(&op);
    }
    CU_ASSERT(join(copy, c));
    struct buf state = {0}, again = {0};
    crdt_state(c, &state);
    crdt_state(copy, &again);
    CU_ASSERT(equal_and_free(state, again));
    CU_ASSERT(equivalent(c, copy));
    crdt_free(copy);
    crdt_free(c);
}

/* Either form is read, and the configured one is written. */
static void writes_the_configured_form(void)
{
    struct bytes actor = term_of("a");
    struct bytes forms[] = {term_of(GSET("#{x => []}")),
                            term_of(GSET_OF(SET_OF_1_14("#{}"), SET_OF_1_14("#{x => []}"), ""))};
    const char *values[] = {SET("#{x => []}"), SET_OF_1_14("#{x => []}")};
    for (unsigned in = 0; in < 2; in++) {
        for (unsigned out = 0; out < 2; out++) {
            const struct crdt_options options = {actor, LAWS_SEED,
                                                 out == 0 ? MAPSET_PLAIN : MAPSET_VERSIONED};
            struct crdt *c = crdt_make(type(), &options);
            CU_ASSERT(merge(c, forms[in], NULL));
            struct buf state = put(c, crdt_state);
            ASSERT_TERM(buf_bytes(&state), forms[out]);
            is(c, crdt_value, values[out]);
            buf_free(&state);
            crdt_free(c);
        }
    }
}

static void refuses_malformed_structs(void)
{
    struct crdt *c = make(type(), "a", "{add, [3]}");
    refuses(c, term_of("nil"), ERR_TYPE);
    refuses(c, term_of(SET("#{x => []}")), ERR_TYPE);
    refuses(c, term_of("#{elements => " SET("#{x => []}") "}"), ERR_TYPE);
    refuses(c, term_of("#{'__struct__' => 'Elixir.Grove.Set.GSet'}"), ERR_SHAPE);
    refuses(c, term_of(GSET_OF(SET("#{y => []}"), "nil", "")), ERR_SHAPE);
    refuses(c, term_of(GSET_OF(SET("#{}"), "[x]", "")), ERR_SHAPE);
    refuses(c, term_of(GSET_OF(SET("#{}"), "#{x => []}", "")), ERR_SHAPE);
    refuses(c, term_of(GSET_OF(SET("#{}"), SET("[x]"), "")), ERR_SHAPE);
    refuses(c, term_of(GSET("#{x => [], y => true}")), ERR_SHAPE);
    refuses(c, term_of(GSET_OF(SET("#{}"), SET("#{x => [], y => nil}"), ", more => 1")), ERR_SHAPE);
    /* x, and #{1 => a, 1 => b} */
    refuses(c,
            hex(GSET_HEAD MAPSET_HEAD
                "74 00000002 7701 78 6a 74 00000002 6101 7701 61 6101 7701 62 6a"),
            ERR_DUPLICATE);
    crdt_free(c);
}

/* From a Grove that omits optional fields, or fills them differently. */
static void accepts_missing_fields(void)
{
    struct crdt *c = make(type(), "a", "[]");
    CU_ASSERT(merge(
        c, term_of("#{'__struct__' => 'Elixir.Grove.Set.GSet', elements => " SET("#{1 => []}") "}"),
        NULL));
    CU_ASSERT(merge(c, term_of(GSET_OF("nil", SET("#{2 => []}"), "")), NULL));
    CU_ASSERT(!merge(c, term_of(GSET_OF(SET("#{3 => []}"), SET("#{2 => []}"), "")), NULL));
    is(c, crdt_state, GSET("#{1 => [], 2 => []}"));
    crdt_free(c);
}

static void keeps_unknown_fields(void)
{
    struct crdt *c = make(type(), "a", "{add, [1]}"), *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(merge(c, term_of(GSET_OF(SET("#{}"), SET("#{}"), ", colour => red")), delta));
    is(c, crdt_state, GSET_OF(SET("#{}"), SET("#{1 => []}"), ", colour => red"));
    is(delta, crdt_state, GSET_OF(SET("#{}"), SET("#{}"), ", colour => red"));
    crdt_free(delta);
    delta = empty(type(), "a");
    CU_ASSERT(mutate_all(c, "{add, [2]}", delta, NULL, &bad) == OK);
    crdt_copy_extras(delta, c);
    is(delta, crdt_state, GSET_OF(SET("#{}"), SET("#{2 => []}"), ", colour => red"));
    crdt_free(delta);
    crdt_free(c);
}

static void survives_corruption(void)
{
    struct crdt *c = make(type(), "a", "{add, [3]}");
    check_corruption(c, term_of(GSET("#{1 => [], 2.5 => [], <<\"three\">> => [], [4] => []}")));
    check_corruption(c, term_of(GSET_OF(SET_OF_1_14("#{}"), SET_OF_1_14("#{{5, x} => []}"), "")));
    crdt_free(c);
}

static void matches_grove(void)
{
    CU_ASSERT(matches_recording("crdt/sets.etf", type()) == 7);
}

SUITE("gset", TEST(adds), TEST(delta_omits_known_elements), TEST(refuses_the_whole_batch),
      TEST(distinguishes_elements), TEST(recognizes_any_encoding), TEST(obeys_laws),
      TEST(round_trips), TEST(writes_the_configured_form), TEST(refuses_malformed_structs),
      TEST(accepts_missing_fields), TEST(keeps_unknown_fields), TEST(survives_corruption),
      TEST(matches_grove))
