#include "unit/crdt/or_sets.h"

static void drops_elements_without_tags(void)
{
    struct crdt *c = empty(type(), "a");
    CU_ASSERT(!merge_text(c, ORSET("0", "x => " SET("") ", y => " SET_OF_1_14(""), "")));
    CU_ASSERT(crdt_empty(c));
    CU_ASSERT(merge_text(c, ORSET("2", "x => " SET("") ", y => " TAG("{b, 2}"), "{b, 1} => []")));
    is(c, crdt_state, ORSET("2", "y => " TAG("{b, 2}"), "{b, 1} => []"));
    crdt_free(c);
}

static void subtracts_tombstones(void)
{
    struct crdt *c = make(type(), "a", "[{add, [x]}, {remove, [x]}]");
    /* ours from theirs; theirs from theirs; theirs from ours */
    CU_ASSERT(!merge_text(c, ORSET("1", "x => " TAG("{a, 1}"), "")));
    CU_ASSERT(merge_text(c, ORSET("1", "z => " SET("{c, 1} => [], {c, 2} => []"), "{c, 1} => []")));
    is(c, crdt_state, ORSET("1", "z => " TAG("{c, 2}"), "{a, 1} => [], {c, 1} => []"));
    CU_ASSERT(merge_text(c, ORSET("1", "", "{c, 2} => []")));
    is(c, crdt_value, SET(""));
    crdt_free(c);
}

/* An actor that lost its state reuses tags: removing one element then removes the others with that
 * tag, on every replica. */
static void tombstone_removes_all_elements_of_its_tag(void)
{
    enum { SHARING = 24 };
    for (unsigned sharing = 2; sharing <= SHARING; sharing++) {
        struct buf entries = {0};
        for (unsigned i = 0; i < sharing; i++)
            buf_printf(&entries, "%u => " TAG("{b, 1}") ", ", i);
        buf_printf(&entries, "x => " SET("{b, 1} => [], {b, 2} => []") "%c", 0);
        struct buf struct_text = {0};
        buf_printf(&struct_text, ORSET("0", "%s", "") "%c", (const char *)entries.at, 0);
        struct crdt *here = empty(type(), "a"), *there = empty(type(), "a"),
                    *delta = empty(type(), "a");
        CU_ASSERT(merge_text(here, (const char *)struct_text.at));
        join(there, here);
        join(delta, here);
        apply(here, "{remove, [1]}", delta);
        CU_ASSERT(merge_text(there, ORSET("0", "", "{b, 1} => []")));
        is(here, crdt_state, ORSET("0", "x => " TAG("{b, 2}"), "{b, 1} => []"));
        CU_ASSERT(equivalent(here, there) && equivalent(here, delta));
        CU_ASSERT(!merge_text(here, (const char *)struct_text.at));
        crdt_free(here);
        crdt_free(there);
        crdt_free(delta);
        buf_free(&entries);
        buf_free(&struct_text);
    }
}

static void ignores_the_delta_buffer(void)
{
    static const char *const buffers[] = {"nil", "#{}", ORSET("9", "z => " TAG("{a, 9}"), "")};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
        struct buf text = {0};
        struct crdt *c = empty(type(), "a");
        buf_printf(&text, ORSET_OF("%s", "1", "#{x => " TAG("{b, 1}") "}", SET("")) "%c",
                   buffers[i], 0);
        CU_ASSERT(merge_text(c, (const char *)text.at));
        is(c, crdt_state, ORSET("1", "x => " TAG("{b, 1}"), ""));
        crdt_free(c);
        buf_free(&text);
    }
}

/* Either form is read, and the configured one is written. */
static void writes_the_configured_form(void)
{
    struct bytes forms[] = {
        term_of(ORSET("2", "x => " TAG("{b, 1}") ", y => " SET("{b, 2} => [], {b, 3} => []"),
                      "{a, 2} => []")),
        term_of(ORSET_OF("nil", "2",
                         "#{x => " SET_OF_1_14("{b, 1} => []") ", y => " SET_OF_1_14(
                             "{b, 2} => [], {b, 3} => []") "}",
                         SET_OF_1_14("{a, 2} => []"))),
    };
    const char *values[] = {SET("x => [], y => []"), SET_OF_1_14("x => [], y => []")};
    for (unsigned in = 0; in < 2; in++) {
        for (unsigned out = 0; out < 2; out++) {
            const struct crdt_options options = {term_of("a"), LAWS_SEED,
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

#define ORSET_HEAD                                                                                 \
    "74 00000003 770a 5f5f7374727563745f5f 7716 456c697869722e47726f76652e5365742e4f52536574"      \
    "770a 746f6d6273746f6e6573 74 00000002 770a 5f5f7374727563745f5f 770d "                        \
    "456c697869722e4d6170536574 7703 6d6170 74 00000000"                                           \
    "7707 656e7472696573"
/* A MapSet as written by OTP 26 and later: map comes first. */
#define TAGS_HEAD "74 00000002 7703 6d6170 74 00000001"
#define TAGS_END  "770a 5f5f7374727563745f5f 770d 456c697869722e4d6170536574"

static struct bytes entries_of(const char *count, const char *first, const char *second)
{
    struct buf text = {0};
    buf_printf(&text, ORSET_HEAD "74 %s %s %s%c", count, first, second, 0);
    struct bytes given = hex((const char *)text.at);
    buf_free(&text);
    return given;
}

#define ENTRY(element, tag) element TAGS_HEAD tag "6a" TAGS_END

/* The bytes around a single tag are recognized; those that only begin like them are not. */
static void reads_sets_of_one_tag(void)
{
    struct crdt *c = empty(type(), "a");
    const char *first = ENTRY("7701 78", "6802 7701 62 6101");
    CU_ASSERT(merge(c, entries_of("00000002", first, ENTRY("7701 79", "6802 7701 63 6105")), NULL));
    is(c, crdt_state, ORSET("0", "x => " TAG("{b, 1}") ", y => " TAG("{c, 5}"), ""));
    /* another encoding of the same tag; two tags; the other form */
    CU_ASSERT(!merge(
        c, entries_of("00000002", first, ENTRY("7701 79", "69 00000002 64 0001 63 62 00000005")),
        NULL));
    CU_ASSERT(merge(c,
                    entries_of("00000002", first,
                               "7701 7a 74 00000002 7703 6d6170 74 00000002"
                               "6802 7701 62 6102 6a 6802 7701 62 6103 6a" TAGS_END),
                    NULL));
    CU_ASSERT(merge(c,
                    entries_of("00000002", first,
                               "7701 7a 74 00000003" TAGS_END "7703 6d6170 74 00000001"
                               "6802 7701 62 6104 6a 7707 76657273696f6e 6102"),
                    NULL));
    is(c, crdt_state,
       ORSET("0",
             "x => " TAG("{b, 1}") ", y => " TAG("{c, 5}") ", z => " SET(
                 "{b, 2} => [], {b, 3} => [], {b, 4} => []"),
             ""));
    /* not a MapSet after all; a value other than []; not a tag; an empty list */
    refuses(c,
            entries_of("00000002", first,
                       "7701 7a" TAGS_HEAD "6802 7701 62 6109 6a"
                       "770a 5f5f7374727563745f5f 770d 456c697869722e4d6170536573"),
            ERR_SHAPE);
    refuses(c, entries_of("00000002", first, "7701 7a" TAGS_HEAD "6802 7701 62 6109 6109" TAGS_END),
            ERR_SHAPE);
    refuses(c, entries_of("00000002", first, ENTRY("7701 7a", "7701 62")), ERR_SHAPE);
    refuses(c, entries_of("00000002", first, "7701 7a 6a"), ERR_SHAPE);
    crdt_free(c);
}

/* An element is the same in any encoding.  Duplicates, which no BEAM sends, get the tags of
 * both. */
static void recognizes_any_encoding(void)
{
    struct crdt *c = empty(type(), "a");
    /* #{b => [1, 2], 1 => a} with ATOM_EXT, LIST_EXT and LARGE_BIG_EXT; and canonical */
    const char *old = "74 00000002 64 0001 62 6c 00000002 6101 6102 6a 6f 00000001 0001 64 0001 61";
    CU_ASSERT(merge_text(c, ORSET("0", "#{1 => a, b => [1, 2]} => " TAG("{b, 1}"), "")));
    struct buf first = {0}, second = {0};
    buf_printf(&first, ENTRY("%s", "6802 7701 62 6101") "%c", old, 0);
    buf_printf(&second, ENTRY("%s", "6802 7701 62 6102") "%c", old, 0);
    CU_ASSERT(
        merge(c, entries_of("00000002", (const char *)first.at, (const char *)second.at), NULL));
    is(c, crdt_state,
       ORSET("0", "#{1 => a, b => [1, 2]} => " SET("{b, 1} => [], {b, 2} => []"), ""));
    /* #{1 => a, 1 => b} */
    refuses(c,
            entries_of("00000001", "74 00000002 6101 7701 61 6101 7701 62",
                       TAGS_HEAD "6802 7701 62 6109 6a" TAGS_END),
            ERR_DUPLICATE);
    buf_free(&first);
    buf_free(&second);
    crdt_free(c);
}

static void refuses_malformed_structs(void)
{
    struct crdt *c = make(type(), "a", "{add, [3]}");
    refuses(c, term_of("nil"), ERR_TYPE);
    refuses(c, term_of(SET("x => []")), ERR_TYPE);
    refuses(c, term_of("#{'__struct__' => 'Elixir.Grove.Set.GSet'}"), ERR_TYPE);
    refuses(c, term_of("#{'__struct__' => 'Elixir.Grove.Set.ORSet'}"), ERR_SHAPE);
    refuses(c, term_of(ORSET_OF("nil", "0", "[]", SET(""))), ERR_SHAPE);
    refuses(c, term_of(ORSET_OF("nil", "0", SET("x => []"), SET(""))), ERR_SHAPE);
    refuses(c, term_of(ORSET_OF("nil", "0", "#{}", "#{}")), ERR_SHAPE);
    refuses(c, term_of(ORSET_OF("nil", "0", "#{x => []}", SET(""))), ERR_SHAPE);
    refuses(c, term_of(ORSET_OF("nil", "0", "#{x => #{{b, 1} => []}}", SET(""))), ERR_SHAPE);
    refuses(c, term_of(ORSET("0", "x => " SET("{b, 1} => [], {b, 2} => true"), "")), ERR_SHAPE);
    crdt_free(c);
}

static void refuses_malformed_tags(void)
{
    static const struct {
        const char *tag;
        enum err wanted;
    } wrong[] = {
        {"b", ERR_SHAPE},
        {"{b}", ERR_SHAPE},
        {"{b, 1, 2}", ERR_SHAPE},
        {"{b, c}", ERR_SHAPE},
        {"[b | 1]", ERR_SHAPE},
        {"{b, 1.0}", ERR_SHAPE},
        {"{b, -1}", ERR_RANGE},
        {"{b, 9223372036854775808}", ERR_RANGE},
        {"{b, 18446744073709551617}", ERR_RANGE},
    };
    struct crdt *c = make(type(), "a", "{add, [3]}");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct buf held = {0}, buried = {0};
        buf_printf(&held, ORSET("0", "1 => " TAG("{b, 1}") ", x => " TAG("%s"), "") "%c",
                   wrong[i].tag, 0);
        buf_printf(&buried, ORSET("0", "1 => " TAG("{b, 1}"), "%s => []") "%c", wrong[i].tag, 0);
        refuses(c, term_of((const char *)held.at), wrong[i].wanted);
        refuses(c, term_of((const char *)buried.at), wrong[i].wanted);
        buf_free(&held);
        buf_free(&buried);
    }
    refuses(c, term_of(ORSET("-1", "1 => " TAG("{b, 1}"), "")), ERR_RANGE);
    refuses(c, term_of(ORSET("9223372036854775808", "1 => " TAG("{b, 1}"), "")), ERR_RANGE);
    refuses(c, term_of(ORSET("18446744073709551616", "", "{b, 1} => []")), ERR_RANGE);
    refuses(c, term_of(ORSET("1.0", "", "{b, 1} => []")), ERR_SHAPE);
    refuses(c, term_of(ORSET("nil", "", "{b, 1} => []")), ERR_SHAPE);
    crdt_free(c);
}

#define WIDER(entries, more)                                                                       \
    "#{'__struct__' => 'Elixir.Grove.Set.ORSet', actor => a, counter => 0, delta_buffer => nil, "  \
    "entries => #{" entries "}, tombstones => " SET("") ", " more "}"

static void keeps_unknown_fields(void)
{
    struct crdt *c = empty(type(), "a"), *delta = empty(type(), "a");
    CU_ASSERT(merge(c, term_of(WIDER("x => " TAG("{b, 1}"), "hue => red, 'Z' => 1")), delta));
    is(c, crdt_state, WIDER("x => " TAG("{b, 1}"), "hue => red, 'Z' => 1"));
    is(delta, crdt_state, WIDER("x => " TAG("{b, 1}"), "hue => red, 'Z' => 1"));
    CU_ASSERT(merge(c, term_of(WIDER("", "hue => sea")), NULL));
    is(c, crdt_state, WIDER("x => " TAG("{b, 1}"), "hue => sea, 'Z' => 1"));
    crdt_free(delta);
    crdt_free(c);
}

static void survives_corruption(void)
{
    struct crdt *c = make(type(), "a", "[{add, [3]}, {add, [4]}, {remove, [4]}]");
    check_corruption(c, term_of(ORSET("300", "1 => " TAG("{b, 1}") ", 2.5 => " TAG("{c, 70000}"),
                                      "{a, 1} => []")));
    check_corruption(c, term_of(ORSET_OF("nil", "0",
                                         "#{<<\"x\">> => " SET_OF_1_14(
                                             "{b, 1} => [], {a, 9} => []") ", y => " SET("") "}",
                                         SET_OF_1_14("{b, 1} => []"))));
    crdt_free(c);
}

static void matches_grove(void)
{
    CU_ASSERT(matches_recording("crdt/or_sets.etf", type()) == 14);
}

SUITE("or_set_in", TEST(drops_elements_without_tags), TEST(subtracts_tombstones),
      TEST(tombstone_removes_all_elements_of_its_tag), TEST(ignores_the_delta_buffer),
      TEST(writes_the_configured_form), TEST(reads_sets_of_one_tag), TEST(recognizes_any_encoding),
      TEST(refuses_malformed_structs), TEST(refuses_malformed_tags), TEST(keeps_unknown_fields),
      TEST(survives_corruption), TEST(matches_grove))
