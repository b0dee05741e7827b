#include "crdt/op.h"
#include "err.h"
#include "limits.h"
#include "term/etf.h"
#include "unit/suite.h"

static void is(struct bytes given, const char *wanted)
{
    struct ops ops;
    struct bytes bad;
    struct buf out = {0};
    CU_ASSERT_FATAL(ops_read(&ops, wall(given), &bad) == OK);
    for (size_t i = 0; i < ops.count; i++)
        op_put(&out, &ops.list[i]);
    struct buf all = {0};
    struct bytes list = term_of(wanted);
    struct etf_in in = etf_open(list);
    struct bytes op;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &op);)
        buf_put(&all, op);
    CU_ASSERT(bytes_equal(buf_bytes(&out), buf_bytes(&all)));
    buf_free(&all);
    buf_free(&out);
    ops_free(&ops);
}

static void reads_operations(void)
{
    is(term_of("increment"), "[{increment, []}]");
    is(term_of("{increment, [5]}"), "[{increment, [5]}]");
    is(term_of("{put, [<<\"k\">>, #{b => 1, a => 2}]}"), "[{put, [<<\"k\">>, #{a => 2, b => 1}]}]");
    is(term_of("[increment, {increment, []}, {add, [1000, \"x\", y, z]}]"),
       "[{increment, []}, {increment, []}, {add, [1000, \"x\", y, z]}]");
    is(term_of("[]"), "[]");
}

/* As OTP 25 sends them: ATOM_EXT, and STRING_EXT for a list of small integers. */
static void reads_any_encoding(void)
{
    is(hex("68 02 64 0009 696e6372656d656e74 6b 0001 05"), "[{increment, [5]}]");
    is(hex("64 0002 e5e4"), "[{'\u00e5\u00e4', []}]");
    is(hex("68 02 6400 01 61 6c 00000001 6e 01 00 05 6a"), "[{a, [5]}]");
}

static void refused(struct bytes given, enum err wanted, struct bytes bad_term)
{
    struct ops ops;
    struct bytes bad = {0};
    CU_ASSERT(ops_read(&ops, wall(given), &bad) == wanted);
    CU_ASSERT(ops.list == NULL && ops.count == 0 && ops.terms.at == NULL);
    CU_ASSERT(bytes_equal(bad, bad_term));
}

static void reports_the_bad_term(void)
{
    refused(term_of("5"), ERR_SHAPE, term_of("5"));
    refused(term_of("{increment, 5}"), ERR_SHAPE, term_of("{increment, 5}"));
    refused(term_of("{<<\"increment\">>, []}"), ERR_SHAPE, term_of("{<<\"increment\">>, []}"));
    refused(term_of("{increment, [], []}"), ERR_SHAPE, term_of("{increment, [], []}"));
    refused(term_of("{put, [1000, 2, 3, 4, 5]}"), ERR_SHAPE, term_of("{put, [1000, 2, 3, 4, 5]}"));
    refused(term_of("[increment, {add, [x|y]}]"), ERR_SHAPE, term_of("{add, [x|y]}"));
    refused(term_of("[increment, 7, 8]"), ERR_SHAPE, term_of("7"));
    refused(term_of("\"ab\""), ERR_SHAPE, term_of("97"));
    refused(term_of("[increment | increment]"), ERR_SHAPE, term_of("[increment | increment]"));
    struct bytes twice = hex("68 02 7701 61 6c 00000001 74 00000002 61 01 61 01 61 01 61 01 6a");
    refused(twice, ERR_DUPLICATE, twice);
}

static void too_many(struct bytes op)
{
    struct buf batch = {0};
    buf_put_u8(&batch, 108);
    buf_put_u32(&batch, LIMIT_OPS + 1);
    for (size_t i = 0; i <= LIMIT_OPS; i++)
        buf_put(&batch, op);
    buf_put_u8(&batch, 106);
    refused(buf_bytes(&batch), ERR_LIMIT, buf_bytes(&batch));
    buf_free(&batch);
}

/* Whatever is in it: nobody looks. */
static void limits_the_batch_size(void)
{
    too_many(BYTES("w\001a"));
    too_many(BYTES("a\001"));
}

static void makes_a_single_operation(void)
{
    struct ops ops;
    ops_single(&ops, BYTES("increment"));
    CU_ASSERT(ops.count == 1);
    CU_ASSERT(op_is(&ops.list[0], "increment", 0));
    CU_ASSERT(!op_is(&ops.list[0], "increment", 1));
    CU_ASSERT(!op_is(&ops.list[0], "incremen", 0));
    ops_free(&ops);
}

SUITE("op", TEST(reads_operations), TEST(reads_any_encoding), TEST(reports_the_bad_term),
      TEST(limits_the_batch_size), TEST(makes_a_single_operation))
