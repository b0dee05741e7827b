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
static bool aloud;

/* --- failures --------------------------------------------------------------- */

static void show(const struct sim *s)
{
    if (s == NULL)
        return;
    fprintf(stderr, "--- the last lines\n");
    for (size_t i = 0; i < TRACE_LINES; i++) {
        const struct buf *line = &s->lines[(s->lines_next + i) % TRACE_LINES];
        fwrite(line->at, 1, line->len, stderr);
    }
}

static void show_all(void)
{
    const struct sim *s = current;
    current = NULL;
    show(s);
    if (s != NULL && replay[0] != '\0')
        fprintf(stderr, "--- seed %llu, at %llu ms; once more: %s\n",
                (unsigned long long)s->options.seed, (unsigned long long)s->now_ms, replay);
}

static void broken(int number)
{
    show_all();
    signal(number, SIG_DFL);
    raise(number);
}

/* Where the program is built with a sanitizer: what to do when that ends it. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

void trace_open(struct sim *s)
{
    current = s;
    signal(SIGABRT, broken);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(show_all);
    else
        signal(SIGSEGV, broken);
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
    show_all();
    exit(EXIT_FAILURE);
}

/* --- lines ------------------------------------------------------------------ */

static void line_add(struct sim *s, const char *text)
{
    struct buf *line = &s->lines[s->lines_next];
    s->lines_next = (s->lines_next + 1) % TRACE_LINES;
    buf_clear(line);
    buf_printf(line, "[%5llu] %s\n", (unsigned long long)s->now_ms, text);
    trace_hash(s, buf_bytes(line));
    if (aloud)
        fprintf(stderr, "%.*s", SLICE(*line));
}

void sim_trace_aloud(void)
{
    aloud = true;
}

static void story_add(struct sim *s, const char *text)
{
    buf_printf(&s->story, "[%5llu] %s\n", (unsigned long long)s->now_ms, text);
}

void trace_deed(struct sim *s, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    line_add(s, text);
    story_add(s, text);
}

void trace_log(struct sim *s, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    line_add(s, text);
    if (s->tells_logs)
        story_add(s, text);
}

void sim_trace_logs(struct sim *s)
{
    s->tells_logs = true;
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
    buf_free(&s->story);
    if (current == s)
        current = NULL;
}

/* --- stories ---------------------------------------------------------------- */

void sim_trace_forget(struct sim *s)
{
    buf_clear(&s->story);
}

bool sim_trace_is(struct sim *s, const char *text, const char *file, int line)
{
    bool same = bytes_equal(buf_bytes(&s->story), bytes_of(text));
    if (!same) {
        s->failed = true;
        show(s);
        fprintf(stderr, "--- %s:%d: wanted\n%s--- and got\n%.*s", file, line, text,
                SLICE(s->story));
    }
    buf_clear(&s->story);
    return same;
}

void sim_claim_failed(struct sim *s, const char *claim, const char *file, int line)
{
    s->failed = true;
    show(s);
    fprintf(stderr, "--- %s:%d: at %llu ms it is false that %s\n", file, line,
            (unsigned long long)s->now_ms, claim);
}

bool sim_failed(const struct sim *s)
{
    return s->failed;
}
