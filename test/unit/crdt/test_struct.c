#include "crdt/struct.h"
#include "err.h"
#include "limits.h"
#include "term/write.h"
#include "unit/suite.h"

#define FIELDS 3

static const char *const fields[] = {"clock", "items", "spare", NULL};
static const struct form form = {"Elixir.A", fields, 3};

static enum err read(struct bytes given, struct bytes *values)
{
    return struct_read(wall(given), &form, values, NULL);
}

static void finds_fields(void)
{
    struct bytes values[FIELDS];
    CU_ASSERT(read(term_of("#{'__struct__' => 'Elixir.A', clock => {1, 2}, items => [a],"
                           "  other => 1, <<\"clock\">> => 2, 7 => 3}"),
                   values) == OK);
    ASSERT_TERM(values[0], term_of("{1, 2}"));
    ASSERT_TERM(values[1], term_of("[a]"));
    CU_ASSERT(values[2].len == 0); /* optional and missing */
}

/* As OTP 25 sends one: the module last, atoms as ATOM_EXT. */
static void finds_fields_in_any_order(void)
{
    struct bytes values[FIELDS];
    CU_ASSERT(read(hex("74 00000003 64 0005 6974656d73 6101 73 05 636c6f636b 6102"
                       "64 000a 5f5f7374727563745f5f 64 0008 456c697869722e41"),
                   values) == OK);
    ASSERT_TERM(values[0], term_of("2"));
    ASSERT_TERM(values[1], term_of("1"));
}

static void refused(struct bytes given, enum err wanted)
{
    struct bytes values[FIELDS];
    CU_ASSERT(read(given, values) == wanted);
}

static void refuses_other_terms(void)
{
    refused(term_of("{clock, items}"), ERR_TYPE);
    refused(term_of("nil"), ERR_TYPE);
    refused(term_of("#{clock => 1, items => 2}"), ERR_TYPE);
    refused(term_of("#{'__struct__' => 'Elixir.B', clock => 1, items => 2}"), ERR_TYPE);
    refused(term_of("#{'__struct__' => <<\"Elixir.A\">>, clock => 1, items => 2}"), ERR_TYPE);
    refused(term_of("#{'__struct__' => 'Elixir.A', clock => 1}"), ERR_SHAPE);
    refused(term_of("#{'__struct__' => 'Elixir.A', items => 1}"), ERR_SHAPE);
    refused(hex("74 00000002 7705 636c6f636b 6101 7305 636c6f636b 6101"), ERR_DUPLICATE);
    refused(hex("74 00000002 770a 5f5f7374727563745f5f 7708 456c697869722e41"
                "64 000a 5f5f7374727563745f5f 7708 456c697869722e41"),
            ERR_DUPLICATE);
}

/* --- unknown fields ---------------------------------------------------------- */

/* Joins the unknown fields of a struct that has these. */
static bool join(struct unknown_fields *e, const char *others, struct unknown_fields *delta)
{
    struct bytes values[FIELDS];
    struct buf text = {0}, extras = {0};
    buf_printf(&text, "#{'__struct__' => 'Elixir.A', clock => 1, items => 2%s}%c", others, 0);
    CU_ASSERT(struct_read(wall(term_of((const char *)text.at)), &form, values, &extras) == OK);
    bool grew = unknown_join(e, buf_bytes(&extras), delta);
    buf_free(&text);
    buf_free(&extras);
    return grew;
}

static void has(const struct unknown_fields *u, struct bytes wanted)
{
    struct buf map = {0};
    unknown_put(u, &map);
    ASSERT_TERM(buf_bytes(&map), wanted);
    buf_free(&map);
}

static bool equal(const struct unknown_fields *a, const struct unknown_fields *b)
{
    struct buf one = {0}, other = {0};
    unknown_put(a, &one);
    unknown_put(b, &other);
    bool same = bytes_equal(buf_bytes(&one), buf_bytes(&other));
    buf_free(&one);
    buf_free(&other);
    return same;
}

static bool join_map(struct unknown_fields *u, const struct unknown_fields *other)
{
    struct buf map = {0};
    unknown_put(other, &map);
    bool grew = unknown_join(u, buf_bytes(&map), NULL);
    buf_free(&map);
    return grew;
}

static void joins_unknown_fields(void)
{
    struct unknown_fields e = {0}, delta = {0};
    CU_ASSERT(!join(&e, "", NULL) && e.count == 0);
    CU_ASSERT(!join(&e, ", 7 => 8, <<\"b\">> => c", NULL) && e.count == 0);
    CU_ASSERT(join(&e, ", b => 2, d => {x}", &delta));
    has(&delta, term_of("#{b => 2, d => {x}}"));
    CU_ASSERT(!join(&e, ", d => {x}, b => 2", &delta));
    CU_ASSERT(!join(&e, ", b => 1", &delta));
    unknown_free(&delta);
    CU_ASSERT(join(&e, ", a => [], b => 2.0, d => {w}, e => nil", &delta));
    has(&e, term_of("#{a => [], b => 2.0, d => {x}, e => nil}"));
    has(&delta, term_of("#{a => [], b => 2.0, e => nil}"));
    unknown_free(&delta);
    unknown_free(&e);
}

static void join_order_does_not_matter(void)
{
    static const char *const others[] = {", a => 1", ", a => 1.0, b => 1", ", b => x, c => y",
                                         ", a => z, c => #{}"};
    for (size_t first = 0; first < 4; first++) {
        struct unknown_fields e = {0};
        for (size_t i = 0; i < 8; i++)
            join(&e, others[(first + i * 3) % 4], NULL);
        has(&e, term_of("#{a => z, b => x, c => #{}}"));
        unknown_free(&e);
    }
}

static void refuses_duplicate_unknown_fields(void)
{
    struct bytes values[FIELDS];
    struct buf extras = {0};
    CU_ASSERT(struct_read(hex("74 00000005 7701 78 6101 7701 78 6101 770a 5f5f7374727563745f5f"
                              "7708 456c697869722e41 7705 636c6f636b 6101 7705 6974656d73 6101"),
                          &form, values, &extras) == ERR_DUPLICATE);
    CU_ASSERT(extras.len == 0);
    buf_free(&extras);
}

/* Fields u10, u11, ...: from the first to before the end, in steps. */
static void put_fields(struct buf *text, unsigned first, unsigned end, unsigned step)
{
    for (unsigned i = first; i < end; i += step)
        buf_printf(text, ", u%u => %u", 10 + i, i);
}

static bool join_fields(struct unknown_fields *e, unsigned first, unsigned end, unsigned step,
                        struct unknown_fields *delta)
{
    struct buf text = {0};
    put_fields(&text, first, end, step);
    buf_put_u8(&text, 0);
    bool grew = join(e, (const char *)text.at, delta);
    buf_free(&text);
    return grew;
}

/* Of more fields than the limit, the first are kept, in whatever order they come. */
static void bounds_unknown_fields(void)
{
    enum { MOST = LIMIT_UNKNOWN_FIELDS };
    struct unknown_fields wanted = {0}, e = {0}, delta = {0}, old = {0};
    CU_ASSERT(join_fields(&wanted, 0, MOST, 1, NULL));
    CU_ASSERT(join_fields(&e, 1, 2 * MOST, 2, NULL));
    CU_ASSERT(join_fields(&old, 1, 2 * MOST, 2, NULL));
    CU_ASSERT(join_fields(&e, 0, 2 * MOST, 2, &delta));
    CU_ASSERT(equal(&e, &wanted));
    CU_ASSERT(join_map(&old, &delta));
    CU_ASSERT(equal(&old, &e));
    CU_ASSERT(!join_fields(&e, MOST, 2 * MOST, 1, NULL));
    CU_ASSERT(!join_fields(&e, 0, MOST, 1, NULL));
    unknown_free(&wanted);
    unknown_free(&e);
    unknown_free(&delta);
    unknown_free(&old);
    /* One at a time, the first ones last. */
    for (unsigned i = 4 * MOST; i > 0; i--)
        join_fields(&e, i - 1, i, 1, NULL);
    CU_ASSERT(join_fields(&wanted, 0, MOST, 1, NULL));
    CU_ASSERT(equal(&e, &wanted));
    unknown_free(&wanted);
    unknown_free(&e);
}

/* What a struct with these unknown fields is answered with. */
static enum err answer(const char *others, bool kept)
{
    struct bytes values[FIELDS];
    struct buf text = {0}, extras = {0};
    buf_printf(&text, "#{'__struct__' => 'Elixir.A', clock => 1, items => 2%s}%c", others, 0);
    enum err e =
        struct_read(wall(term_of((const char *)text.at)), &form, values, kept ? &extras : NULL);
    CU_ASSERT(e == OK || extras.len == 0);
    buf_free(&text);
    buf_free(&extras);
    return e;
}

static enum err answer_to_fields(unsigned count, bool kept)
{
    struct buf text = {0};
    put_fields(&text, 0, count, 1);
    buf_put_u8(&text, 0);
    enum err e = answer((const char *)text.at, kept);
    buf_free(&text);
    return e;
}

static enum err answer_to_bytes(size_t bytes)
{
    struct buf text = {0};
    size_t around = term_of("u").len + term_of("<<>>").len;
    buf_printf(&text, ", u => <<\"");
    for (size_t i = around; i < bytes; i++)
        buf_put_u8(&text, 'x');
    buf_printf(&text, "\">>%c", 0);
    enum err e = answer((const char *)text.at, true);
    buf_free(&text);
    return e;
}

static void refuses_too_many_unknown_fields(void)
{
    CU_ASSERT(answer_to_fields(LIMIT_UNKNOWN_FIELDS, true) == OK);
    CU_ASSERT(answer_to_fields(LIMIT_UNKNOWN_FIELDS + 1, true) == ERR_LIMIT);
    CU_ASSERT(answer_to_fields(LIMIT_UNKNOWN_FIELDS + 1, false) == OK);
    CU_ASSERT(answer_to_bytes(LIMIT_UNKNOWN_FIELD_BYTES) == OK);
    CU_ASSERT(answer_to_bytes(LIMIT_UNKNOWN_FIELD_BYTES + 1) == ERR_LIMIT);
}

/* --- writing ------------------------------------------------------------------ */

static void write_one(const struct unknown_fields *u, const char *wanted)
{
    struct buf out = {0}, map = {0};
    if (u != NULL)
        unknown_put(u, &map);
    struct extras extras = {{map.at, map.len}};
    struct struct_out s = struct_open(&out, &form, u != NULL ? &extras : NULL);
    for (size_t i = 0; i < FIELDS; i++) {
        struct_field(&s, fields[i]);
        buf_put_u8(&out, 97);
        buf_put_u8(&out, (uint8_t)i);
    }
    struct_close(&s);
    ASSERT_TERM(buf_bytes(&out), term_of(wanted));
    buf_free(&out);
    buf_free(&map);
}

static void writes_structs(void)
{
    write_one(NULL, "#{'__struct__' => 'Elixir.A', clock => 0, items => 1, spare => 2}");
    struct unknown_fields e = {0};
    write_one(&e, "#{'__struct__' => 'Elixir.A', clock => 0, items => 1, spare => 2}");
    join(&e, ", 'A' => 7, a => 8, clocks => 9, z => 10", NULL);
    write_one(&e, "#{'__struct__' => 'Elixir.A', clock => 0, items => 1, spare => 2,"
                  "  'A' => 7, a => 8, clocks => 9, z => 10}");
    unknown_free(&e);
}

static void finds_the_module(void)
{
    ASSERT_TERM(struct_module(term_of("#{a => b, '__struct__' => 'Elixir.A'}")),
                term_of("'Elixir.A'"));
    CU_ASSERT(struct_module(term_of("#{a => b}")).len == 0);
    CU_ASSERT(struct_module(term_of("['__struct__', a]")).len == 0);
}

/* By the same rules; __struct__ is an ordinary key, and the rest of the frame is left alone. */
static void handles_plain_maps(void)
{
    static const struct form plain = {NULL, fields, 3};
    struct bytes map = term_of("#{clock => 1, items => 2, '__struct__' => 'Elixir.B', z => 3}");
    struct bytes values[FIELDS];
    struct buf two = {0}, more = {0}, out = {0};
    buf_put(&two, map);
    buf_put(&two, term_of("behind"));
    struct etf_in in = etf_open(wall(buf_bytes(&two)));
    CU_ASSERT(struct_next(&in, &plain, values, &more) == OK);
    CU_ASSERT(etf_accept(&in, "behind") && etf_finish(&in) == OK);
    ASSERT_TERM(values[0], term_of("1"));
    ASSERT_TERM(buf_bytes(&more), term_of("#{'__struct__' => 'Elixir.B', z => 3}"));
    struct extras extras = {{more.at, more.len}};
    struct struct_out s = struct_open(&out, &(struct form){NULL, fields, 3}, &extras);
    for (size_t i = 0; i < FIELDS; i++) {
        struct_field(&s, fields[i]);
        put_uint(&out, i + 1);
    }
    struct_close(&s);
    ASSERT_TERM(buf_bytes(&out), term_of("#{'__struct__' => 'Elixir.B', clock => 1, items => 2,"
                                         "  spare => 3, z => 3}"));
    CU_ASSERT(struct_read(term_of("#{clock => 1}"), &plain, values, NULL) == ERR_SHAPE);
    CU_ASSERT(struct_read(term_of("[]"), &plain, values, NULL) == ERR_TYPE);
    buf_free(&two);
    buf_free(&more);
    buf_free(&out);
}

SUITE("struct", TEST(finds_fields), TEST(finds_fields_in_any_order), TEST(refuses_other_terms),
      TEST(joins_unknown_fields), TEST(join_order_does_not_matter),
      TEST(refuses_duplicate_unknown_fields), TEST(bounds_unknown_fields),
      TEST(refuses_too_many_unknown_fields), TEST(writes_structs), TEST(finds_the_module),
      TEST(handles_plain_maps))
