#include "log.h"

#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../limits.h"

static void put_line(struct buf *out, enum log_level level, struct bytes line)
{
    static const char *const names[] = {"info", "warning", "error"};
    struct timeval now;
    struct tm utc;
    char stamp[32];
    gettimeofday(&now, NULL);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    buf_printf(out, "%s.%03dZ %s ", stamp, (int)(now.tv_usec / 1000), names[level]);
    for (size_t i = 0; i < line.len; i++)
        buf_put_u8(out, line.at[i] < ' ' || line.at[i] == 127 ? '?' : line.at[i]);
    buf_put_u8(out, '\n');
}

static void put_lost(struct buf *out, size_t count)
{
    struct buf line = {0};
    buf_printf(&line, "%zu log line%s lost: standard error took no more", count,
               count == 1 ? " was" : "s were");
    put_line(out, LOG_WARNING, buf_bytes(&line));
    buf_free(&line);
}

/* A node that hangs in its last line would not be restarted. */
static void print_or_not(const char *text)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&room, 1, LIMIT_FLUSH_MS) == 1 && write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

struct writer *log_open(void)
{
    die_by(print_or_not);
    return writer_new(STDERR_FILENO, put_lost);
}

void log_line(struct writer *log, enum log_level level, struct bytes line)
{
    struct buf out = {0};
    put_line(&out, level, line);
    writer_put(log, buf_bytes(&out));
    buf_free(&out);
}
