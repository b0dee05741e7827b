#include "crdt/struct.h"
#include "err.h"
#include "unit/suite.h"

#define NAMES 2

static const char *const names[NAMES] = {"clock", "items"};

static enum err read(struct bytes given, struct bytes *values)
{
    return struct_read(wall(given), "Elixir.A", names, NAMES, values);
}

static void finds_fields(void)
{
    struct bytes values[NAMES];
    CU_ASSERT(read(term_of("#{'__struct__' => 'Elixir.A', clock => {1, 2}, items => [a],"
                           "  other => 1, <<\"clock\">> => 2, 7 => 3}"),
                   values) == OK);
    ASSERT_TERM(values[0], term_of("{1, 2}"));
    ASSERT_TERM(values[1], term_of("[a]"));
}

/* As OTP 25 sends one: the module's name last, atoms in the old encoding. */
static void finds_them_in_any_order(void)
{
    struct bytes values[NAMES];
    CU_ASSERT(read(hex("74 00000003 64 0005 6974656d73 6101 73 05 636c6f636b 6102"
                       "64 000a 5f5f7374727563745f5f 64 0008 456c697869722e41"),
                   values) == OK);
    ASSERT_TERM(values[0], term_of("2"));
    ASSERT_TERM(values[1], term_of("1"));
}

static void refused(struct bytes given, enum err wanted)
{
    struct bytes values[NAMES];
    CU_ASSERT(read(given, values) == wanted);
}

static void refuses_the_rest(void)
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

static void writes_one(void)
{
    struct buf out = {0};
    struct_put(&out, "Elixir.A", 1);
    buf_put(&out, hex("7705 636c6f636b 6101"));
    ASSERT_TERM(buf_bytes(&out), term_of("#{'__struct__' => 'Elixir.A', clock => 1}"));
    buf_free(&out);
}

SUITE("struct", TEST(finds_fields), TEST(finds_them_in_any_order), TEST(refuses_the_rest),
      TEST(writes_one))
