#include "crdt/hlc_struct.h"

#include "err.h"
#include "term/canon.h"
#include "unit/suite.h"

#define HLC(more)                                                                                  \
    "#{'__struct__' => 'Elixir.Grove.HybridLogicalClock', counter => 7, node => {n, 1}, " more     \
    "time => 1700000000000}"

static bool is(struct hlc t, int64_t time_ms, uint32_t counter)
{
    return t.time_ms == time_ms && t.counter == counter;
}

static void follows_the_wall_clock(void)
{
    struct hlc t = {0};
    t = hlc_tick(t, 1000);
    CU_ASSERT(is(t, 1000, 0));
    t = hlc_tick(t, 1000);
    CU_ASSERT(is(t, 1000, 1));
    t = hlc_tick(t, 1000);
    CU_ASSERT(is(t, 1000, 2));
    t = hlc_tick(t, 1001);
    CU_ASSERT(is(t, 1001, 0));
}

static void stays_monotonic_when_the_wall_clock_goes_back(void)
{
    struct hlc t = {5000, 3}, last = t;
    for (uint64_t wall = 4999; wall > 4000; wall--, last = t) {
        t = hlc_tick(t, wall);
        CU_ASSERT(hlc_compare(t, last) > 0 && t.time_ms == 5000);
    }
    CU_ASSERT(is(hlc_tick((struct hlc){-5, 9}, 0), 0, 0));
    CU_ASSERT(is(hlc_tick((struct hlc){0, 0}, 0), 0, 1));
}

/* Times from peers may be anything; ours continue from there. */
static void carries_at_the_limits(void)
{
    CU_ASSERT(is(hlc_tick((struct hlc){5000, UINT32_MAX}, 1), 5001, 0));
    CU_ASSERT(is(hlc_tick((struct hlc){INT64_MAX, 4}, 1), INT64_MAX, 5));
    CU_ASSERT(is(hlc_tick((struct hlc){INT64_MAX, UINT32_MAX}, 1), INT64_MAX, UINT32_MAX));
    CU_ASSERT(is(hlc_tick((struct hlc){5, 5}, UINT64_MAX), INT64_MAX, 0));
}

/* Anywhere in the millisecond before. */
static bool begins_run(struct hlc time, bool own)
{
    struct hlc one, other;
    CU_ASSERT(hlc_before(time, own, 12345678, &one) && hlc_before(time, own, UINT64_MAX, &other));
    CU_ASSERT(one.counter >= HLC_RUN_FIRST && one.counter < HLC_RUN_LAST);
    CU_ASSERT(other.counter >= HLC_RUN_FIRST && other.counter < HLC_RUN_LAST);
    return one.time_ms == time.time_ms - 1 && other.time_ms == one.time_ms &&
           one.counter != other.counter;
}

static void gives_the_time_before(void)
{
    struct hlc before;
    CU_ASSERT(begins_run((struct hlc){5, 3}, false) && begins_run((struct hlc){0, 0}, true));
    CU_ASSERT(begins_run((struct hlc){INT64_MIN + 1, 3}, false));
    CU_ASSERT(!hlc_before((struct hlc){INT64_MIN, 3}, true, 1, &before));
    CU_ASSERT(!hlc_before((struct hlc){INT64_MIN, HLC_RUN_LAST}, true, 1, &before));
}

/* Only a run of our own is continued, and only within its bounds. */
static void continues_runs(void)
{
    struct hlc before, run = hlc_run(5000, 999999);
    CU_ASSERT(run.time_ms == 5000 && run.counter >= HLC_RUN_FIRST && run.counter < HLC_RUN_LAST);
    CU_ASSERT(hlc_before(run, true, 1, &before) && is(before, 5000, run.counter - 1));
    CU_ASSERT(begins_run(run, false));
    CU_ASSERT(hlc_before((struct hlc){5, HLC_RUN_FIRST + 1}, true, 1, &before) &&
              is(before, 5, HLC_RUN_FIRST));
    CU_ASSERT(begins_run((struct hlc){5, HLC_RUN_FIRST}, true));
    CU_ASSERT(begins_run((struct hlc){5, HLC_RUN_LAST}, true));
    CU_ASSERT(hlc_run(UINT64_MAX, 7).time_ms == INT64_MAX);
}

static void is_ordered_by_time_then_counter(void)
{
    static const struct hlc times[] = {{INT64_MIN, 9},  {-1, 0}, {0, 0},        {0, 1},
                                       {0, UINT32_MAX}, {1, 0},  {INT64_MAX, 0}};
    for (int i = 0; i < 7; i++) {
        for (int j = 0; j < 7; j++) {
            int order = hlc_compare(times[i], times[j]);
            CU_ASSERT(i < j ? order < 0 : i > j ? order > 0 : order == 0);
        }
    }
}

static void check_round_trip(const char *text)
{
    struct hlc t;
    struct bytes node;
    struct buf extras = {0}, out = {0}, canonical = {0};
    CU_ASSERT(hlc_read(wall(term_of(text)), &t, &node, &extras) == OK);
    CU_ASSERT(is(t, 1700000000000, 7));
    ASSERT_TERM(node, term_of("{n, 1}"));
    struct extras more = {{extras.at, extras.len}};
    hlc_put(&out, t, node, &more);
    CU_ASSERT(canon_put(&canonical, buf_bytes(&out)) == OK);
    ASSERT_TERM(buf_bytes(&canonical), term_of(text));
    CU_ASSERT(bytes_equal(buf_bytes(&out), buf_bytes(&canonical)));
    buf_free(&extras);
    buf_free(&out);
    buf_free(&canonical);
}

static void round_trips(void)
{
    check_round_trip(HLC(""));
    check_round_trip(HLC("drift => 4, 'Z' => [], "));
}

#define WRONG(counter, time)                                                                       \
    "#{'__struct__' => 'Elixir.Grove.HybridLogicalClock', node => n, counter => " counter          \
    ", time => " time "}"

static void refuses_malformed_structs(void)
{
    static const struct {
        const char *text;
        enum err wanted;
    } wrong[] = {
        {"7", ERR_SHAPE},
        {"#{counter => 7, node => n, time => 1}", ERR_SHAPE},
        {"#{'__struct__' => 'Elixir.Grove.HybridLogicalClock', node => n, time => 1}", ERR_SHAPE},
        {WRONG("1.0", "1"), ERR_SHAPE},
        {WRONG("1", "nil"), ERR_SHAPE},
        {WRONG("-1", "1"), ERR_RANGE},
        {WRONG("4294967296", "1"), ERR_RANGE},
        {WRONG("1", "9223372036854775808"), ERR_RANGE},
        {WRONG("1", "-9223372036854775809"), ERR_RANGE},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct hlc t;
        struct bytes node;
        CU_ASSERT(hlc_read(wall(term_of(wrong[i].text)), &t, &node, NULL) == wrong[i].wanted);
    }
}

SUITE("hlc", TEST(follows_the_wall_clock), TEST(stays_monotonic_when_the_wall_clock_goes_back),
      TEST(carries_at_the_limits), TEST(gives_the_time_before), TEST(continues_runs),
      TEST(is_ordered_by_time_then_counter), TEST(round_trips), TEST(refuses_malformed_structs))
