/* A world for one replica, page_views on a@h with the actor <<"c1">>: delivers messages from other
 * nodes to it, and records the messages that it sends.
 *
 *     deliver("{'$gen_call', {" THEM(1) ", t}, value}");
 *     SENT(THEM(1), "{t, {ok, 0}}");
 *     SENT_NOTHING();
 *
 * Monitors are not recorded.  Storage operations are, in order with the messages:
 *
 *     DISK_OP("load"); */
#ifndef COPPICE_TEST_REPLICA_WORLD_H
#define COPPICE_TEST_REPLICA_WORLD_H

#include <stdio.h>
#include <string.h>

#include "dist/flags.h"
#include "limits.h"
#include "otp/wakeup.h"
#include "replica/replica.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/text.h"
#include "term/write.h"
#include "unit/suite.h"

/* Pids of the replica and of processes on two other nodes. */
#define US         "#Pid<'a@h'.1.0.7>"
#define THEM(n)    "#Pid<'b@h'." #n ".0.3>"
#define OTHERS(n)  "#Pid<'c@h'." #n ".0.4>"
#define OUR_REF(n) "#Ref<'a@h'.7." #n ".0.0>"

#define CALL(n, request) "{'$gen_call', {" THEM(n) ", t" #n "}, " request "}"
#define CAST(request)    "{'$gen_cast', " request "}"
#define REPLY(n, reply)  "{t" #n ", " reply "}"

#define GCOUNTER(actor, counts)                                                                    \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter', actor => " actor ", counts => " counts     \
    ", delta_buffer => #{}}"
#define OURS(counts)        GCOUNTER("<<\"c1\">>", counts)
#define OUR_DELTA(counts)   "{grove_delta, " OURS(counts) ", " US "}"
#define THEIR_DELTA(counts) "{grove_delta, " GCOUNTER("b", counts) ", " THEM(9) "}"

#define SYNC_MS 1000

struct world {
    struct post post; /* first: the post is the world */
    struct replica_disk disk;
    bool disk_is_busy; /* save returns false */
    unsigned percent;  /* that was last said to be joined of what was loaded */
    struct turn turn;
    struct wakeups wakeups;
    struct processes *table;
    struct process *replica;
    struct bytes slow;  /* this node is slow, and busy */
    struct buf sent;    /* lines */
    struct buf payload; /* of the last message, as encoded */
    struct buf log;
    struct buf sent_for; /* the node of the turn in which the last message was sent */
    bool quiet;          /* nothing else is recorded of what is sent */
    size_t read;         /* bytes of sent that have been checked or skipped */
};

static struct world world;

static inline void write_term(struct buf *line, struct bytes term)
{
    struct buf canonical = {0};
    must(canon_put(&canonical, term) == OK);
    text_print(line, buf_bytes(&canonical));
    buf_free(&canonical);
}

static inline void world_send(struct post *post, const struct signal *s)
{
    struct world *w = (struct world *)post;
    if (s->payload.len == 0)
        return;
    buf_clear(&w->sent_for);
    buf_put(&w->sent_for, w->turn.node);
    if (w->quiet)
        return;
    buf_clear(&w->payload);
    buf_put(&w->payload, s->payload);
    buf_put(&w->payload, s->rest.part);
    write_term(&w->sent, s->to);
    buf_printf(&w->sent, " ");
    write_term(&w->sent, buf_bytes(&w->payload));
    buf_printf(&w->sent, "\n");
}

static inline bool world_connected(struct post *post, struct bytes node)
{
    (void)post;
    return !bytes_equal(node, BYTES("gone@h"));
}

static inline uint64_t world_flags(struct post *post, struct bytes node)
{
    return world_connected(post, node) ? DFLAGS_OURS : 0;
}

static inline bool world_slow(struct post *post, struct bytes node)
{
    return bytes_equal(node, ((struct world *)post)->slow);
}

static inline void world_log(struct post *post, enum log_level level, struct bytes line)
{
    buf_printf(&((struct world *)post)->log, "%d %.*s\n", (int)level, (int)line.len,
               (const char *)line.at);
}

static inline void world_disk_op(struct world *w, const char *op, struct buf *bytes)
{
    buf_printf(&w->sent, "disk %s", op);
    if (bytes != NULL && bytes->len > 0) {
        buf_printf(&w->sent, " ");
        write_term(&w->sent, buf_bytes(bytes));
        buf_free(bytes);
    }
    buf_printf(&w->sent, "\n");
}

static inline void world_load(void *who, struct process *p)
{
    (void)p;
    world_disk_op(who, "load", NULL);
}

static inline void world_begin(void *who, struct process *p)
{
    (void)p;
    world_disk_op(who, "begin", NULL);
}

static inline void world_append(void *who, struct process *p, struct buf *record)
{
    (void)p;
    world_disk_op(who, "append", record);
}

static inline bool world_save(void *who, struct process *p, struct buf *state)
{
    struct world *w = who;
    (void)p;
    if (!w->disk_is_busy)
        world_disk_op(w, "save", state);
    return !w->disk_is_busy;
}

static inline void world_joined(void *who, struct process *p, unsigned percent)
{
    (void)p;
    ((struct world *)who)->percent = percent;
}

/* A replica with these options and no members. */
static inline void world_open(const char *options)
{
    struct replica_options o;
    struct options_error error;
    world = (struct world){.post = {world_send, world_connected, world_flags, world_slow, world_log,
                                    NULL, NULL, NULL, world_slow}};
    world.disk = (struct replica_disk){world_load, world_begin,  world_append,
                                       world_save, world_joined, &world};
    world.turn =
        (struct turn){.now_ms = 1000, .wall_ms = 1700000000000, .random = 1, .post = &world.post};
    world.table = processes_new(BYTES("a@h"), 7, 1, &world.wakeups);
    buf_room(&world.sent, 1); /* so that its end is an address before anything is sent */
    must(replica_options_read(&o, term_of("page_views"), term_of(options), BYTES("c1"), &error) ==
         OK);
    term_free(&o.actor);
    o.actor = term_copy(term_of("<<\"c1\">>"));
    world.replica = replica_start(world.table, &o, &world.disk, &world.turn);
    must(world.replica != NULL);
}

/* For tests that are not about anti-entropy. */
#define NO_REPAIR "anti_entropy_interval => 86400000"

#define OPTIONS                                                                                    \
    "#{crdt => gcounter, group => {counter, <<\"v\">>}, sync_interval => 1000, " NO_REPAIR "}"

/* The usual replica, alone in a settled cluster. */
static inline void world_open_settled(void)
{
    world_open(OPTIONS);
    replica_settled(world.replica, true, &world.turn);
}

static inline void world_close(void)
{
    processes_free(world.table);
    wakeups_free(&world.wakeups);
    buf_free(&world.sent);
    buf_free(&world.payload);
    buf_free(&world.sent_for);
    buf_free(&world.log);
}

static inline void deliver_bytes_of(const char *node, struct bytes message)
{
    processes_signal(world.table, bytes_of(node),
                     &(struct signal){.kind = SIGNAL_SEND,
                                      .to = process_pid(world.replica),
                                      .payload = wall(message)},
                     &world.turn);
    processes_tidy(world.table);
}

static inline void deliver_bytes(struct bytes message)
{
    deliver_bytes_of("b@h", message);
}

static inline void deliver_of(const char *node, const char *message)
{
    deliver_bytes_of(node, term_of(message));
}

static inline void deliver(const char *message)
{
    deliver_of("b@h", message);
}

/* Lets time pass; each wake-up is run when it is due. */
static inline void wait_ms(uint64_t ms)
{
    uint64_t until = world.turn.now_ms + ms;
    while (wakeups_due(&world.wakeups) <= until) {
        if (wakeups_due(&world.wakeups) > world.turn.now_ms)
            world.turn.now_ms = wakeups_due(&world.wakeups);
        wakeups_ring(&world.wakeups, &world.turn);
    }
    world.turn.now_ms = until;
}

/* The disk had this state, which is joined in one step or more. */
static inline void load_state(struct bytes state)
{
    replica_loaded(world.replica, &(struct disk_content){.state = state}, NULL, &world.turn);
    while (!replica_is_loaded(world.replica))
        wakeups_ring(&world.wakeups, &world.turn);
}

static inline void joined(const char *pid, bool beam)
{
    replica_joined(world.replica, term_of(pid), beam, &world.turn);
}

static inline void left(const char *pid)
{
    replica_left(world.replica, term_of(pid), &world.turn);
}

/* Compares the next line that was sent; wanted is empty for none. */
static inline void expect_line(struct bytes wanted, const char *file, unsigned at)
{
    struct bytes got = BYTES(""), rest = {world.sent.at + world.read, world.sent.len - world.read};
    const uint8_t *end = rest.len > 0 ? memchr(rest.at, '\n', rest.len) : NULL;
    if (end != NULL)
        got = (struct bytes){rest.at, (size_t)(end - rest.at)};
    bool same = bytes_equal(got, wanted);
    CU_assertImplementation(same, at, "sent", file, "", CU_FALSE);
    if (!same)
        fprintf(stderr, "\n%s:%u\n  sent:   %.*s\n  wanted: %.*s\n", file, at, (int)got.len,
                (const char *)got.at, (int)wanted.len, (const char *)wanted.at);
    world.read += got.len + (end != NULL);
}

static inline void expect_sent(const char *to, const char *message, const char *file, unsigned at)
{
    struct buf line = {0};
    write_term(&line, term_of(to));
    buf_printf(&line, " ");
    write_term(&line, term_of(message));
    expect_line(buf_bytes(&line), file, at);
    buf_free(&line);
}

/* Ignores what has been sent so far. */
static inline bool was_sent_for(const char *node)
{
    return bytes_equal(buf_bytes(&world.sent_for), bytes_of(node));
}

static inline void skip_sent(void)
{
    world.read = world.sent.len;
}

#define SENT(to, message) expect_sent(to, message, __FILE__, __LINE__)
#define DISK_OP(line)     expect_line(BYTES("disk " line), __FILE__, __LINE__)
#define SENT_NOTHING()    expect_line(BYTES(""), __FILE__, __LINE__)

/* Compares only the beginning of the next line: the receiver and the start of the message. */
static inline void expect_prefix(const char *to, const char *start, const char *file, unsigned at)
{
    struct buf line = {0};
    struct bytes rest = {world.sent.at + world.read, world.sent.len - world.read};
    write_term(&line, term_of(to));
    buf_printf(&line, " %s", start);
    if (rest.len > line.len && memcmp(rest.at, line.at, line.len) == 0) {
        buf_clear(&line);
        for (size_t i = 0; rest.at[i] != '\n'; i++)
            buf_put_u8(&line, rest.at[i]);
    }
    expect_line(buf_bytes(&line), file, at);
    buf_free(&line);
}

#define SENT_PREFIX(to, start) expect_prefix(to, start, __FILE__, __LINE__)

/* A coppice is sent our digest, or asked for a part of its state. */
static inline void expect_request(const char *to, const char *ref, const char *what,
                                  const char *file, unsigned at)
{
    char start[200];
    snprintf(start, sizeof(start), "{'$gen_call',{%s,%s},{%s,", US, ref, what);
    expect_prefix(to, start, file, at);
}

#define ASKED_DIGEST(to, ref) expect_request(to, ref, "digest", __FILE__, __LINE__)
#define ASKED_PART(to, ref)   expect_request(to, ref, "part", __FILE__, __LINE__)
#define SENT_DELTA(to)        SENT_PREFIX(to, "{grove_delta,")

/* A coppice with a small state replies with all of it. */
#define SMALL(state) "{ok, {state, " state "}}"

/* A call of a function through rex. */
#define REX_CALL(ref, function) "{'$gen_call', {" US ", " ref "}, {call, " function ", user}}"
#define PULL(ref, pid)          REX_CALL(ref, "'Elixir.Grove.Replication.Server', state, [" pid "]")

static inline bool logged(const char *text)
{
    return memmem(world.log.at, world.log.len, text, strlen(text)) != NULL;
}

static inline size_t log_lines(void)
{
    size_t lines = 0;
    for (size_t i = 0; i < world.log.len; i++)
        lines += world.log.at[i] == '\n';
    return lines;
}

/* A number of the replica's status. */
static inline uint64_t status(const char *name)
{
    struct buf map = {0}, canonical = {0};
    replica_status(world.replica, &map);
    CU_ASSERT(canon_put(&canonical, buf_bytes(&map)) == OK);
    CU_ASSERT(bytes_equal(buf_bytes(&canonical), buf_bytes(&map)));
    uint64_t number = UINT64_MAX;
    struct etf_in in = etf_open(buf_bytes(&map));
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        bool it = etf_accept(&in, name);
        if (!it)
            etf_any(&in);
        struct etf_in value = etf_open(etf_any(&in));
        if (it)
            number = etf_uint64(&value);
    }
    CU_ASSERT(etf_finish(&in) == OK && number != UINT64_MAX);
    buf_free(&map);
    buf_free(&canonical);
    return number;
}

#endif
