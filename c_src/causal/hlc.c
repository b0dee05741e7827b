#include "hlc.h"

#include "../limits.h"

int hlc_compare(struct hlc a, struct hlc b)
{
    if (a.time_ms != b.time_ms)
        return a.time_ms < b.time_ms ? -1 : 1;
    return (a.counter > b.counter) - (a.counter < b.counter);
}

static int64_t clamped(uint64_t wall_ms)
{
    return wall_ms < INT64_MAX ? (int64_t)wall_ms : INT64_MAX;
}

/* The last time may be a peer's: one far ahead must not stop the clock. */
struct hlc hlc_tick(struct hlc last, uint64_t wall_ms)
{
    int64_t now = clamped(wall_ms);
    if (now > last.time_ms)
        return (struct hlc){now, 0};
    if (last.counter < UINT32_MAX)
        return (struct hlc){last.time_ms, last.counter + 1};
    if (last.time_ms < INT64_MAX)
        return (struct hlc){last.time_ms + 1, 0};
    return last;
}

bool hlc_is_followed(struct hlc time, uint64_t wall_ms)
{
    int64_t now = clamped(wall_ms);
    return time.time_ms <= now || time.time_ms - now <= LIMIT_CLOCK_AHEAD_MS;
}

static uint32_t run_counter(uint64_t random)
{
    return HLC_RUN_FIRST + (uint32_t)(random % (HLC_RUN_LAST - HLC_RUN_FIRST));
}

struct hlc hlc_run(uint64_t wall_ms, uint64_t random)
{
    return (struct hlc){clamped(wall_ms), run_counter(random)};
}

bool hlc_before(struct hlc time, bool own, uint64_t random, struct hlc *before)
{
    if (own && time.counter > HLC_RUN_FIRST && time.counter < HLC_RUN_LAST) {
        *before = (struct hlc){time.time_ms, time.counter - 1};
        return true;
    }
    if (time.time_ms == INT64_MIN)
        return false;
    *before = (struct hlc){time.time_ms - 1, run_counter(random)};
    return true;
}
