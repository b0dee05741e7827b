#include "unit/crdt/rga_texts.h"

static void refuses_malformed_structs(void)
{
    static const struct {
        const char *text;
        enum err wanted;
    } wrong[] = {
        {"nil", ERR_TYPE},
        {"#{'__struct__' => 'Elixir.Grove.Set.GSet', elements => #{}}", ERR_TYPE},
        {"#{'__struct__' => 'Elixir.Grove.Sequence.RGA', clock => 0, elements => #{}}", ERR_SHAPE},
        {RGA_WITH("b", "nil", "", "", ""), ERR_SHAPE},
        {RGA_WITH("b", "1.0", "", "", ""), ERR_SHAPE},
        {RGA_WITH("b", "-1", "", "", ""), ERR_RANGE},
        {RGA_WITH("b", "9223372036854775808", "", "", ""), ERR_RANGE},
        {RGA("b", 1, E(b, 1, HEAD, 1, x) ", {b, 2} => x", ""), ERR_SHAPE},
        {RGA("b", 1, E(b, 1, HEAD, 1, x) ", {b, 2} => #{}", ""), ERR_SHAPE},
        {RGA("b", 1, E(b, 1, "tail", 1, x), ""), ERR_SHAPE},
        {RGA("b", 1, E(b, 1, "{b}", 1, x), ""), ERR_SHAPE},
        {RGA("b", 1, E(b, 1, "{b,-2}", 1, x), ""), ERR_RANGE},
        {RGA("b", 1, E(b, -1, HEAD, 1, x), ""), ERR_RANGE},
        {RGA("b", 1, E(b, 9223372036854775808, HEAD, 1, x), ""), ERR_RANGE},
        {RGA("b", 1, ELEMENT("b", HEAD, STAMP(b, 1, 0, ""), "x", ""), ""), ERR_SHAPE},
        {RGA("b", 1, ELEMENT("{b,1}", HEAD, "7", "x", ""), ""), ERR_SHAPE},
        {RGA("b", 1, ELEMENT("{b,1}", HEAD, STAMP(b, x, 0, ""), "x", ""), ""), ERR_SHAPE},
        {RGA("b", 1, ELEMENT("{b,1}", HEAD, STAMP(b, 1, -1, ""), "x", ""), ""), ERR_RANGE},
        {RGA("b", 1, KEYED("{b,1}", "{b,2}", HEAD, STAMP(b, 1, 0, ""), "x", ""), ""), ERR_SHAPE},
        {RGA("b", 1, KEYED("{1,1}", "{1.0,1}", HEAD, STAMP(b, 1, 0, ""), "x", ""), ""), ERR_SHAPE},
        {RGA("b", 1, "", "b => []"), ERR_SHAPE},
        {RGA("b", 1, "", TOMBSTONE(b, 1) ", {b, 2} => true"), ERR_SHAPE},
        {RGA("b", 1, "", "{b, -1} => []"), ERR_RANGE},
    };
    struct crdt *c = make(type(), "a", "{insert, [x, head]}");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        refuses(c, term_of(wrong[i].text), wrong[i].wanted);
    refuses(c,
            term_of("#{'__struct__' => 'Elixir.Grove.Sequence.RGA', clock => 0,"
                    " elements => [], tombstones => #{}}"),
            ERR_SHAPE);
    refuses(c,
            term_of("#{'__struct__' => 'Elixir.Grove.Sequence.RGA', clock => 0,"
                    " elements => #{}, tombstones => #{}}"),
            ERR_SHAPE);
    crdt_free(c);
}

/* A map with a duplicate key has no canonical form. */
static void refuses_values_without_canonical_form(void)
{
    struct crdt *c = empty(type(), "a");
    struct bytes good = term_of(
        RGA("b", 1, ELEMENT("{b,1}", HEAD, STAMP(b, 1, 0, ""), "#{1 => 2, 3 => 4}", ""), ""));
    struct buf copy = {0};
    static const uint8_t three[] = {97, 3, 97, 4}, one[] = {97, 1, 97, 4};
    buf_put(&copy, good);
    size_t at = 0;
    while (memcmp(copy.at + at, three, sizeof(three)) != 0)
        at++;
    memcpy(copy.at + at, one, sizeof(one));
    refuses(c, buf_bytes(&copy), ERR_DUPLICATE);
    buf_free(&copy);
    crdt_free(c);
}

/* From a Grove with more fields: in the sequence, in an element, in a time. */
static void keeps_unknown_fields(void)
{
    static const char wider[] = RGA_WITH(
        "a", "2",
        ALL(ELEMENT("{b,1}", HEAD, STAMP(b, 1, 0, ", 'Drift' => 3, zone => utc"), "x",
                    ", author => {1}, 'Z' => []"),
            ELEMENT("{b,2}", "{b,1}", STAMP(b, 2, 0, ""), "y", ", '__struct__' => 'Elixir.Node'")),
        TOMBSTONE(b, 3), ", hlc => 7");
    struct crdt *c = empty(type(), "a"), *delta = empty(type(), "a"), *again = empty(type(), "a");
    CU_ASSERT(merge(c, wider, delta));
    is(c, crdt_value, "[x, y]");
    is(c, crdt_state, wider);
    is(delta, crdt_state, wider);
    CU_ASSERT(join(again, delta));
    is(again, crdt_state, wider);
    CU_ASSERT(!merge(c, wider, NULL));
    crdt_free(again);
    crdt_free(delta);
    crdt_free(c);
}

static void survives_corruption(void)
{
    struct crdt *c = make(type(), "a", "[{insert, [x, head]}, {insert, [y, {b, 1}]}]");
    check_corruption(c, term_of(RGA_WITH("b", "300",
                                         ALL(ELEMENT("{b,1}", HEAD, STAMP(b, 70000, 2, ", u => 1"),
                                                     "x", ", w => []"),
                                             E(b, 2, "{b,1}", 80000, y), E(a, 1, "{b,2}", 5, z)),
                                         ALL(TOMBSTONE(b, 2), TOMBSTONE(c, 1)), "")));
    crdt_free(c);
}

/* --- recorded structs --------------------------------------------------------------------- */

static struct bytes field_of(struct bytes checked, const char *name)
{
    struct etf_in in = etf_open(checked);
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        bool found = etf_accept(&in, name);
        if (!found)
            etf_any(&in);
        struct bytes value = etf_any(&in);
        if (found)
            return value;
    }
    return (struct bytes){0};
}

static void agrees_with(struct bytes given, struct bytes wanted, struct bytes worth)
{
    struct term actor, state, value;
    CU_ASSERT(canon_copy(&actor, field_of(given, "replica_id")) == OK);
    CU_ASSERT(canon_copy(&state, wanted) == OK);
    CU_ASSERT(canon_copy(&value, worth) == OK);
    struct crdt_options options = {term_bytes(&actor), LAWS_SEED, MAPSET_VERSIONED};
    struct crdt *c = crdt_make(type(), &options);
    bool changed;
    CU_ASSERT(crdt_merge(c, wall(given), NULL, &changed) == OK);
    crdt_check(c);
    struct buf got = put(c, crdt_state), got_value = put(c, crdt_value);
    ASSERT_TERM(buf_bytes(&got), term_bytes(&state));
    ASSERT_TERM(buf_bytes(&got_value), term_bytes(&value));
    buf_free(&got);
    buf_free(&got_value);
    crdt_free(c);
    term_free(&actor);
    term_free(&state);
    term_free(&value);
}

static void matches_grove(void)
{
    struct bytes file = vector("crdt/rgas.etf"), entry;
    struct etf_in in = etf_open((struct bytes){file.at + 1, file.len - 1});
    size_t agreed = 0;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &entry); agreed++) {
        struct etf_in at = etf_open(entry);
        etf_tuple_of(&at, 4);
        etf_any(&at);
        struct bytes given = etf_any(&at), state = etf_any(&at);
        agrees_with(given, state, etf_any(&at));
    }
    CU_ASSERT(etf_finish(&in) == OK && agreed == 15);
}

SUITE("rga_wire", TEST(refuses_malformed_structs), TEST(refuses_values_without_canonical_form),
      TEST(keeps_unknown_fields), TEST(survives_corruption), TEST(matches_grove))
