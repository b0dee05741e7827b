/* Two clusters, a and b; the test simulates their connections and epmd. */
#ifndef COPPICE_TEST_CLUSTER_SIDES_H
#define COPPICE_TEST_CLUSTER_SIDES_H

#include <stdio.h>
#include <string.h>

#include "cluster/cluster.h"
#include "dist/flags.h"
#include "limits.h"
#include "mem.h"
#include "term/write.h"
#include "unit/suite.h"

#define TICKTIME_MS 60000
#define EPMD_PORT   4369
#define PORT        20000

/* One cluster and what it requested: the latest of each kind. */
struct side {
    uint64_t hold; /* of cluster_hold(), until on_finish() */
    struct cluster *cluster;
    struct wakeups wakeups;
    struct post post;
    struct turn turn;
    struct buf events, log, sent;
    uint32_t dialled, closed, trusted, creation;
    uint16_t port; /* dialled last */
    bool tls;      /* the same */
    bool rests;    /* nothing is to be read from its last connection */
    bool forgets;  /* what it gives to be written: there may be gigabytes */
    unsigned dials, closes, ticks, epmds, signals;
    /* To each signal it sends so many answers of so many bytes. */
    unsigned answers;
    size_t answer_bytes;
    size_t most_queued; /* bytes that it has given to be written, at most */
};

static struct side a, b;
static bool with_tls; /* both */

/* Whom the sides that are opened from now on allow; NULL: every node, every certificate. */
static const struct name_patterns *allow, *allow_certificates;

/* --- the listener ------------------------------------------------------------ */

static inline void note(struct side *s, const char *what, struct bytes node)
{
    buf_printf(&s->events, "%s %.*s;", what, TEXT(node));
}

static inline void on_dial(void *who, uint32_t connection, struct bytes host, uint16_t port,
                           bool tls)
{
    struct side *s = who;
    (void)host;
    s->tls = tls;
    s->dialled = connection;
    s->port = port;
    s->dials++;
}

static inline void on_send(void *who, uint32_t connection, struct buf *bytes)
{
    struct side *s = who;
    (void)connection;
    s->ticks += bytes->len == 4;
    if (!s->forgets)
        buf_put(&s->sent, buf_bytes(bytes));
    buf_free(bytes);
    s->most_queued = s->sent.len > s->most_queued ? s->sent.len : s->most_queued;
}

static inline void on_close(void *who, uint32_t connection)
{
    struct side *s = who;
    s->closed = connection;
    s->closes++;
}

static inline void on_rest(void *who, uint32_t connection, bool rests)
{
    (void)connection;
    ((struct side *)who)->rests = rests;
}

static inline void on_trust(void *who, uint32_t connection)
{
    ((struct side *)who)->trusted = connection;
}

static inline void on_start_epmd(void *who)
{
    ((struct side *)who)->epmds++;
}

static inline void on_ready(void *who, uint32_t creation, struct turn *t)
{
    (void)t;
    ((struct side *)who)->creation = creation;
}

static inline void on_name_taken(void *who, struct turn *t)
{
    (void)t;
    note(who, "taken", BYTES(""));
}

static inline void on_up(void *who, struct bytes node, struct turn *t)
{
    (void)t;
    note(who, "up", node);
}

static inline void on_down(void *who, struct bytes node, struct turn *t)
{
    (void)t;
    note(who, "down", node);
}

static inline void send_bytes(struct side *s, struct bytes node, size_t bytes);

static inline void on_signal(void *who, struct bytes node, const struct signal *signal,
                             struct turn *t)
{
    struct side *s = who;
    (void)t;
    CU_ASSERT_EQUAL(signal->kind, SIGNAL_REG_SEND);
    s->signals++;
    if (s->answers == 0)
        note(who, "signal", node);
    for (unsigned i = 0; i < s->answers; i++)
        send_bytes(s, node, s->answer_bytes);
}

static inline void on_undelivered(void *who, const struct signal *signal, struct turn *t)
{
    (void)t;
    note(who, "undelivered", signal->node);
}

static inline void on_drained(void *who, struct bytes node, struct turn *t)
{
    (void)t;
    note(who, "drained", node);
}

static inline void on_idle(void *who, struct bytes node)
{
    note(who, "idle", node);
}

/* Resumes the peers that are held back. */
static inline void on_finish(void *who, struct turn *t)
{
    struct side *s = who;
    for (; s->hold != 0; s->hold = 0)
        cluster_resume(s->cluster, s->hold, t);
    note(who, "finish", BYTES(""));
}

static inline void on_unreachable(void *who, struct bytes node, enum unreachable why,
                                  const char *text, struct turn *t)
{
    static const char *const names[] = {
        [UNREACHABLE] = "unreachable",
        [UNREACHABLE_UNKNOWN] = "unknown",
        [UNREACHABLE_TAKEN] = "taken",
        [UNREACHABLE_CLOSED] = "shut",
    };
    (void)text;
    (void)t;
    note(who, names[why], node);
}

static inline void post_log(struct post *post, enum log_level level, struct bytes line)
{
    struct side *s = post == &a.post ? &a : &b;
    if (level > LOG_DEBUG)
        buf_printf(&s->log, "%.*s;", TEXT(line));
}

/* --- connections and epmd --------------------------------------------------------- */

static inline void open_side_with(struct side *s, const struct cluster_options *options)
{
    const struct cluster_listener listener = {
        .dial = on_dial,
        .send = on_send,
        .close = on_close,
        .rest = on_rest,
        .trust = on_trust,
        .start_epmd = on_start_epmd,
        .ready = on_ready,
        .name_taken = on_name_taken,
        .up = on_up,
        .down = on_down,
        .signal = on_signal,
        .undelivered = on_undelivered,
        .drained = on_drained,
        .idle = on_idle,
        .finish = on_finish,
        .unreachable = on_unreachable,
        .who = s,
    };
    *s = (struct side){.post.log = post_log, .turn = {.now_ms = 1000, .random = 7}};
    s->turn.post = &s->post;
    s->cluster = cluster_new(options, &listener, &s->wakeups);
}

static inline struct cluster_options options_of(struct bytes name, bool serves)
{
    return (struct cluster_options){.name = name,
                                    .cookie = BYTES("cookie"),
                                    .flags = DFLAGS_OURS,
                                    .tls = with_tls,
                                    .allow = allow,
                                    .allow_certificates = allow_certificates,
                                    .serves = serves,
                                    .epmd_port = EPMD_PORT,
                                    .starts_epmd = true,
                                    .ticktime_ms = TICKTIME_MS};
}

static inline void open_side(struct side *s, struct bytes name, bool serves)
{
    const struct cluster_options options = options_of(name, serves);
    open_side_with(s, &options);
}

static inline void event(struct side *s, struct connection_event e)
{
    s->turn.work = 0;
    cluster_event(s->cluster, &e, &s->turn);
    cluster_flush(s->cluster, &s->turn);
    cluster_check(s->cluster);
}

static inline void opened(struct side *s, uint32_t connection)
{
    event(s, (struct connection_event){CONNECTION_OPENED, connection, .written = 0});
}

static inline void reads(struct side *s, uint32_t connection, struct bytes bytes)
{
    event(s, (struct connection_event){CONNECTION_BYTES, connection, .bytes = bytes});
}

static inline void is_closed(struct side *s, uint32_t connection, enum err err)
{
    event(s, (struct connection_event){CONNECTION_CLOSED, connection, .err = err});
}

/* Returns all that was sent so far, and reports it as written. */
static inline struct buf take_sent(struct side *s, uint32_t connection)
{
    struct buf sent = s->sent;
    s->sent = (struct buf){0};
    event(s, (struct connection_event){CONNECTION_WRITTEN, connection, .written = sent.len});
    return sent;
}

static inline void passes(struct side *s, uint64_t ms)
{
    s->turn.now_ms += ms;
    s->turn.work = 0;
    wakeups_ring(&s->wakeups, &s->turn);
    cluster_flush(s->cluster, &s->turn);
    cluster_check(s->cluster);
}

static inline bool are(struct buf *events, const char *wanted)
{
    bool same = bytes_equal(buf_bytes(events), bytes_of(wanted));
    if (!same)
        printf("wanted %s\n   got %.*s\n", wanted, TEXT(*events));
    buf_clear(events);
    return same;
}

static inline void close_side(struct side *s)
{
    cluster_free(s->cluster);
    wakeups_free(&s->wakeups);
    buf_free(&s->events);
    buf_free(&s->log);
    buf_free(&s->sent);
}

/* epmd answers the registration with this result and creation 9. */
static inline void registers(struct side *s, const char *result)
{
    opened(s, s->dialled);
    CU_ASSERT_EQUAL(s->sent.at[2], 'x');
    buf_clear(&s->sent);
    struct buf answer = {0};
    buf_put_u8(&answer, 'v');
    buf_put(&answer, (struct bytes){(const uint8_t *)result, 1});
    buf_put_u32(&answer, 9);
    reads(s, s->dialled, buf_bytes(&answer));
    buf_free(&answer);
}

static inline void serve(struct side *s, struct bytes name)
{
    open_side(s, name, true);
    cluster_start(s->cluster, PORT, 0, &s->turn);
    CU_ASSERT_EQUAL(s->port, EPMD_PORT);
    registers(s, "\0");
    CU_ASSERT(s->creation == 9 && cluster_is_registered(s->cluster));
}

/* epmd answers the lookup in progress: with PORT, or that the name is unknown. */
static inline void looks_up(struct side *s, bool known)
{
    static const char yes[] = "w\0\x4e\x20H\0\0\6\0\6\0\1b\0\0", no[] = "w\1";
    CU_ASSERT_EQUAL(s->port, EPMD_PORT);
    opened(s, s->dialled);
    CU_ASSERT_EQUAL(s->sent.at[2], 'z');
    buf_clear(&s->sent);
    reads(s, s->dialled, known ? BYTES(yes) : BYTES(no));
}

/* Wake-ups that are due at once. */
static inline bool continues(struct side *s)
{
    bool due = wakeups_due(&s->wakeups) <= s->turn.now_ms;
    if (due)
        passes(s, 0);
    return due;
}

/* Delivers what each side has sent to the other until both are idle. */
static inline void carry(uint32_t at_a, uint32_t at_b)
{
    while (a.sent.len + b.sent.len > 0 || continues(&a) || continues(&b)) {
        struct buf from_a = take_sent(&a, at_a), from_b = take_sent(&b, at_b);
        if (from_a.len > 0)
            reads(&b, at_b, buf_bytes(&from_a));
        if (from_b.len > 0)
            reads(&a, at_a, buf_bytes(&from_b));
        buf_free(&from_a);
        buf_free(&from_b);
    }
}

#define AT_B 2 /* b's number for the connection */

/* a dials b; returns a's number for the connection. */
static inline uint32_t connect_both(void)
{
    serve(&a, BYTES("a@h"));
    serve(&b, BYTES("b@h"));
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    CU_ASSERT(cluster_is_wanted(a.cluster, BYTES("b@h")) && !cluster_has_tried_all(a.cluster));
    looks_up(&a, true);
    CU_ASSERT_EQUAL(a.port, PORT);
    event(&b, (struct connection_event){CONNECTION_ACCEPTED, AT_B, .written = 0});
    opened(&a, a.dialled);
    carry(a.dialled, AT_B);
    CU_ASSERT(are(&a.events, "up b@h;") && are(&b.events, "up a@h;"));
    return a.dialled;
}

static inline void close_both(void)
{
    close_side(&a);
    close_side(&b);
}

/* Sends a message of about so many bytes to a node that is connected, or as an answer to any. */
static inline void send_as(struct side *s, struct bytes node, size_t bytes, bool answer)
{
    struct buf pid = {0}, payload = {0}, zeros = {0};
    memset(buf_room(&zeros, bytes), 0, bytes);
    put_pid(&pid, s == &a ? BYTES("a@h") : BYTES("b@h"), 1, 0, 9);
    put_binary(&payload, (struct bytes){zeros.at, bytes});
    struct signal signal = {.kind = SIGNAL_REG_SEND,
                            .node = node,
                            .from = buf_bytes(&pid),
                            .to = term_of("name"),
                            .payload = buf_bytes(&payload)};
    if (answer)
        cluster_deliver(s->cluster, &signal, &s->turn);
    else
        CU_ASSERT(cluster_send(s->cluster, node, &signal, &s->turn));
    buf_free(&pid);
    buf_free(&payload);
    buf_free(&zeros);
}

static inline void send_bytes(struct side *s, struct bytes node, size_t bytes)
{
    send_as(s, node, bytes, false);
}

static inline void send_from(struct side *s, const char *node)
{
    send_bytes(s, bytes_of(node), 10);
    cluster_flush(s->cluster, &s->turn);
}

#endif
