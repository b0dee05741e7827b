#include "otp/quotas.h"

#include "limits.h"
#include "unit/suite.h"

#define COUNT      8
#define BYTES_MOST 1000
#define MOST       ((struct amount){COUNT, BYTES_MOST})
#define MUCH       ((struct amount){1, BYTES_MOST / LIMIT_NODE_PART})

static void one_node_has_a_part(void)
{
    struct quotas q = {.secret = 1};
    struct quota *a[COUNT / LIMIT_NODE_PART];
    const struct amount one = {.count = 1};
    for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++) {
        CU_ASSERT(quotas_allow(&q, BYTES("a@h"), one, MOST));
        a[i] = quotas_charge(&q, BYTES("a@h"), one);
    }
    CU_ASSERT(!quotas_allow(&q, BYTES("a@h"), one, MOST));
    CU_ASSERT(quotas_allow(&q, BYTES("b@h"), one, MOST));
    CU_ASSERT(quotas_allow(&q, (struct bytes){0}, one, MOST));
    quotas_refund(&q, a[0], one);
    CU_ASSERT(quotas_allow(&q, BYTES("a@h"), one, MOST));
    for (size_t i = 1; i < sizeof(a) / sizeof(a[0]); i++)
        quotas_refund(&q, a[i], one);
    CU_ASSERT_PTR_NULL(q.nodes);
}

static void so_it_has_of_bytes(void)
{
    struct quotas q = {0};
    struct amount more = MUCH;
    more.bytes++;
    CU_ASSERT(!quotas_allow(&q, BYTES("a@h"), more, MOST));
    CU_ASSERT(quotas_allow(&q, BYTES("a@h"), MUCH, MOST));
    struct quota *a = quotas_charge(&q, BYTES("a@h"), MUCH);
    CU_ASSERT(!quotas_allow(&q, BYTES("a@h"), (struct amount){1, 1}, MOST));
    CU_ASSERT(quotas_allow(&q, BYTES("a@h"), (struct amount){1, 0}, MOST));
    quotas_refund(&q, a, MUCH);
    CU_ASSERT(q.all.count == 0 && q.all.bytes == 0);
    CU_ASSERT_PTR_NULL(q.nodes);
}

static void all_have_no_more_than_there_is(void)
{
    struct quotas q = {0};
    struct quota *a = quotas_charge(&q, BYTES("a@h"), MUCH);
    struct quota *b = quotas_charge(&q, BYTES("b@h"), MUCH);
    CU_ASSERT(!quotas_allow(&q, BYTES("c@h"), (struct amount){1, 1}, MOST));
    CU_ASSERT(quotas_allow(&q, BYTES("c@h"), (struct amount){1, 0}, MOST));
    /* Without being asked: what is there already may be more. */
    CU_ASSERT_PTR_EQUAL(quotas_charge(&q, BYTES("b@h"), MUCH), b);
    CU_ASSERT(!quotas_allow(&q, BYTES("c@h"), (struct amount){0}, MOST));
    CU_ASSERT(!quotas_allow(&q, (struct bytes){0}, MUCH, MOST));
    quotas_refund(&q, b, MUCH);
    quotas_refund(&q, b, MUCH);
    CU_ASSERT(quotas_allow(&q, BYTES("b@h"), MUCH, MOST));
    quotas_refund(&q, a, MUCH);
    CU_ASSERT_PTR_NULL(q.nodes);
}

/* Of what no signal has caused, and what nobody else can make more. */
static void nobody_has_no_part(void)
{
    struct quotas q = {0};
    struct quota *nobody = quotas_charge(&q, (struct bytes){0}, MUCH);
    CU_ASSERT(quotas_allow(&q, (struct bytes){0}, MUCH, MOST));
    quotas_refund(&q, nobody, MUCH);
    CU_ASSERT_PTR_NULL(q.nodes);
}

SUITE("quotas", TEST(nobody_has_no_part), TEST(one_node_has_a_part), TEST(so_it_has_of_bytes),
      TEST(all_have_no_more_than_there_is))
