#include "outgoing.h"

#include "../limits.h"
#include "../mem.h"
#include "../term/etf.h"
#include "control.h"
#include "flags.h"
#include "frame.h"

/* Who sends a signal to whom: pids, or empty where it may be any process. */
struct ends {
    struct buf from, to;
};

/* A message that is kept: the control tuple, then the payload; or one whole frame. */
struct kept {
    struct kept *next;
    struct ends ends;
    struct buf bytes;
    struct share rest;  /* held: what follows them in the payload */
    size_t control_len; /* 0: a frame */
    size_t sent;        /* bytes of the payload */
    uint64_t sequence;
    bool versioned;
};

struct queue {
    struct kept *first, *last;
};

/* Messages in order; ends covers them all. */
struct stream {
    struct stream *next;
    struct ends ends;
    struct queue queue;
};

/* Invariants: a stream has a message; kept is the number of bytes that are still to be sent. */
struct outgoing {
    struct stream *first, *last; /* the first is the next to send a fragment */
    size_t count;
    /* Those that may belong to several streams, and all that were sent after them. */
    struct queue rest;
    size_t kept;
    uint64_t sequences; /* begun so far */
};

struct outgoing *outgoing_new(void)
{
    return mem_take(sizeof(struct outgoing));
}

/* --- ends ------------------------------------------------------------------- */

static bool is_pid(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_PID;
}

static void ends_of(struct ends *e, const struct signal *s)
{
    struct bytes to = s->kind == SIGNAL_ALIAS_SEND ? s->owner : s->to;
    *e = (struct ends){0};
    if (is_pid(s->from))
        buf_put(&e->from, s->from);
    if (is_pid(to))
        buf_put(&e->to, to);
}

static void ends_free(struct ends *e)
{
    buf_free(&e->from);
    buf_free(&e->to);
}

static bool may_be_same(const struct buf *a, const struct buf *b)
{
    return a->len == 0 || b->len == 0 || bytes_equal(buf_bytes(a), buf_bytes(b));
}

static bool meet(const struct ends *a, const struct ends *b)
{
    return may_be_same(&a->from, &b->from) && may_be_same(&a->to, &b->to);
}

static void widen(struct buf *a, const struct buf *b)
{
    if (!bytes_equal(buf_bytes(a), buf_bytes(b)))
        buf_free(a);
}

/* --- queues ----------------------------------------------------------------- */

static void queue_put(struct queue *q, struct kept *m)
{
    m->next = NULL;
    if (q->first == NULL)
        q->first = m;
    else
        q->last->next = m;
    q->last = m;
}

static struct kept *queue_take(struct queue *q)
{
    struct kept *m = q->first;
    q->first = m->next;
    return m;
}

static void kept_free(struct kept *m)
{
    ends_free(&m->ends);
    buf_free(&m->bytes);
    shared_release(m->rest.of);
    mem_free(m);
}

static size_t payload_left(const struct kept *m)
{
    return m->bytes.len - m->control_len + m->rest.part.len - m->sent;
}

void outgoing_free(struct outgoing *o)
{
    if (o == NULL)
        return;
    for (struct stream *s; (s = o->first) != NULL; mem_free(s)) {
        o->first = s->next;
        ends_free(&s->ends);
        while (s->queue.first != NULL)
            kept_free(queue_take(&s->queue));
    }
    while (o->rest.first != NULL)
        kept_free(queue_take(&o->rest));
    mem_free(o);
}

/* --- streams ---------------------------------------------------------------- */

static void stream_put(struct outgoing *o, struct stream *s)
{
    s->next = NULL;
    if (o->first == NULL)
        o->first = s;
    else
        o->last->next = s;
    o->last = s;
}

static void stream_new(struct outgoing *o, struct kept *m)
{
    struct stream *s = mem_take(sizeof(*s));
    *s = (struct stream){0};
    buf_put(&s->ends.from, buf_bytes(&m->ends.from));
    buf_put(&s->ends.to, buf_bytes(&m->ends.to));
    queue_put(&s->queue, m);
    stream_put(o, s);
    o->count++;
}

/* The streams whose messages may have these ends: 0, 1, or 2 for more. */
static unsigned find_streams(const struct outgoing *o, const struct ends *e, struct stream **found)
{
    unsigned count = 0;
    for (struct stream *s = o->first; s != NULL && count < 2; s = s->next) {
        if (!meet(&s->ends, e))
            continue;
        *found = s;
        count++;
    }
    return count;
}

/* Puts a message behind those that it must not overtake; false if these are in several streams. */
static bool place(struct outgoing *o, struct kept *m, struct buf *out)
{
    struct stream *s = NULL;
    unsigned streams = find_streams(o, &m->ends, &s);
    if (streams > 1 || (streams == 0 && m->control_len > 0 && o->count == LIMIT_STREAMS))
        return false;
    if (streams == 1) {
        widen(&s->ends.from, &m->ends.from);
        widen(&s->ends.to, &m->ends.to);
        queue_put(&s->queue, m);
    } else if (m->control_len > 0) {
        stream_new(o, m);
    } else {
        o->kept -= m->bytes.len;
        buf_put(out, buf_bytes(&m->bytes));
        kept_free(m);
    }
    return true;
}

/* --- sending ---------------------------------------------------------------- */

static size_t payload_of(const struct signal *s)
{
    return s->payload.len + s->rest.part.len + s->reason.len;
}

static void put_frame(struct buf *out, const struct signal *signal, uint64_t flags)
{
    bool versioned;
    size_t start = frame_open(out, flags, &versioned);
    control_write(out, signal, flags, versioned);
    frame_close(out, start);
}

/* A copy, to be sent in fragments or as one frame. */
static struct kept *kept_of(struct outgoing *o, const struct signal *signal, uint64_t flags,
                            bool large)
{
    struct kept *m = mem_take(sizeof(*m));
    *m = (struct kept){0};
    ends_of(&m->ends, signal);
    if (large) {
        m->sequence = ++o->sequences;
        struct bytes payload = control_put(&m->bytes, signal, flags, false);
        m->control_len = m->bytes.len;
        buf_put(&m->bytes, payload);
        m->rest = signal->rest;
        if (m->rest.of != NULL)
            shared_hold(m->rest.of);
    } else {
        put_frame(&m->bytes, signal, flags);
    }
    o->kept += m->bytes.len + m->rest.part.len;
    return m;
}

void outgoing_send(struct outgoing *o, const struct signal *signal, uint64_t flags, struct buf *out)
{
    bool large = (flags & DFLAG_FRAGMENTS) != 0 && payload_of(signal) > LIMIT_FRAGMENT_BYTES &&
                 control_has_payload(signal, flags);
    if (!large && o->count == 0) {
        must(o->rest.first == NULL);
        put_frame(out, signal, flags);
        return;
    }
    struct kept *m = kept_of(o, signal, flags, large);
    if (o->rest.first != NULL || !place(o, m, out))
        queue_put(&o->rest, m);
}

/* Appends the next bytes of the payload. */
static void put_payload(const struct kept *m, size_t len, struct buf *out)
{
    size_t own = m->bytes.len - m->control_len;
    size_t from_own = m->sent >= own ? 0 : own - m->sent < len ? own - m->sent : len;
    buf_put(out, (struct bytes){m->bytes.at + m->control_len + m->sent, from_own});
    if (len > from_own)
        buf_put(out, (struct bytes){m->rest.part.at + (m->sent + from_own - own), len - from_own});
}

/* Appends the next fragment. */
static void put_fragment(struct outgoing *o, struct kept *m, struct buf *out)
{
    size_t left = payload_left(m);
    size_t fragments = (left + LIMIT_FRAGMENT_BYTES - 1) / LIMIT_FRAGMENT_BYTES;
    size_t len = left < LIMIT_FRAGMENT_BYTES ? left : LIMIT_FRAGMENT_BYTES;
    bool first = m->sent == 0;
    size_t start = fragment_open(out, first, m->sequence, fragments);
    if (first) {
        buf_put(out, (struct bytes){m->bytes.at, m->control_len});
        o->kept -= m->control_len;
    }
    put_payload(m, len, out);
    frame_close(out, start);
    m->sent += len;
    o->kept -= len;
}

/* Sends one fragment of the first stream, or the frame that is next there. */
static void stream_step(struct outgoing *o, struct buf *out)
{
    struct stream *s = o->first;
    struct kept *m = s->queue.first;
    if (m->control_len > 0) {
        put_fragment(o, m, out);
    } else {
        buf_put(out, buf_bytes(&m->bytes));
        o->kept -= m->bytes.len;
        m->sent = m->bytes.len;
    }
    o->first = s->next;
    if (payload_left(m) == 0)
        kept_free(queue_take(&s->queue));
    if (s->queue.first != NULL) {
        stream_put(o, s);
        return;
    }
    ends_free(&s->ends);
    mem_free(s);
    o->count--;
}

/* A stream has ended: more may go on. */
static void place_rest(struct outgoing *o, struct buf *out)
{
    while (o->rest.first != NULL) {
        struct kept *m = o->rest.first, *next = m->next;
        if (!place(o, m, out))
            return;
        o->rest.first = next;
    }
}

void outgoing_fill(struct outgoing *o, size_t bytes, struct buf *out)
{
    if (o->count > 0 && out->len < bytes) {
        size_t more = bytes - out->len;
        buf_room(out, (more < o->kept ? more : o->kept) + LIMIT_FRAGMENT_BYTES);
    }
    while (o->count > 0 && out->len < bytes) {
        size_t streams = o->count;
        stream_step(o, out);
        if (o->count < streams)
            place_rest(o, out);
    }
}

size_t outgoing_kept(const struct outgoing *o)
{
    return o->kept;
}

size_t outgoing_largest(const struct outgoing *o)
{
    size_t largest = 0;
    for (const struct stream *s = o->first; s != NULL; s = s->next)
        if (payload_left(s->queue.first) > largest)
            largest = payload_left(s->queue.first);
    return largest;
}

void outgoing_check(const struct outgoing *o)
{
    size_t kept = 0, count = 0;
    for (const struct stream *s = o->first; s != NULL; s = s->next, count++) {
        must(s->queue.first != NULL);
        for (const struct kept *m = s->queue.first; m != NULL; m = m->next)
            kept += payload_left(m) + (m->sent == 0 ? m->control_len : 0);
    }
    for (const struct kept *m = o->rest.first; m != NULL; m = m->next)
        kept += payload_left(m) + m->control_len;
    must(count == o->count && kept == o->kept && (count > 0 || o->rest.first == NULL));
}
