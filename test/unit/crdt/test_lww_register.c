#include "crdt/figures.h"
#include "limits.h"
#include "unit/crdt/laws.h"

#define MODULE "'__struct__' => 'Elixir.Grove.Register.LWWRegister'"
#define LWW(timestamp, actor, value)                                                               \
    "#{" MODULE ", actor => " actor ", delta_dirty => false, timestamp => " timestamp              \
    ", value => " value "}"

static const struct crdt_type *type(void)
{
    return crdt_type_named(BYTES("lww_register"));
}

static bool merge(struct crdt *c, const char *text, struct crdt *delta)
{
    bool changed = false;
    CU_ASSERT(crdt_merge(c, wall(term_of(text)), delta, &changed) == OK);
    crdt_check(c);
    return changed;
}

static void is_found_by_both_names(void)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(type());
    CU_ASSERT(type() == crdt_type_named(BYTES("Elixir.Grove.Register.LWWRegister")));
    CU_ASSERT(crdt_type_of(term_of(LWW("0", "a", "nil"))) == type());
}

static void sets(void)
{
    struct crdt *c = empty(type(), "a");
    is(c, crdt_value, "nil");
    is(c, crdt_state, LWW("0", "a", "nil"));
    replies(c, "{set, [x]}", "[ok]");
    is(c, crdt_value, "x");
    is(c, crdt_state, LWW("1", "a", "x"));
    replies(c, "[{set, [y]}, {set, [z]}, {set, [{1, [2.0]}]}]", "[ok, ok, ok]");
    is(c, crdt_state, LWW("4", "a", "{1, [2.0]}"));
    replies(c, "{set, [nil]}", "[ok]");
    is(c, crdt_state, LWW("5", "a", "nil"));
    CU_ASSERT(!crdt_empty(c) && crdt_tombstones(c) == 0);
    replies(c, "[]", "[]");
    crdt_free(c);
}

static void sets_at_an_explicit_timestamp(void)
{
    struct crdt *c = make(type(), "a", "{set, [x, 10]}");
    is(c, crdt_state, LWW("10", "a", "x"));
    replies(c, "[{set, [y, 9]}, {set, [w, 10]}]", "[ok, ok]");
    is(c, crdt_state, LWW("10", "a", "x"));
    replies(c, "[{set, [y, 10]}, {set, [z]}]", "[ok, ok]");
    is(c, crdt_state, LWW("11", "a", "z"));
    replies(c, "[{set, [u]}, {set, [v, 3]}, {set, [y, 100]}, {set, [z, 99]}]", "[ok, ok, ok, ok]");
    is(c, crdt_state, LWW("100", "a", "y"));
    crdt_free(c);
}

static void refuses_the_whole_batch(void)
{
    static const char *const wrong[] = {
        "[{set, [x]}, set]",           "[{set, [x]}, {set, [y, -1]}]",
        "[{set, [x]}, {set, [y, z]}]", "[{set, [x]}, {set, [y, 1.0]}]",
        "[{set, [x]}, {put, [y]}]",    "[{set, [x]}, {set, [y, 1, 2]}]",
        "[{set, [x]}, {value, []}]",   "[{set, [x]}, {set, []}]",
    };
    struct crdt *c = make(type(), "a", "{set, [w]}"), *delta = empty(type(), "a");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        size_t bad;
        CU_ASSERT(mutate_all(c, wrong[i], delta, NULL, &bad) == ERR_BAD_OP && bad == 1);
        is(c, crdt_state, LWW("1", "a", "w"));
        CU_ASSERT(crdt_empty(delta));
    }
    crdt_free(delta);
    crdt_free(c);
}

/* In ascending order: by timestamp, actor, value, and last by key order, which distinguishes 1 and
 * 1.0. */
static const char *const ascending[] = {
    LWW("0", "<<\"zz\">>", "nil"),
    LWW("0", "a", "a"),
    LWW("1", "a", "z"),
    LWW("1", "b", "nil"),
    LWW("2", "-1.5", "z"),
    LWW("2", "1", "z"),
    LWW("2", "1.0", "z"),
    LWW("2", "2", "y"),
    LWW("2", "a", "y"),
    LWW("2", "{}", "y"),
    LWW("2", "{1, b}", "9"),
    LWW("2", "{1.0, b}", "9"),
    LWW("2", "#{}", "y"),
    LWW("2", "[]", "y"),
    LWW("2", "[0]", "y"),
    LWW("2", "<<>>", "y"),
    LWW("2", "<<\"a\">>", "-18446744073709551616"),
    LWW("2", "<<\"a\">>", "-1"),
    LWW("2", "<<\"a\">>", "-1.0"),
    LWW("2", "<<\"a\">>", "0"),
    LWW("2", "<<\"a\">>", "1"),
    LWW("2", "<<\"a\">>", "1.0"),
    LWW("2", "<<\"a\">>", "9007199254740992.0"),
    LWW("2", "<<\"a\">>", "9007199254740993"),
    LWW("2", "<<\"a\">>", "nil"),
    LWW("2", "<<\"a\">>", "[1, 2]"),
    LWW("2", "<<\"a\">>", "[1.0, 2]"),
    LWW("2", "<<\"a\">>", "[1, 3]"),
    LWW("2", "<<\"a\">>", "<<\"b\">>"),
    LWW("2", "<<\"b\">>", "-1"),
    LWW("256", "a", "a"),
    LWW("18446744073709551616", "-1", "a"),
    LWW("18446744073709551617", "-2", "a"),
};

/* The greater of two wins, whichever arrives first. */
static void check_order(struct bytes lesser, struct bytes greater)
{
    struct crdt *up = empty(type(), "eye"), *down = empty(type(), "eye");
    bool changed;
    CU_ASSERT(crdt_merge(up, wall(lesser), NULL, &changed) == OK);
    CU_ASSERT(crdt_merge(up, wall(greater), NULL, &changed) == OK && changed);
    CU_ASSERT(crdt_merge(up, wall(lesser), NULL, &changed) == OK && !changed);
    CU_ASSERT(crdt_merge(down, wall(greater), NULL, &changed) == OK && changed);
    CU_ASSERT(crdt_merge(down, wall(lesser), NULL, &changed) == OK && !changed);
    struct buf wanted = {0}, got = put(up, crdt_state);
    CU_ASSERT(canon_put(&wanted, greater) == OK);
    ASSERT_TERM(buf_bytes(&got), buf_bytes(&wanted));
    CU_ASSERT(equal_and_free(got, put(down, crdt_state)));
    buf_free(&wanted);
    crdt_check(up);
    crdt_free(up);
    crdt_free(down);
}

static void breaks_ties(void)
{
    size_t n = sizeof(ascending) / sizeof(ascending[0]);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++)
            check_order(term_of(ascending[i]), term_of(ascending[j]));
    }
}

/* Two actors at one explicit timestamp. */
static void breaks_ties_of_explicit_timestamps(void)
{
    struct crdt *a = make(type(), "a", "{set, [z, 5]}"), *b = make(type(), "b", "{set, [y, 5]}");
    CU_ASSERT(join(a, b));
    CU_ASSERT(!join(b, a));
    is(a, crdt_state, LWW("5", "b", "y"));
    replies(a, "{set, [z, 5]}", "[ok]");
    is(a, crdt_state, LWW("5", "b", "y"));
    crdt_free(a);
    crdt_free(b);
}

static void matches_grove_order(void)
{
    struct bytes file = vector("crdt/registers.etf"), writes[128];
    struct etf_in in = etf_open((struct bytes){file.at + 1, file.len - 1});
    size_t n = 0;
    etf_tuple_of(&in, 2);
    struct bytes write;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &write);) {
        CU_ASSERT_FATAL(n < sizeof(writes) / sizeof(writes[0]));
        writes[n++] = write;
    }
    CU_ASSERT(in.err == OK && n == 97);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++)
            check_order(writes[i], writes[j]);
    }
}

/* Grove's empty delta changes nothing, even if its actor is greater. */
static void ignores_an_empty_register(void)
{
    struct crdt *c = empty(type(), "a"), *delta = empty(type(), "a");
    CU_ASSERT(!merge(c, LWW("0", "z", "nil"), delta));
    CU_ASSERT(crdt_empty(c) && crdt_empty(delta));
    is(c, crdt_state, LWW("0", "a", "nil"));
    replies(c, "{set, [nil, 0]}", "[ok]");
    CU_ASSERT(crdt_empty(c));
    replies(c, "{set, [x, 0]}", "[ok]");
    is(c, crdt_state, LWW("0", "a", "x"));
    CU_ASSERT(!merge(c, LWW("0", "z", "nil"), delta));
    replies(c, "{set, [nil, 0]}", "[ok]");
    is(c, crdt_state, LWW("0", "a", "x"));
    CU_ASSERT(merge(c, LWW("1", "z", "nil"), delta));
    is(c, crdt_state, LWW("1", "z", "nil"));
    is(delta, crdt_state, LWW("1", "z", "nil"));
    crdt_free(delta);
    crdt_free(c);
}

/* A set gets a later timestamp than everything seen, and our own actor. */
static void set_supersedes_what_was_seen(void)
{
    struct crdt *c = make(type(), "a", "{set, [x]}"), *peer = empty(type(), "z"),
                *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(merge(c, LWW("41", "z", "y"), NULL));
    CU_ASSERT(merge(peer, LWW("41", "z", "y"), NULL));
    is(c, crdt_state, LWW("41", "z", "y"));
    CU_ASSERT(mutate_all(c, "{set, [x]}", delta, NULL, &bad) == OK);
    is(c, crdt_state, LWW("42", "a", "x"));
    is(delta, crdt_state, LWW("42", "a", "x"));
    CU_ASSERT(join(peer, delta));
    is(peer, crdt_value, "x");
    crdt_free(peer);
    crdt_free(delta);
    crdt_free(c);
}

static void timestamps_exceed_64_bits(void)
{
    struct crdt *c = make(type(), "a", "{set, [x, 18446744073709551615]}");
    replies(c, "{set, [y]}", "[ok]");
    is(c, crdt_state, LWW("18446744073709551616", "a", "y"));
    replies(c, "[{set, [z]}, {set, [w, 255]}]", "[ok, ok]");
    is(c, crdt_state, LWW("18446744073709551617", "a", "z"));
    crdt_free(c);
}

/* The text of 2^(8 * bytes) - 1 between before and after. */
static struct buf around(const char *before, size_t bytes, const char *after)
{
    struct buf text = {0};
    buf_printf(&text, "%s16#", before);
    for (size_t i = 0; i < bytes; i++)
        buf_printf(&text, "ff");
    buf_printf(&text, "%s", after);
    buf_put_u8(&text, 0);
    return text;
}

/* The limits include tag, length (4 bytes from 256 digits on) and sign. */
#define MOST     (LIMIT_TIMESTAMP_BYTES - 6)
#define MOST_SET (LIMIT_SET_TIMESTAMP_BYTES - 6)

static void limits_timestamps(void)
{
    struct crdt *c = make(type(), "a", "{set, [w]}");
    struct buf much = around("{set, [x, ", MOST_SET + 1, "]}");
    struct buf most = around("[{set, [x, ", MOST_SET, "]}, {set, [y]}]");
    struct buf taken = around("#{" MODULE ", actor => b, value => x, timestamp => ", MOST, "}");
    struct buf refused =
        around("#{" MODULE ", actor => b, value => x, timestamp => ", MOST + 1, "}");
    size_t bad;
    CU_ASSERT(mutate(c, (const char *)much.at, &bad) == ERR_LIMIT && bad == 0);
    is(c, crdt_state, LWW("1", "a", "w"));
    CU_ASSERT(mutate(c, (const char *)most.at, &bad) == OK);
    is(c, crdt_value, "y");
    refuses(c, term_of((const char *)refused.at), ERR_LIMIT);
    CU_ASSERT(merge(c, (const char *)taken.at, NULL));
    is(c, crdt_value, "x");
    CU_ASSERT(mutate(c, "{set, [y]}", &bad) == ERR_LIMIT && bad == 0);
    buf_free(&much);
    buf_free(&most);
    buf_free(&taken);
    buf_free(&refused);
    crdt_free(c);
}

static void join_fills_the_delta(void)
{
    struct crdt *c = make(type(), "a", "{set, [x]}"), *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(mutate_all(c, "[{set, [y]}, {set, [z]}]", delta, NULL, &bad) == OK);
    is(delta, crdt_state, LWW("3", "a", "z"));
    CU_ASSERT(!merge(c, LWW("3", "a", "y"), delta));
    CU_ASSERT(merge(c, LWW("3", "b", "y"), delta));
    is(delta, crdt_state, LWW("3", "b", "y"));
    crdt_free(delta);
    delta = empty(type(), "a");
    CU_ASSERT(mutate_all(c, "{set, [x, 2]}", delta, NULL, &bad) == OK);
    CU_ASSERT(crdt_empty(delta));
    crdt_free(delta);
    crdt_free(c);
}

static void obeys_laws(void)
{
    static const struct sample states[] = {
        {"a", "[]"},
        {"a", "{set, [x]}"},
        {"b", "{set, [1, 1]}"},
        {"b", "{set, [1.0, 1]}"},
        {"1", "[{set, [nil, 7]}, {set, [y]}]"},
        {"1.0", "[{set, [nil, 7]}, {set, [y]}]"},
        {"c", "{set, [x, 0]}"},
        {"<<\"b\">>", "{set, [#{a => [1]}, 18446744073709551616]}"},
    };
    check_laws_on_samples(type(), states, sizeof(states) / sizeof(states[0]));
    check_mutation_delta(type(), "[]", "{set, [x]}");
    check_mutation_delta(type(), "{set, [x]}", "{set, [x]}");
    check_mutation_delta(type(), "{set, [x, 9]}", "[{set, [y, 4]}, {set, [y, 12]}]");
}

/* Few values, actors and timestamps, for many ties. */
static void random_states_obey_laws(void)
{
    static const char *const actors[] = {"1", "1.0", "a", "b", "{1, 2}", "{1.0, 2}"};
    static const char *const values[] = {"1", "1.0", "nil", "[]", "<<\"x\">>"};
    uint32_t chance = 1;
    for (int round = 0; round < 20; round++) {
        struct crdt *s[6];
        for (size_t i = 0; i < 6; i++) {
            char ops[64];
            chance = chance * 1664525 + 1013904223;
            snprintf(ops, sizeof(ops), "{set, [%s, %u]}", values[(chance >> 16) % 5],
                     chance >> 28 & 1);
            s[i] = make(type(), actors[(chance >> 24) % 6], ops);
        }
        check_laws(s, 6);
        for (size_t i = 0; i < 6; i++)
            crdt_free(s[i]);
    }
}

static void round_trips(void)
{
    static const char *const ops[] = {"[]", "{set, [x]}", "{set, [nil]}", "{set, [x, 0]}",
                                      "{set, [#{1 => a, 1.0 => b}, 340282366920938463463]}"};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        struct crdt *c = make(type(), "a", ops[i]), *copy = empty(type(), "a");
        CU_ASSERT(join(copy, c) == !crdt_empty(c));
        CU_ASSERT(equal_and_free(put(copy, crdt_state), put(c, crdt_state)));
        CU_ASSERT(equal_and_free(put(copy, crdt_value), put(c, crdt_value)));
        crdt_free(c);
        crdt_free(copy);
    }
}

static void refuses_malformed_structs(void)
{
    struct crdt *c = make(type(), "a", "{set, [x]}");
    refuses(c, term_of("nil"), ERR_TYPE);
    refuses(c, term_of("#{actor => b, timestamp => 9, value => y}"), ERR_TYPE);
    refuses(c, term_of("#{" MODULE "}"), ERR_SHAPE);
    refuses(c, term_of("#{" MODULE ", timestamp => 9, value => y}"), ERR_SHAPE);
    refuses(c, term_of("#{" MODULE ", actor => b, value => y}"), ERR_SHAPE);
    refuses(c, term_of("#{" MODULE ", actor => b, timestamp => 9}"), ERR_SHAPE);
    refuses(c, term_of(LWW("nil", "b", "y")), ERR_SHAPE);
    refuses(c, term_of(LWW("9.0", "b", "y")), ERR_SHAPE);
    refuses(c, term_of(LWW("-1", "b", "y")), ERR_RANGE);
    refuses(c, term_of(LWW("-18446744073709551616", "b", "y")), ERR_RANGE);
    /* the value is a map with a duplicate key */
    refuses(c,
            hex("74 00000004 770a 5f5f7374727563745f5f"
                "7721 456c697869722e47726f76652e52656769737465722e4c57575265676973746572"
                "7705 6163746f72 7701 62 7709 74696d657374616d70 6109"
                "7705 76616c7565 74 00000002 6101 6101 6101 6102"),
            ERR_DUPLICATE);
    CU_ASSERT(merge(c, "#{" MODULE ", actor => b, timestamp => 9, value => y}", NULL));
    is(c, crdt_state, LWW("9", "b", "y"));
    crdt_free(c);
}

#define WIDER(timestamp, value, more)                                                              \
    "#{" MODULE ", actor => a, delta_dirty => false, timestamp => " timestamp ", value => " value  \
    ", " more "}"

static void keeps_unknown_fields(void)
{
    struct crdt *c = make(type(), "a", "{set, [x]}"), *delta = empty(type(), "a");
    CU_ASSERT(merge(c, WIDER("0", "nil", "hlc => 3"), delta));
    is(c, crdt_state, WIDER("1", "x", "hlc => 3"));
    is(delta, crdt_state, WIDER("0", "nil", "hlc => 3"));
    crdt_free(delta);
    crdt_free(c);
}

static void survives_corruption(void)
{
    struct crdt *c = make(type(), "a", "{set, [x]}");
    check_corruption(c, term_of(LWW("18446744073709551616", "<<\"b\">>", "{y, [1.5], #{1 => 2}}")));
    crdt_free(c);
}

SUITE("lww_register", TEST(is_found_by_both_names), TEST(sets), TEST(sets_at_an_explicit_timestamp),
      TEST(refuses_the_whole_batch), TEST(breaks_ties), TEST(breaks_ties_of_explicit_timestamps),
      TEST(matches_grove_order), TEST(ignores_an_empty_register),
      TEST(set_supersedes_what_was_seen), TEST(timestamps_exceed_64_bits), TEST(limits_timestamps),
      TEST(join_fills_the_delta), TEST(obeys_laws), TEST(random_states_obey_laws),
      TEST(round_trips), TEST(refuses_malformed_structs), TEST(keeps_unknown_fields),
      TEST(survives_corruption))
