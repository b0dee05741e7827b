#include "unit/otp/scribe.h"

#include "otp/lookup.h"
#include "otp/wakeup.h"

static void wakes_when_asked(void)
{
    world_open();
    struct process *a = scribe_start(NULL), *b = scribe_start(NULL);
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), UINT64_MAX);
    process_wake_at(a, 1100);
    process_wake_at(b, 1100);
    process_wake_at(a, 1050);
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), 1050);
    after(49);
    HEARD_NO_MORE();
    after(1);
    HEARD("1 wake");
    process_wake_at(b, 0);
    after(100);
    HEARD_NO_MORE();
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), UINT64_MAX);
    world_close();
}

static void wake_at_once(struct process *p)
{
    process_wake_at(p, world.turn.now_ms);
}

static void waking_again_at_once_ends(void)
{
    world_open();
    struct process *p = scribe_start(NULL), *q = scribe_start(NULL);
    process_wake_at(p, 1000);
    process_wake_at(q, 1000);
    scribe_then(p, wake_at_once);
    after(0);
    HEARD("1 wake");
    HEARD("2 wake");
    HEARD_NO_MORE();
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), 1000);
    after(0);
    HEARD("1 wake");
    world_close();
}

static struct process *victim;

static void end_victim(struct process *p)
{
    (void)p;
    process_exit(victim, term_of("murder"), &world.turn);
}

static void may_end_another_who_is_due(void)
{
    world_open();
    struct process *p = scribe_start(NULL);
    victim = scribe_start(NULL);
    process_wake_at(p, 1000);
    process_wake_at(victim, 1000);
    scribe_then(p, end_victim);
    after(0);
    HEARD("1 wake");
    HEARD("2 leave murder");
    HEARD_NO_MORE();
    processes_tidy(world.table);
    processes_check(world.table);
    world_close();
}

/* --- what the table is made of -------------------------------------------- */

static uint64_t rung[1000];
static size_t rung_count;

static void note_ring(struct wakeup *w, struct turn *t)
{
    (void)t;
    rung[rung_count++] = w->at_ms;
}

static void wakeups_ring_in_order(void)
{
    world_open();
    struct wakeups all = {0};
    struct wakeup some[1000] = {0};
    for (size_t i = 0; i < 1000; i++) {
        some[i].ring = note_ring;
        wakeup_set(&all, &some[i], turn_random(&world.turn) % 500);
    }
    for (size_t i = 0; i < 1000; i += 3)
        wakeup_stop(&all, &some[i]);
    for (size_t i = 0; i < 1000; i += 5)
        wakeup_set(&all, &some[i], turn_random(&world.turn) % 500);
    size_t set = all.count;
    wakeups_ring(&all, &world.turn);
    CU_ASSERT_EQUAL(rung_count, set);
    for (size_t i = 1; i < rung_count; i++)
        CU_ASSERT(rung[i - 1] <= rung[i]);
    wakeups_free(&all);
    world_close();
}

static void the_newest_of_a_key_is_found_first(void)
{
    struct lookup l = {0};
    struct lookup_link links[600] = {0};
    for (size_t i = 0; i < 600; i++)
        lookup_put(&l, &links[i], i % 3);
    struct lookup_link *at = lookup_find(&l, 1);
    for (size_t i = 598; i != 1; i -= 3) {
        CU_ASSERT_PTR_EQUAL_FATAL(at, &links[i]);
        at = lookup_again(at);
    }
    CU_ASSERT_PTR_EQUAL(at, &links[1]);
    CU_ASSERT_PTR_NULL(lookup_again(at));
    lookup_drop(&l, &links[598]);
    CU_ASSERT_PTR_EQUAL(lookup_find(&l, 1), &links[595]);
    CU_ASSERT_PTR_NULL(lookup_find(&l, 3));
    lookup_free(&l);
}

SUITE("wakeup", TEST(wakes_when_asked), TEST(waking_again_at_once_ends),
      TEST(may_end_another_who_is_due), TEST(wakeups_ring_in_order),
      TEST(the_newest_of_a_key_is_found_first))
