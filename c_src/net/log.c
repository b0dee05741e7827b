#include "log.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../limits.h"
#include "../term/utf8.h"

/* There is one standard error.  The writer's thread reads them, too. */
static _Atomic enum log_level least = LOG_INFO;
static _Atomic bool json;
static bool journal;
static struct bytes whose;

/* What stands below the lines: not changed while the writer asks for it. */
static void (*put_below)(void *who, struct buf *out);
static void *below;

/* --- the forms of a line ------------------------------------------------------------ */

/* 2026-11-30T12:00:00.000Z */
static void put_time(struct buf *out)
{
    struct timeval now;
    struct tm utc;
    char stamp[32];
    gettimeofday(&now, NULL);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    buf_printf(out, "%s.%03dZ", stamp, (int)(now.tv_usec / 1000));
}

static void put_plain(struct buf *out, struct bytes line)
{
    for (size_t i = 0; i < line.len; i++)
        buf_put_u8(out, line.at[i] < ' ' || line.at[i] == 127 ? '?' : line.at[i]);
}

/* A string of JSON (RFC 8259), which is UTF-8: other bytes are written as '?'. */
static void put_string(struct buf *out, struct bytes text)
{
    buf_put_u8(out, '"');
    while (text.len > 0) {
        uint32_t character;
        size_t n = utf8_next(text, &character);
        if (n == 0 || character < ' ' || character == 127)
            buf_put_u8(out, '?'), n += n == 0;
        else if (character == '"' || character == '\\')
            buf_printf(out, "\\%c", (int)character);
        else
            buf_put(out, (struct bytes){text.at, n});
        text = bytes_after(text, n);
    }
    buf_put_u8(out, '"');
}

static void put_object(struct buf *out, enum log_level level, struct bytes line)
{
    buf_printf(out, "{\"time\":\"");
    put_time(out);
    buf_printf(out, "\",\"level\":\"%s\",\"node\":", log_level_name(level));
    put_string(out, whose);
    buf_printf(out, ",\"message\":");
    put_string(out, line);
    buf_put_u8(out, '}');
}

static void put_line(struct buf *out, enum log_level level, struct bytes line)
{
    static const int priorities[] = {7, 6, 4, 3}; /* syslog(3) */
    if (journal)
        buf_printf(out, "<%d>", priorities[level]);
    if (json) {
        put_object(out, level, line);
    } else {
        if (!journal) {
            put_time(out);
            buf_printf(out, " %s ", log_level_name(level));
        }
        put_plain(out, line);
    }
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

/* --- writing -------------------------------------------------------------------------- */

/* A node that hangs in its last line would not be restarted. */
static void print_or_not(const char *text)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&room, 1, LIMIT_FLUSH_MS) == 1 && write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

/* A program that was started by a service may have its variable, and another standard error. */
static bool goes_to_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    char own[64];
    if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
        return false;
    snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    return strcmp(stream, own) == 0;
}

struct writer *log_open(struct bytes node)
{
    whose = node;
    journal = goes_to_journal();
    die_by(print_or_not);
    return writer_new(STDERR_FILENO, put_lost);
}

void log_set(enum log_level level, bool as_json)
{
    least = level;
    json = as_json;
}

void log_line(struct writer *log, enum log_level level, struct bytes line)
{
    struct buf out = {0};
    if (level < least)
        return;
    put_line(&out, level, line);
    writer_put(log, buf_bytes(&out));
    buf_free(&out);
}

static void put_standing(void *who, struct buf *out)
{
    struct buf text = {0};
    (void)who;
    if (!json && least <= LOG_INFO)
        put_below(below, &text);
    put_plain(out, buf_bytes(&text));
    buf_free(&text);
}

void log_stand(struct writer *log, void (*put)(void *who, struct buf *out), void *who)
{
    if (!isatty(STDERR_FILENO))
        return;
    writer_stand(log, NULL, NULL);
    put_below = put;
    below = who;
    if (put != NULL)
        writer_stand(log, put_standing, NULL);
}
