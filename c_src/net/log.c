#include "log.h"

#include <stdio.h>
#include <sys/time.h>
#include <time.h>

void log_line(enum log_level level, struct bytes line)
{
    static const char *const names[] = {"info", "warning", "error"};
    struct timeval now;
    struct tm utc;
    char stamp[32];
    struct buf out = {0};
    gettimeofday(&now, NULL);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    buf_printf(&out, "%s.%03dZ %s ", stamp, (int)(now.tv_usec / 1000), names[level]);
    for (size_t i = 0; i < line.len; i++)
        buf_put_u8(&out, line.at[i] < ' ' || line.at[i] == 127 ? '?' : line.at[i]);
    buf_put_u8(&out, '\n');
    fwrite(out.at, 1, out.len, stderr);
    buf_free(&out);
}
