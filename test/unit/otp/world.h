/* A process table on the node a@h, signals from b@h, and a post that records what is sent.
 * Sent signals are compared as text, oldest first:
 *
 *     SENT("DEMONITOR b@h " US(1) " -> " THEM(4) " " OUR_REF(1)); */
#ifndef COPPICE_TEST_OTP_WORLD_H
#define COPPICE_TEST_OTP_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dist/control.h"
#include "dist/flags.h"
#include "mem.h"
#include "otp/gen.h"
#include "otp/process.h"
#include "otp/wakeup.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/text.h"
#include "term/write.h"
#include "unit/suite.h"

#define US(n)      "#Pid<'a@h'." #n ".0.7>"
#define THEM(n)    "#Pid<'b@h'." #n ".0.3>"
#define OUR_REF(n) "#Ref<'a@h'.7." #n ".0.0>"
#define REF(n)     "#Ref<'b@h'.3." #n ".2.1>"

struct world {
    struct post post; /* first, so that a post can be cast to its world */
    struct turn turn;
    struct wakeups wakeups;
    struct processes *table;
    uint64_t flags;              /* of b@h */
    struct buf sent, calls, log; /* lines */
    struct buf sent_for;         /* the node of the turn in which the last signal was sent */
    size_t sent_read, calls_read;
    size_t freed;
};

static struct world world;

static inline void write_term(struct buf *line, struct bytes term)
{
    struct buf canonical = {0};
    must(canon_put(&canonical, term) == OK);
    text_print(line, buf_bytes(&canonical));
    buf_free(&canonical);
}

static inline void write_part(struct buf *line, const char *before, struct bytes term)
{
    if (term.len == 0)
        return;
    buf_printf(line, "%s", before);
    write_term(line, term);
}

static inline void world_send(struct post *post, const struct signal *s)
{
    struct buf *line = &((struct world *)post)->sent, payload = {0};
    buf_clear(&world.sent_for);
    buf_put(&world.sent_for, world.turn.node);
    buf_put(&payload, s->payload);
    buf_put(&payload, s->rest.part);
    buf_printf(line, "%s %.*s", signal_name(s->kind), (int)s->node.len, (const char *)s->node.at);
    write_part(line, " ", s->from);
    write_part(line, " -> ", s->to);
    write_part(line, " ", s->ref);
    if (s->id != 0)
        buf_printf(line, " id %llu", (unsigned long long)s->id);
    write_part(line, " because ", s->reason);
    write_part(line, ": ", buf_bytes(&payload));
    buf_printf(line, "\n");
    buf_free(&payload);
}

static inline bool world_connected(struct post *post, struct bytes node)
{
    (void)post;
    return bytes_equal(node, BYTES("b@h"));
}

static inline uint64_t world_flags(struct post *post, struct bytes node)
{
    return world_connected(post, node) ? ((struct world *)post)->flags : 0;
}

static inline bool world_slow(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return false;
}

static inline void world_log(struct post *post, enum log_level level, struct bytes line)
{
    buf_printf(&((struct world *)post)->log, "%d %.*s\n", (int)level, (int)line.len,
               (const char *)line.at);
}

static inline void world_open(void)
{
    world = (struct world){.post = {world_send, world_connected, world_flags, world_slow, world_log,
                                    NULL, NULL, NULL, NULL}};
    world.turn = (struct turn){.now_ms = 1000, .random = 1, .post = &world.post};
    world.table = processes_new(BYTES("a@h"), 7, 1, &world.wakeups);
    world.flags = DFLAGS_OURS;
}

static inline void world_close(void)
{
    processes_free(world.table);
    wakeups_free(&world.wakeups);
    buf_free(&world.sent);
    buf_free(&world.sent_for);
    buf_free(&world.calls);
    buf_free(&world.log);
}

/* Asserts that the next line is this, and prints both if not. */
static inline void compare_line(const struct buf *lines, size_t *read, const char *wanted,
                                unsigned at)
{
    struct bytes rest = {lines->at + *read, lines->len - *read};
    const uint8_t *end = rest.len > 0 ? memchr(rest.at, '\n', rest.len) : NULL;
    struct bytes got = {rest.at, end != NULL ? (size_t)(end - rest.at) : 0};
    bool same = bytes_equal(got, bytes_of(wanted));
    CU_assertImplementation(same, at, wanted, __FILE__, "", CU_FALSE);
    if (!same)
        fprintf(stderr, "\n%u: got:    %.*s\n    wanted: %s\n", at, (int)got.len,
                (const char *)got.at, wanted);
    *read += end != NULL ? got.len + 1 : 0;
}

#define SENT(text)       compare_line(&world.sent, &world.sent_read, (text), __LINE__)
#define CALLED(text)     compare_line(&world.calls, &world.calls_read, (text), __LINE__)
#define SENT_NO_MORE()   CU_ASSERT_EQUAL(world.sent.len, world.sent_read)
#define CALLED_NO_MORE() CU_ASSERT_EQUAL(world.calls.len, world.calls_read)

static inline struct bytes term_or_none(const char *text)
{
    return text != NULL ? term_of(text) : (struct bytes){0};
}

/* An incoming signal; terms as Erlang text, NULL for none. */
struct incoming {
    enum signal_kind kind;
    const char *from, *to, *ref, *reason, *payload;
    uint64_t id;
};

static inline void receive_from(const char *node, const struct incoming *c)
{
    struct signal s = {.kind = c->kind,
                       .from = term_or_none(c->from),
                       .to = term_or_none(c->to),
                       .ref = term_or_none(c->ref),
                       .reason = term_or_none(c->reason),
                       .payload = term_or_none(c->payload),
                       .id = c->id};
    processes_signal(world.table, bytes_of(node), &s, &world.turn);
    processes_check(world.table);
}

#define RECEIVE(signal, sender, target, ...)                                                       \
    receive_from("b@h",                                                                            \
                 &(struct incoming){.kind = signal, .from = sender, .to = target, __VA_ARGS__})

static inline void advance(uint64_t ms)
{
    world.turn.now_ms += ms;
    wakeups_ring(&world.wakeups, &world.turn);
    processes_check(world.table);
}

/* The message with this name in a file of recorded messages. */
static inline struct bytes recorded(const char *file, const char *name)
{
    struct bytes external = vector(file);
    struct bytes terms = {external.at + 1, external.len - 1};
    size_t len;
    must(etf_check(terms, &len) == OK && len == terms.len);
    struct etf_in in = etf_open(terms);
    struct bytes pair;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &pair);) {
        struct etf_in at = etf_open(pair);
        etf_tuple_of(&at, 2);
        if (etf_accept(&at, name))
            return etf_any(&at);
    }
    fprintf(stderr, "\n%s has no %s\n", file, name);
    must(false);
    return terms;
}

#endif
