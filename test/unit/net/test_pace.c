/* How much longer this machine takes than work is priced. */
#include "net/pace.h"

#include "limits.h"
#include "unit/suite.h"

/* After so many steps that take so many times their price. */
static uint32_t after(struct pace *p, unsigned steps, uint64_t times)
{
    for (unsigned i = 0; i < steps; i++)
        pace_note(p, LIMIT_STEP_WORK, times * LIMIT_STEP_WORK);
    return p->slowness;
}

static void finds_how_slow_a_machine_is(void)
{
    struct pace p = {0};
    CU_ASSERT_EQUAL(after(&p, 100, 1), 0);
    CU_ASSERT_EQUAL(after(&p, 100, 3), 2 * 256);
    CU_ASSERT_EQUAL(after(&p, 1000, 2), 256);
    CU_ASSERT_EQUAL(after(&p, 1000, 1), 0);
}

static void one_that_is_faster_is_not_given_more(void)
{
    struct pace p = {0};
    for (unsigned i = 0; i < 100; i++)
        pace_note(&p, LIMIT_STEP_WORK, LIMIT_STEP_WORK / 2);
    CU_ASSERT_EQUAL(p.slowness, 0);
}

static void believes_a_slow_step_sooner_than_a_fast_one(void)
{
    struct pace p = {0};
    uint32_t slow = after(&p, 1, 5);
    CU_ASSERT(slow >= 256);
    uint32_t faster = after(&p, 1, 1);
    CU_ASSERT(faster < slow && faster > slow * 9 / 10);
}

static void an_interruption_is_soon_forgotten(void)
{
    struct pace p = {0};
    pace_note(&p, LIMIT_STEP_WORK, UINT32_MAX);
    CU_ASSERT(p.slowness <= PACE_SLOWEST / 4 + 1);
    CU_ASSERT(after(&p, 100, 1) < 256 / 4);
    CU_ASSERT(after(&p, 1000, 1000) <= PACE_SLOWEST);
}

static void little_work_tells_nothing(void)
{
    struct pace p = {0};
    pace_note(&p, 0, LIMIT_STEP_WORK);
    pace_note(&p, LIMIT_STEP_WORK / 4 - 1, 100 * LIMIT_STEP_WORK);
    CU_ASSERT_EQUAL(p.slowness, 0);
}

SUITE("the pace of a machine", TEST(finds_how_slow_a_machine_is),
      TEST(one_that_is_faster_is_not_given_more), TEST(believes_a_slow_step_sooner_than_a_fast_one),
      TEST(an_interruption_is_soon_forgotten), TEST(little_work_tells_nothing))
