#include "usage.h"

#include <uv.h>

#define US_A_S 1000000.0

static double seconds(const uv_timeval_t *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / US_A_S;
}

static void put(struct buf *out, const char *name, const char *type, const char *help,
                double number)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.3f\n", name, help, name, type, name, number);
}

void usage_put(uint64_t started_ms, struct buf *out)
{
    uv_rusage_t usage;
    size_t resident;
    put(out, "process_start_time_seconds", "gauge", "When the process started.",
        (double)started_ms / 1000);
    if (uv_getrusage(&usage) == 0)
        put(out, "process_cpu_seconds_total", "counter", "Processor time, user and system.",
            seconds(&usage.ru_utime) + seconds(&usage.ru_stime));
    if (uv_resident_set_memory(&resident) == 0)
        put(out, "process_resident_memory_bytes", "gauge", "Memory that is resident.",
            (double)resident);
}
