/* Two replicas on two coppices that exchange messages, and what these cost. */
#ifndef COPPICE_TEST_REPLICA_PAIR_H
#define COPPICE_TEST_REPLICA_PAIR_H

#include "dist/flags.h"
#include "mem.h"
#include "otp/wakeup.h"
#include "replica/replica.h"
#include "term/canon.h"
#include "unit/replica/large.h"

struct side {
    struct post post; /* first: the post is the side */
    struct bytes node;
    struct wakeups wakeups;
    struct processes *table;
    struct process *replica;
    struct turn turn;
    size_t messages, bytes; /* sent */
    bool cut;               /* what it sends is lost */
};

/* A signal in flight. */
struct packet {
    struct packet *next;
    struct side *from;
    struct signal signal;
    struct buf memory[5];
};

static struct {
    struct side a, b;
    struct packet *first, **end;
} pair;

static inline struct bytes packet_copy(struct buf *memory, struct bytes slice)
{
    buf_put(memory, slice);
    return buf_bytes(memory);
}

static inline void pair_send(struct post *post, const struct signal *s)
{
    struct side *from = (struct side *)post;
    from->messages += s->payload.len > 0;
    from->bytes += s->payload.len;
    if (from->cut)
        return;
    struct packet *l = mem_take(sizeof(*l));
    l->from = from;
    l->signal = *s;
    l->signal.node = (struct bytes){0};
    l->signal.from = packet_copy(&l->memory[0], s->from);
    l->signal.to = packet_copy(&l->memory[1], s->to);
    l->signal.ref = packet_copy(&l->memory[2], s->ref);
    l->signal.reason = packet_copy(&l->memory[3], s->reason);
    l->signal.payload = packet_copy(&l->memory[4], s->payload);
    *pair.end = l;
    pair.end = &l->next;
}

static inline bool pair_connected(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return true;
}

static inline uint64_t pair_flags(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return DFLAGS_OURS;
}

static inline bool pair_slow(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return false;
}

static inline void pair_log(struct post *post, enum log_level level, struct bytes line)
{
    (void)post;
    CU_ASSERT(level == LOG_INFO);
    if (level != LOG_INFO)
        fprintf(stderr, "%.*s\n", (int)line.len, (const char *)line.at);
}

static inline void side_open(struct side *s, struct bytes node, const char *options)
{
    struct replica_options o;
    struct options_error error;
    s->post = (struct post){pair_send, pair_connected, pair_flags, pair_slow, pair_log,
                            NULL,      NULL,           NULL,       NULL};
    s->node = node;
    s->turn = (struct turn){.now_ms = 1000, .wall_ms = 1, .random = node.at[0], .post = &s->post};
    s->table = processes_new(node, 7, 1, &s->wakeups);
    must(replica_options_read(&o, term_of("views"), term_of(options), node, &error) == OK);
    s->replica = replica_start(s->table, &o, NULL, &s->turn);
    replica_settled(s->replica, true, &s->turn);
}

/* Neither is a member for the other yet. */
static inline void pair_open(const char *type, const char *more)
{
    char options[200];
    snprintf(options, sizeof(options), "#{crdt => %s, sync_interval => 1000, %s}", type, more);
    memset(&pair, 0, sizeof(pair));
    pair.end = &pair.first;
    side_open(&pair.a, BYTES("a@h"), options);
    side_open(&pair.b, BYTES("b@h"), options);
}

/* At most so many messages. */
static inline void pair_deliver_some(size_t most)
{
    for (struct packet *l; (l = pair.first) != NULL && most > 0; most--) {
        struct side *to = l->from == &pair.a ? &pair.b : &pair.a;
        pair.first = l->next;
        if (pair.first == NULL)
            pair.end = &pair.first;
        processes_signal(to->table, l->from->node, &l->signal, &to->turn);
        processes_tidy(to->table);
        for (size_t i = 0; i < 5; i++)
            buf_free(&l->memory[i]);
        mem_free(l);
    }
}

static inline void pair_deliver(void)
{
    pair_deliver_some(SIZE_MAX);
}

static inline void pair_close(void)
{
    pair_deliver();
    processes_free(pair.a.table);
    processes_free(pair.b.table);
    wakeups_free(&pair.a.wakeups);
    wakeups_free(&pair.b.wakeups);
}

/* Lets time pass for both. */
static inline void pair_wait_ms(uint64_t ms)
{
    for (uint64_t until = pair.a.turn.now_ms + ms; pair.a.turn.now_ms < until;) {
        uint64_t a = wakeups_due(&pair.a.wakeups), b = wakeups_due(&pair.b.wakeups);
        uint64_t next = a < b ? a : b;
        pair.a.turn.now_ms = pair.b.turn.now_ms = next < until ? next : until;
        wakeups_ring(&pair.a.wakeups, &pair.a.turn);
        wakeups_ring(&pair.b.wakeups, &pair.b.turn);
        pair_deliver();
    }
}

static inline void side_sees(struct side *s, struct side *other)
{
    replica_joined(s->replica, process_pid(other->replica), false, &s->turn);
    pair_deliver();
}

/* Merges a delta, and syncs so that no delta of it remains. */
static inline void side_receives(struct side *s, struct bytes delta)
{
    process_deliver(s->replica, delta, &s->turn);
    process_deliver(s->replica, term_of("sync_now"), &s->turn);
    pair_deliver();
}

static inline bool pair_agrees(void)
{
    return digest_of(replica_crdt(pair.a.replica)) == digest_of(replica_crdt(pair.b.replica));
}

static inline void pair_reset_counts(void)
{
    pair.a.messages = pair.a.bytes = pair.b.messages = pair.b.bytes = 0;
}

#endif
