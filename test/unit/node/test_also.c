/* What has completed for several stores at the same time, in one step. */
#include "limits.h"
#include "unit/node/nodes.h"

#define REPLICA(name)                                                                              \
    "{replica, " name ", #{crdt => gcounter, storage => #{file => \"" name "\"}}}. "

/* The replicas' stores are numbered in the order of the configuration. */
enum { R = 1, Q = 2 };

static void start_stored(void)
{
    struct storage_found nothing = {0};
    start(0, "a@h", REPLICA("r") REPLICA("q"));
    run_for(LIMIT_CATCH_UP_MS + 1000);
    step(0, (struct event){.kind = EVENT_LOADED, .store = R, .found = &nothing});
    step(0, (struct event){.kind = EVENT_LOADED, .store = Q, .found = &nothing});
}

static void both(enum event_kind kind, const struct storage_failure *of_q)
{
    const struct event q = {.kind = kind, .store = Q, .failure = of_q};
    step(0, (struct event){.kind = kind, .store = R, .also = &q});
}

static void mutate_both(void)
{
    cast_to(0, "r", "{mutate, increment}");
    cast_to(0, "q", "{mutate, increment}");
    step(0, (struct event){.kind = EVENT_WAKE});
}

static void each_goes_on(void)
{
    start_stored();
    both(EVENT_BEGUN, NULL);
    mutate_both();
    CU_ASSERT_EQUAL(nodes[0].appends, 2);
    mutate_both();
    CU_ASSERT_EQUAL(nodes[0].appends, 2); /* one at a time */
    both(EVENT_APPENDED, NULL);
    CU_ASSERT_EQUAL(nodes[0].appends, 4);
    both(EVENT_APPENDED, NULL);
    CU_ASSERT_EQUAL(status_number(0, "mutations"), 2);
    stop_all();
}

static void a_failure_is_that_of_its_store(void)
{
    const struct storage_failure full = {.reason = "enospc", .what = "the disk is full"};
    start_stored();
    both(EVENT_BEGUN, NULL);
    mutate_both();
    both(EVENT_APPENDED, &full);
    CU_ASSERT_TRUE(logged(0, "q: the disk is full; refusing mutations"));
    CU_ASSERT_FALSE(logged(0, "r: the disk is full"));
    mutate_both();
    CU_ASSERT_EQUAL(nodes[0].appends, 3); /* q is being loaded */
    stop_all();
}

SUITE("also", TEST(each_goes_on), TEST(a_failure_is_that_of_its_store))
