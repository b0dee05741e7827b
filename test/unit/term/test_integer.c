#include "unit/suite.h"

#include <string.h>

#include "err.h"
#include "limits.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/integer.h"
#include "term/write.h"

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

/* --- against a BEAM ------------------------------------------------------ */

/* integer.escript: rows of {A, B, A + B, A - B, digits of A, A in base 36}. */
static void calculates_as_a_beam(void)
{
    struct buf file = {0}, got = {0};
    must(canon_external(&file, vector("term/integer.etf")) == OK);
    struct etf_in in = etf_open(buf_bytes(&file));
    struct bytes element;
    size_t rows = 0;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element); rows++) {
        struct etf_in row = etf_open(element);
        etf_tuple_of(&row, 6);
        struct bytes a = wall(etf_any(&row)), b = wall(etf_any(&row));
        struct bytes sum = etf_any(&row), difference = etf_any(&row);
        struct bytes digits = etf_binary(&row), base36 = etf_binary(&row);
        must(etf_finish(&row) == OK);

        buf_clear(&got);
        CU_ASSERT_EQUAL(integer_add(&got, a, b), OK);
        ASSERT_TERM(buf_bytes(&got), sum);
        buf_clear(&got);
        CU_ASSERT_EQUAL(integer_sub(&got, a, b), OK);
        ASSERT_TERM(buf_bytes(&got), difference);
        CU_ASSERT_EQUAL(sign(integer_compare(a, b)), integer_sign(difference));
        CU_ASSERT_EQUAL(integer_compare(a, a), 0);

        buf_clear(&got);
        integer_print(&got, a);
        CU_ASSERT(bytes_equal(buf_bytes(&got), digits));
        bool negative = *digits.at == '-';
        struct bytes text = {wall(base36).at + negative, base36.len - negative};
        buf_clear(&got);
        CU_ASSERT_EQUAL(integer_parse(&got, text, 36, negative), OK);
        ASSERT_TERM(buf_bytes(&got), a);
    }
    CU_ASSERT(rows > 500);
    must(etf_finish(&in) == OK);
    buf_free(&got);
    buf_free(&file);
}

/* --- by hand ------------------------------------------------------------- */

static void returns_canonical_integers(void)
{
    static const struct {
        const char *a, *b, *sum;
    } cases[] = {
        {"6101", "61fe", "61ff"},
        {"6101", "61ff", "6200000100"},
        {"6200000100", "62ffffffff", "61ff"},
        {"627fffffff", "6101", "6e0400 00000080"},
        {"6280000000", "62ffffffff", "6e0401 01000080"},
        {"6e0800 ffffffffffffff7f", "6101", "6e0800 0000000000000080"},
        {"6e0801 0000000000000080", "62ffffffff", "6e0801 0100000000000080"},
        {"6e0801 0100000000000080", "6101", "6e0801 0000000000000080"},
        {"6e0800 ffffffffffffffff", "6101", "6e0900 000000000000000001"},
        {"6e0900 000000000000000001", "6e0901 000000000000000001", "6100"},
        {"6e0900 000000000000000001", "62ffffffff", "6e0800 ffffffffffffffff"},
        {"6e0900 000000000000000001", "6e0801 ffffffffffffffff", "6101"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = {0};
        CU_ASSERT_EQUAL(integer_add(&out, wall(hex(cases[i].a)), wall(hex(cases[i].b))), OK);
        ASSERT_TERM(buf_bytes(&out), hex(cases[i].sum));
        buf_free(&out);
    }
}

static void returns_the_sign(void)
{
    CU_ASSERT_EQUAL(integer_sign(hex("6100")), 0);
    CU_ASSERT_EQUAL(integer_sign(hex("61ff")), 1);
    CU_ASSERT_EQUAL(integer_sign(hex("62ffffffff")), -1);
    CU_ASSERT_EQUAL(integer_sign(hex("6e0900 000000000000000001")), 1);
    CU_ASSERT_EQUAL(integer_sign(hex("6e0901 000000000000000001")), -1);
}

static struct bytes largest(struct buf *out)
{
    buf_put_u8(out, 111);
    buf_put_u32(out, LIMIT_INTEGER_BYTES);
    buf_put_u8(out, 0);
    memset(buf_room(out, LIMIT_INTEGER_BYTES), 0xff, LIMIT_INTEGER_BYTES);
    out->len += LIMIT_INTEGER_BYTES;
    return buf_bytes(out);
}

static void refuses_results_above_the_limit(void)
{
    struct buf max = {0}, out = {0}, digits = {0};
    struct bytes most = largest(&max);
    buf_put(&out, BYTES("before"));
    CU_ASSERT_EQUAL(integer_add(&out, most, hex("6101")), ERR_LIMIT);
    CU_ASSERT_EQUAL(integer_sub(&out, hex("62ffffffff"), most), ERR_LIMIT);
    for (unsigned i = 0; i < 2 * LIMIT_INTEGER_BYTES; i++)
        buf_put_u8(&digits, 'f');
    buf_put_u8(&digits, '0');
    CU_ASSERT_EQUAL(integer_parse(&out, buf_bytes(&digits), 16, false), ERR_LIMIT);
    CU_ASSERT(bytes_equal(buf_bytes(&out), BYTES("before")));

    buf_clear(&out);
    digits.len--;
    CU_ASSERT_EQUAL(integer_parse(&out, buf_bytes(&digits), 16, false), OK);
    CU_ASSERT(bytes_equal(buf_bytes(&out), most));
    buf_clear(&out);
    CU_ASSERT_EQUAL(integer_sub(&out, most, most), OK);
    ASSERT_TERM(buf_bytes(&out), hex("6100"));
    buf_free(&digits);
    buf_free(&out);
    buf_free(&max);
}

static void refuses_invalid_digits(void)
{
    static const struct {
        const char *digits;
        unsigned base;
        enum err err;
    } cases[] = {
        {"", 10, ERR_SHAPE},   {"1a", 10, ERR_SHAPE}, {"12", 2, ERR_SHAPE},
        {"-1", 10, ERR_SHAPE}, {"1 ", 10, ERR_SHAPE}, {"g", 16, ERR_SHAPE},
        {"[", 36, ERR_SHAPE},  {"zZ", 36, OK},        {"0000", 2, OK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = {0};
        struct bytes digits = wall(bytes_of(cases[i].digits));
        CU_ASSERT_EQUAL(integer_parse(&out, digits, cases[i].base, true), cases[i].err);
        CU_ASSERT((out.len == 0) == (cases[i].err != OK));
        buf_free(&out);
    }
    struct buf zero = {0};
    CU_ASSERT_EQUAL(integer_parse(&zero, BYTES("000"), 10, true), OK);
    ASSERT_TERM(buf_bytes(&zero), hex("6100"));
    buf_free(&zero);
}

SUITE("term/integer", TEST(calculates_as_a_beam), TEST(returns_canonical_integers),
      TEST(returns_the_sign), TEST(refuses_results_above_the_limit), TEST(refuses_invalid_digits))
