#include "unit/otp/spy.h"

#include "otp/hash_table.h"
#include "otp/wakeup.h"

static void wakes_at_the_set_time(void)
{
    world_open();
    struct process *a = spy_start(NULL), *b = spy_start(NULL);
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), UINT64_MAX);
    process_wake_at(a, 1100);
    process_wake_at(b, 1100);
    process_wake_at(a, 1050);
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), 1050);
    advance(49);
    CALLED_NO_MORE();
    advance(1);
    CALLED("1 wake");
    process_wake_at(b, 0);
    advance(100);
    CALLED_NO_MORE();
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), UINT64_MAX);
    world_close();
}

static void wake_at_once(struct process *p)
{
    process_wake_at(p, world.turn.now_ms);
}

static void rescheduling_at_once_does_not_loop(void)
{
    world_open();
    struct process *p = spy_start(NULL), *q = spy_start(NULL);
    process_wake_at(p, 1000);
    process_wake_at(q, 1000);
    spy_then(p, wake_at_once);
    advance(0);
    CALLED("1 wake");
    CALLED("2 wake");
    CALLED_NO_MORE();
    CU_ASSERT_EQUAL(wakeups_due(&world.wakeups), 1000);
    advance(0);
    CALLED("1 wake");
    world_close();
}

static void wake_long_ago(struct process *p)
{
    process_wake_at(p, 1);
}

/* Whoever has more to do at once does not keep others that are due from it. */
static void what_is_overdue_takes_turns(void)
{
    world_open();
    struct process *p = spy_start(NULL), *q = spy_start(NULL);
    process_wake_at(p, 1);
    spy_then(p, wake_long_ago);
    for (unsigned i = 0; i < 3; i++) {
        process_wake_at(q, world.turn.now_ms);
        advance(0);
        CALLED("1 wake");
        CALLED("2 wake");
        CALLED_NO_MORE();
        spy_then(p, wake_long_ago);
    }
    world_close();
}

static struct process *victim;

static void end_victim(struct process *p)
{
    (void)p;
    process_exit(victim, term_of("murder"), &world.turn);
}

static void may_end_another_that_is_due(void)
{
    world_open();
    struct process *p = spy_start(NULL);
    victim = spy_start(NULL);
    process_wake_at(p, 1000);
    process_wake_at(victim, 1000);
    spy_then(p, end_victim);
    advance(0);
    CALLED("1 wake");
    CALLED("2 leave murder");
    CALLED_NO_MORE();
    processes_tidy(world.table);
    processes_check(world.table);
    world_close();
}

/* --- the heap and the hash table ------------------------------------------ */

static uint64_t rung[1000];
static size_t rung_count;

static void record_ring(struct wakeup *w, struct turn *t)
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
        some[i].ring = record_ring;
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

static struct wakeups busy;

static void work_and_come_again(struct wakeup *w, struct turn *t)
{
    record_ring(w, t);
    turn_worked(t, LIMIT_STEP_WORK / 2 + 1);
    wakeup_set(&busy, w, 1001);
}

/* Those for which a step has no time come first in the next one. */
static void wakeups_take_turns(void)
{
    world_open();
    struct wakeup some[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        some[i].ring = work_and_come_again;
        wakeup_set(&busy, &some[i], 990 + i);
    }
    world.turn.now_ms = 1001;
    rung_count = 0;
    for (size_t step = 0; step < 3; step++) {
        wakeups_ring(&busy, &world.turn);
        CU_ASSERT_EQUAL(rung_count, 2 * (step + 1));
    }
    CU_ASSERT(rung[0] == 990 && rung[1] == 991 && rung[2] == 992);
    wakeups_free(&busy);
    world_close();
}

static void hash_table_finds_the_newest_first(void)
{
    struct hash_table l = {0};
    struct hash_link links[600] = {0};
    for (size_t i = 0; i < 600; i++)
        hash_table_put(&l, &links[i], i % 3);
    struct hash_link *at = hash_table_find(&l, 1);
    for (size_t i = 598; i != 1; i -= 3) {
        CU_ASSERT_PTR_EQUAL_FATAL(at, &links[i]);
        at = hash_table_next(at);
    }
    CU_ASSERT_PTR_EQUAL(at, &links[1]);
    CU_ASSERT_PTR_NULL(hash_table_next(at));
    hash_table_remove(&l, &links[598]);
    CU_ASSERT_PTR_EQUAL(hash_table_find(&l, 1), &links[595]);
    CU_ASSERT_PTR_NULL(hash_table_find(&l, 3));
    hash_table_free(&l);
}

/* No put moves the links of more than 64 slots, and all are found at any time. */
static void hash_table_grows_slowly(void)
{
    struct hash_table l = {0};
    struct hash_link links[1500] = {0};
    size_t slots = 8;
    for (size_t i = 0; i < 1500; i++) {
        hash_table_put(&l, &links[i], i);
        CU_ASSERT(l.size >= l.count && l.size <= slots + 64);
        slots = l.size;
        for (size_t k = 0; k <= i; k++)
            CU_ASSERT_PTR_EQUAL(hash_table_find(&l, k), &links[k]);
    }
    for (size_t i = 0; i < 1500; i++)
        hash_table_remove(&l, &links[i]);
    CU_ASSERT_EQUAL(l.count, 0);
    hash_table_free(&l);
}

/* Then those who have them are freed in any order, and each may stop its own. */
static void all_are_stopped_at_once(void)
{
    struct wakeups all = {0};
    struct wakeup each[5] = {0};
    for (size_t i = 0; i < 5; i++)
        wakeup_set(&all, &each[i], 100 - i);
    wakeups_stop(&all);
    CU_ASSERT_EQUAL(wakeups_due(&all), UINT64_MAX);
    for (size_t i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(each[i].place, 0);
        wakeup_stop(&all, &each[i]);
    }
    wakeups_free(&all);
}

SUITE("wakeup", TEST(wakes_at_the_set_time), TEST(rescheduling_at_once_does_not_loop),
      TEST(what_is_overdue_takes_turns), TEST(may_end_another_that_is_due),
      TEST(wakeups_ring_in_order), TEST(wakeups_take_turns), TEST(all_are_stopped_at_once),
      TEST(hash_table_finds_the_newest_first), TEST(hash_table_grows_slowly))
