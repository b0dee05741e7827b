#include "crdt/struct.h"
#include "err.h"
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
static bool join(struct extras *e, const char *others, struct extras *delta)
{
    struct bytes values[FIELDS];
    struct buf text = {0}, extras = {0};
    buf_printf(&text, "#{'__struct__' => 'Elixir.A', clock => 1, items => 2%s}%c", others, 0);
    CU_ASSERT(struct_read(wall(term_of((const char *)text.at)), &form, values, &extras) == OK);
    bool grew = extras_join(e, buf_bytes(&extras), delta);
    buf_free(&text);
    buf_free(&extras);
    return grew;
}

static void joins_unknown_fields(void)
{
    struct extras e = {0}, delta = {0};
    CU_ASSERT(!join(&e, "", NULL) && e.map.len == 0);
    CU_ASSERT(!join(&e, ", 7 => 8, <<\"b\">> => c", NULL) && e.map.len == 0);
    CU_ASSERT(join(&e, ", b => 2, d => {x}", &delta));
    ASSERT_TERM(term_bytes(&delta.map), term_of("#{b => 2, d => {x}}"));
    CU_ASSERT(!join(&e, ", d => {x}, b => 2", &delta));
    CU_ASSERT(!join(&e, ", b => 1", &delta));
    extras_free(&delta);
    CU_ASSERT(join(&e, ", a => [], b => 2.0, d => {w}, e => nil", &delta));
    ASSERT_TERM(term_bytes(&e.map), term_of("#{a => [], b => 2.0, d => {x}, e => nil}"));
    ASSERT_TERM(term_bytes(&delta.map), term_of("#{a => [], b => 2.0, e => nil}"));
    extras_free(&delta);
    extras_free(&e);
}

static void join_order_does_not_matter(void)
{
    static const char *const others[] = {", a => 1", ", a => 1.0, b => 1", ", b => x, c => y",
                                         ", a => z, c => #{}"};
    for (size_t first = 0; first < 4; first++) {
        struct extras e = {0};
        for (size_t i = 0; i < 8; i++)
            join(&e, others[(first + i * 3) % 4], NULL);
        ASSERT_TERM(term_bytes(&e.map), term_of("#{a => z, b => x, c => #{}}"));
        extras_free(&e);
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

/* --- writing ------------------------------------------------------------------ */

static void write_one(const struct extras *e, const char *wanted)
{
    struct buf out = {0};
    struct struct_out s = struct_open(&out, &form, e);
    for (size_t i = 0; i < FIELDS; i++) {
        struct_field(&s, fields[i]);
        buf_put_u8(&out, 97);
        buf_put_u8(&out, (uint8_t)i);
    }
    struct_close(&s);
    ASSERT_TERM(buf_bytes(&out), term_of(wanted));
    buf_free(&out);
}

static void writes_structs(void)
{
    write_one(NULL, "#{'__struct__' => 'Elixir.A', clock => 0, items => 1, spare => 2}");
    struct extras e = {0};
    write_one(&e, "#{'__struct__' => 'Elixir.A', clock => 0, items => 1, spare => 2}");
    join(&e, ", 'A' => 7, a => 8, clocks => 9, z => 10", NULL);
    write_one(&e, "#{'__struct__' => 'Elixir.A', clock => 0, items => 1, spare => 2,"
                  "  'A' => 7, a => 8, clocks => 9, z => 10}");
    extras_free(&e);
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
      TEST(refuses_duplicate_unknown_fields), TEST(writes_structs), TEST(finds_the_module),
      TEST(handles_plain_maps))
