/* Replicas by group. */
#include "node/groups.h"

#include <stdio.h>

#include "limits.h"
#include "term/write.h"
#include "unit/suite.h"

/* Places for as many replicas as there may be.  They are no processes: a look-up that walked over
 * replicas, asking each for its group, would crash. */
static char places[LIMIT_PROCESSES];

static struct process *replica(size_t i)
{
    return (struct process *)&places[i];
}

static struct bytes group(struct buf *out, unsigned n)
{
    buf_clear(out);
    put_tuple(out, 2);
    put_atom(out, "counter");
    put_uint(out, n);
    return buf_bytes(out);
}

static void looks_at_no_replica(void)
{
    struct groups g = {0};
    struct buf name = {0};
    size_t found = 0;
    for (unsigned i = 0; i < LIMIT_PROCESSES; i++)
        groups_add(&g, group(&name, 7 * i), replica(i));
    for (unsigned n = 0; n < 7 * LIMIT_PROCESSES; n++) {
        const struct process *p = groups_at(&g, group(&name, n), 0);
        bool has = n % 7 == 0 && n / 7 < LIMIT_PROCESSES;
        CU_ASSERT_PTR_EQUAL(p, has ? replica(n / 7) : NULL);
        found += p != NULL;
    }
    CU_ASSERT_EQUAL(found, LIMIT_PROCESSES);
    groups_free(&g);
    buf_free(&name);
}

static void keeps_the_order_of_replicas(void)
{
    struct groups g = {0};
    struct bytes one = term_of("one"), two = term_of("{two}");
    for (unsigned i = 0; i < 6; i++)
        groups_add(&g, i % 2 == 0 ? one : two, replica(i));
    CU_ASSERT_PTR_EQUAL(groups_at(&g, one, 0), replica(0));
    CU_ASSERT_PTR_EQUAL(groups_at(&g, one, 2), replica(4));
    CU_ASSERT_PTR_NULL(groups_at(&g, one, 3));
    groups_remove(&g, one, replica(2));
    CU_ASSERT_PTR_EQUAL(groups_at(&g, one, 1), replica(4));
    CU_ASSERT_PTR_NULL(groups_at(&g, one, 2));
    CU_ASSERT_PTR_EQUAL(groups_at(&g, two, 1), replica(3));
    groups_remove(&g, one, replica(0));
    groups_remove(&g, one, replica(4));
    CU_ASSERT_PTR_NULL(groups_at(&g, one, 0));
    CU_ASSERT_EQUAL(g.by_name.count, 1);
    groups_add(&g, one, replica(0));
    CU_ASSERT_PTR_EQUAL(groups_at(&g, one, 0), replica(0));
    CU_ASSERT_PTR_EQUAL(groups_at(&g, two, 2), replica(5));
    groups_free(&g);
}

SUITE("groups of replicas", TEST(looks_at_no_replica), TEST(keeps_the_order_of_replicas))
