#include "hlc.h"

int hlc_compare(struct hlc a, struct hlc b)
{
    if (a.time_ms != b.time_ms)
        return a.time_ms < b.time_ms ? -1 : 1;
    return (a.counter > b.counter) - (a.counter < b.counter);
}

/* The last time may be a peer's: one far ahead must not stop the clock. */
struct hlc hlc_tick(struct hlc last, uint64_t wall_ms)
{
    int64_t now = wall_ms < INT64_MAX ? (int64_t)wall_ms : INT64_MAX;
    if (now > last.time_ms)
        return (struct hlc){now, 0};
    if (last.counter < UINT32_MAX)
        return (struct hlc){last.time_ms, last.counter + 1};
    if (last.time_ms < INT64_MAX)
        return (struct hlc){last.time_ms + 1, 0};
    return last;
}

bool hlc_before(struct hlc time, struct hlc *before)
{
    if (time.time_ms == INT64_MIN)
        return false;
    *before = (struct hlc){time.time_ms - 1, 0};
    return true;
}
