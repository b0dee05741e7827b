/* One pg scope on c1@127.0.0.1, with a post that records what is sent, a listener that records
 * its calls, and messages from peers as Erlang text. */
#ifndef COPPICE_TEST_PG_PG_WORLD_H
#define COPPICE_TEST_PG_PG_WORLD_H

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "limits.h"
#include "mem.h"
#include "otp/wakeup.h"
#include "pg/pg.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/text.h"
#include "term/write.h"
#include "unit/suite.h"

#define B        "b1@127.0.0.1"
#define B_SCOPE  "#Pid<'" B "'.80.0.7>"
#define B_OTHER  "#Pid<'" B "'.90.0.7>"
#define B_ONE    "#Pid<'" B "'.81.0.7>"
#define B_TWO    "#Pid<'" B "'.82.0.7>"
#define A_ONE    "#Pid<'a1@127.0.0.1'.81.0.7>"
#define OURS     "#Pid<'c1@127.0.0.1'.500.0.9>"
#define OURS_TOO "#Pid<'c1@127.0.0.1'.501.0.9>"

struct sent {
    enum signal_kind kind;
    struct buf to, ref, payload; /* canonical */
};

struct world {
    struct post post;
    struct turn turn;
    struct wakeups wakeups;
    struct processes *table;
    struct process *scope;
    const char *cut; /* the node that is not connected */
    struct sent *sent;
    size_t sent_count, sent_cap, read; /* read: how many of them have been asserted */
    unsigned lines;                    /* logged */
    struct buf notified;               /* calls of the listener, as text */
    size_t joined, left;
    bool quiet;          /* the listener only counts */
    const char *reader;  /* if set, of each turn in which somebody joins */
    struct buf name_ref; /* of the last monitor of a name; empty once demonitored */
    bool holds;          /* large messages of connected nodes are worked off in steps */
    unsigned held;       /* so many, until they are released */
};

static inline void put_canonical(struct buf *out, struct bytes term)
{
    if (term.len > 0)
        must(canon_put(out, term) == OK);
}

/* Each discover to a name comes with a monitor of the name, which is not recorded in sent. */
static inline bool watches_a_name(struct world *w, const struct signal *s)
{
    bool name = (s->kind == SIGNAL_MONITOR || s->kind == SIGNAL_DEMONITOR) && s->to.at[0] == 119;
    if (name)
        buf_clear(&w->name_ref);
    if (name && s->kind == SIGNAL_MONITOR)
        put_canonical(&w->name_ref, s->ref);
    return name;
}

static inline void record(struct post *post, const struct signal *s)
{
    struct world *w = (struct world *)post;
    if (watches_a_name(w, s))
        return;
    w->sent = mem_room(w->sent, w->sent_count, &w->sent_cap, sizeof(struct sent));
    struct sent *sent = &w->sent[w->sent_count++];
    *sent = (struct sent){.kind = s->kind};
    put_canonical(&sent->to, s->to);
    put_canonical(&sent->ref, s->ref);
    put_canonical(&sent->payload, s->payload);
}

static inline bool connected(struct post *post, struct bytes node)
{
    const struct world *w = (const struct world *)post;
    return w->cut == NULL || !bytes_equal(node, bytes_of(w->cut));
}

static inline uint64_t no_flags(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return 0;
}

static inline bool never_slow(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return false;
}

static inline uint64_t hold(struct post *post, struct bytes node)
{
    struct world *w = (struct world *)post;
    bool may = w->holds && connected(post, node);
    w->held += may;
    return may;
}

static inline void release(struct post *post, uint64_t hold)
{
    struct world *w = (struct world *)post;
    must(hold == 1 && w->held > 0);
    w->held--;
}

static inline void count_line(struct post *post, enum log_level level, struct bytes line)
{
    (void)level;
    ((struct world *)post)->lines++;
    CU_ASSERT(line.len > 0);
}

static inline void notify(struct world *w, char sign, struct bytes group, struct bytes pid)
{
    if (w->quiet)
        return;
    buf_printf(&w->notified, "%c", sign);
    text_print(&w->notified, group);
    struct etf_in in = etf_open(pid);
    buf_printf(&w->notified, ":%u ", etf_pid(&in).id);
}

static inline void on_joined(void *who, struct process *scope, struct bytes group, struct bytes pid,
                             struct turn *t)
{
    struct world *w = who;
    CU_ASSERT(t == &w->turn && scope == w->scope);
    if (w->reader != NULL)
        CU_ASSERT(bytes_equal(t->node, bytes_of(w->reader)) && bytes_equal(t->reader, t->node));
    w->joined++;
    notify(w, '+', group, pid);
}

static inline void on_left(void *who, struct process *scope, struct bytes group, struct bytes pid,
                           struct turn *t)
{
    struct world *w = who;
    CU_ASSERT(t == &w->turn && scope == w->scope);
    w->left++;
    notify(w, '-', group, pid);
}

static inline struct world *world_new_with(uint64_t secret)
{
    struct world *w = mem_take(sizeof(*w));
    w->post = (struct post){.send = record,
                            .connected = connected,
                            .flags = no_flags,
                            .slow = never_slow,
                            .log = count_line,
                            .hold = hold,
                            .release = release};
    w->turn = (struct turn){.now_ms = 1000000, .random = 1, .post = &w->post};
    w->table = processes_new(BYTES("c1@127.0.0.1"), 9, secret, &w->wakeups);
    w->scope =
        pg_start(w->table, BYTES("grove"), &(struct pg_listener){on_joined, on_left, w}, &w->turn);
    must(w->scope != NULL);
    return w;
}

static inline struct world *world_new(void)
{
    return world_new_with(1);
}

static inline void world_forget_sent(struct world *w)
{
    for (size_t i = 0; i < w->sent_count; i++) {
        buf_free(&w->sent[i].to);
        buf_free(&w->sent[i].ref);
        buf_free(&w->sent[i].payload);
    }
    w->sent_count = w->read = 0;
}

static inline void world_free(struct world *w)
{
    processes_free(w->table);
    wakeups_free(&w->wakeups);
    world_forget_sent(w);
    mem_free(w->sent);
    buf_free(&w->notified);
    buf_free(&w->name_ref);
    mem_free(w);
}

static inline void receive(struct world *w, const char *message)
{
    process_deliver(w->scope, wall(term_of(message)), &w->turn);
}

/* What comes from that node, with a signal of it. */
static inline void receive_from(struct world *w, const char *node, struct bytes message)
{
    w->turn.node = bytes_of(node);
    process_deliver(w->scope, message, &w->turn);
    w->turn.node = (struct bytes){0};
}

static inline void join(struct world *w, const char *group, const char *pid)
{
    pg_join(w->scope, term_of(group), term_of(pid), &w->turn);
}

static inline void leave(struct world *w, const char *group, const char *pid)
{
    pg_leave(w->scope, term_of(group), term_of(pid), &w->turn);
}

static inline void wait_ms(struct world *w, uint64_t ms)
{
    w->turn.now_ms += ms;
    if (wakeups_due(&w->wakeups) <= w->turn.now_ms)
        wakeups_ring(&w->wakeups, &w->turn);
}

/* The next signal that was sent, which must be of this kind. */
static inline struct sent *next_sent(struct world *w, enum signal_kind kind)
{
    static struct sent nothing;
    if (w->read == w->sent_count || w->sent[w->read].kind != kind) {
        CU_FAIL("the next signal is missing or of another kind");
        return &nothing;
    }
    return &w->sent[w->read++];
}

/* Erlang text in which SELF stands for the scope's pid. */
static inline struct bytes with_self(const struct world *w, const char *text)
{
    struct buf out = {0};
    for (const char *at; (at = strstr(text, "SELF")) != NULL; text = at + 4) {
        buf_put(&out, (struct bytes){(const uint8_t *)text, (size_t)(at - text)});
        text_print(&out, process_pid(w->scope));
    }
    buf_put(&out, bytes_of(text));
    buf_put_u8(&out, 0);
    struct bytes term = term_of((const char *)out.at);
    buf_free(&out);
    return term;
}

/* The next signal sent is this message to this pid or name. */
static inline void assert_sent(struct world *w, const char *to, const char *message)
{
    struct sent *sent = next_sent(w, to[0] == '#' ? SIGNAL_SEND : SIGNAL_REG_SEND);
    if (sent->to.len == 0)
        return;
    ASSERT_TERM(buf_bytes(&sent->to), term_of(to));
    ASSERT_TERM(buf_bytes(&sent->payload), with_self(w, message));
}

static inline void assert_monitored(struct world *w, const char *pid)
{
    CU_ASSERT(bytes_equal(buf_bytes(&next_sent(w, SIGNAL_MONITOR)->to), term_of(pid)));
}

static inline void assert_nothing_sent(const struct world *w)
{
    CU_ASSERT_EQUAL(w->read, w->sent_count);
}

/* Asserts the listener's calls since the last time: +GROUP:ID joined, -GROUP:ID left. */
static inline void assert_notified(struct world *w, const char *text)
{
    bool same = bytes_equal(buf_bytes(&w->notified), bytes_of(text));
    CU_ASSERT(same);
    if (!same)
        fprintf(stderr, "\n     got: %.*s\n  wanted: %s\n", (int)w->notified.len,
                w->notified.len > 0 ? (const char *)w->notified.at : "", text);
    buf_clear(&w->notified);
}

/* The peer's node reports that the monitored process is down. */
static inline void down(struct world *w, const char *pid, const char *reason)
{
    struct sent *monitor = NULL;
    for (size_t i = 0; i < w->sent_count; i++)
        if (w->sent[i].kind == SIGNAL_MONITOR &&
            bytes_equal(buf_bytes(&w->sent[i].to), term_of(pid)))
            monitor = &w->sent[i];
    must(monitor != NULL);
    struct signal s = {.kind = SIGNAL_MONITOR_EXIT,
                       .from = term_of(pid),
                       .to = process_pid(w->scope),
                       .ref = buf_bytes(&monitor->ref),
                       .reason = term_of(reason)};
    processes_signal(w->table, node_of(s.from), &s, &w->turn);
}

/* The peer's node reports that the monitored name is down. */
static inline void name_down(struct world *w, const char *node, const char *reason)
{
    struct term ref = term_take(&w->name_ref);
    struct signal s = {.kind = SIGNAL_MONITOR_EXIT,
                       .from = term_of("grove"),
                       .to = process_pid(w->scope),
                       .ref = term_bytes(&ref),
                       .reason = term_of(reason)};
    processes_signal(w->table, bytes_of(node), &s, &w->turn);
    term_free(&ref);
}

/* Exchanges discover and members with B's scope, which has these. */
static inline void meet_b(struct world *w, const char *members)
{
    struct buf sync = {0};
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    buf_printf(&sync, "{'$gen_cast', {sync, %s, %s}}", B_SCOPE, members);
    buf_put_u8(&sync, 0);
    receive(w, (const char *)sync.at);
    buf_free(&sync);
    receive(w, "{discover, " B_SCOPE "}");
    w->read = w->sent_count;
    buf_clear(&w->notified);
}

static inline void members_text(void *who, struct bytes pid)
{
    struct etf_in in = etf_open(pid);
    struct etf_pid p = etf_pid(&in);
    struct etf_in node = etf_open(p.node);
    struct atom name;
    etf_atom(&node, &name);
    buf_printf(who, "%.2s%u ", (const char *)name.text, p.id);
}

static inline void assert_members(const struct world *w, const char *group, const char *text)
{
    struct buf out = {0};
    pg_members(w->scope, term_of(group), members_text, &out);
    CU_ASSERT(bytes_equal(buf_bytes(&out), bytes_of(text)));
    buf_free(&out);
}

#endif
