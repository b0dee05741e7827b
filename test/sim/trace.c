#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "term/canon.h"
#include "term/text.h"
#include "world.h"

#define LINE_BYTES 400

static struct sim *current;
static char replay[200];
static bool verbose;

/* --- failures --------------------------------------------------------------- */

static void print_tail(const struct sim *s)
{
    if (s == NULL)
        return;
    fprintf(stderr, "--- last lines\n");
    for (size_t i = 0; i < TRACE_LINES; i++) {
        const struct buf *line = &s->lines[(s->lines_next + i) % TRACE_LINES];
        fwrite(line->at, 1, line->len, stderr);
    }
}

static void print_failure(void)
{
    const struct sim *s = current;
    current = NULL;
    print_tail(s);
    if (s != NULL && replay[0] != '\0')
        fprintf(stderr, "--- seed %llu, at %llu ms; to replay: %s\n",
                (unsigned long long)s->options.seed, (unsigned long long)s->now_ms, replay);
}

static void on_signal(int number)
{
    print_failure();
    signal(number, SIG_DFL);
    raise(number);
}

/* Defined in builds with a sanitizer. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

void trace_open(struct sim *s)
{
    current = s;
    signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(print_failure);
    else
        signal(SIGSEGV, on_signal);
}

void sim_replay_with(const char *command)
{
    snprintf(replay, sizeof(replay), "%s", command);
}

void sim_violated(struct sim *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "VIOLATED: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    must(s == current);
    print_failure();
    exit(EXIT_FAILURE);
}

/* --- lines ------------------------------------------------------------------ */

static void log_add(struct sim *s, const char *text)
{
    struct buf *line = &s->lines[s->lines_next];
    s->lines_next = (s->lines_next + 1) % TRACE_LINES;
    buf_clear(line);
    buf_printf(line, "[%5llu] %s\n", (unsigned long long)s->now_ms, text);
    trace_hash(s, buf_bytes(line));
    if (verbose)
        fprintf(stderr, "%.*s", SLICE(*line));
}

void sim_trace_verbose(void)
{
    verbose = true;
}

static void trace_add(struct sim *s, const char *text)
{
    buf_printf(&s->trace, "[%5llu] %s\n", (unsigned long long)s->now_ms, text);
}

void trace_printf(struct sim *s, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_add(s, text);
    trace_add(s, text);
}

void trace_log(struct sim *s, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_add(s, text);
    if (s->traces_logs)
        trace_add(s, text);
}

void sim_trace_logs(struct sim *s)
{
    s->traces_logs = true;
}

void trace_term(struct buf *out, struct bytes checked)
{
    struct buf canonical = {0};
    enum err e = canon_put(&canonical, checked);
    must(e == OK);
    text_print(out, buf_bytes(&canonical));
    buf_free(&canonical);
}

void trace_hash(struct sim *s, struct bytes bytes)
{
    s->hash = bytes_hash(bytes, s->hash * 31 + 1);
}

void trace_event(struct sim *s, unsigned i, const struct event *e)
{
    uint64_t fields[] = {s->now_ms, i,          e->kind,   e->conn,  e->port,
                         e->err,    e->written, e->random, e->store, e->journal_bytes};
    trace_hash(s, (struct bytes){(const uint8_t *)fields, sizeof(fields)});
    trace_hash(s, e->bytes);
    trace_hash(s, bytes_of(e->failure != NULL ? e->failure->what : ""));
}

void trace_actions(struct sim *s)
{
    for (size_t i = 0; i < s->outbox.count; i++) {
        const struct action *a = &s->outbox.list[i];
        uint64_t fields[] = {a->kind, a->conn,  a->port, (uint64_t)a->code,
                             a->err,  a->level, a->store};
        trace_hash(s, (struct bytes){(const uint8_t *)fields, sizeof(fields)});
        trace_hash(s, buf_bytes(&a->bytes));
    }
}

uint64_t sim_hash(const struct sim *s)
{
    return s->hash;
}

void trace_free(struct sim *s)
{
    for (size_t i = 0; i < TRACE_LINES; i++)
        buf_free(&s->lines[i]);
    buf_free(&s->trace);
    if (current == s)
        current = NULL;
}

/* --- scenarios -------------------------------------------------------------- */

void sim_trace_clear(struct sim *s)
{
    buf_clear(&s->trace);
}

bool sim_trace_is(struct sim *s, const char *text, const char *file, int line)
{
    bool same = bytes_equal(buf_bytes(&s->trace), bytes_of(text));
    if (!same) {
        s->failed = true;
        print_tail(s);
        fprintf(stderr, "--- %s:%d: expected\n%s--- got\n%.*s", file, line, text, SLICE(s->trace));
    }
    buf_clear(&s->trace);
    return same;
}

void sim_assert_failed(struct sim *s, const char *claim, const char *file, int line)
{
    s->failed = true;
    print_tail(s);
    fprintf(stderr, "--- %s:%d: at %llu ms: not true: %s\n", file, line,
            (unsigned long long)s->now_ms, claim);
}

bool sim_failed(const struct sim *s)
{
    return s->failed;
}
