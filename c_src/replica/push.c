#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "../term/write.h"
#include "internal.h"

/* The share of a state that is encoded to reckon how large all of it is. */
#define SAMPLE_BUCKETS (PART_BUCKETS / 64)

/* Milliseconds for which a reckoning is good: it costs a walk over the whole state. */
#define RECKONING_MS 10000

static size_t state_bytes(struct replica *r, struct turn *t)
{
    struct buf sample = {0};
    if (r->state_message.len > 0)
        return r->state_message.len;
    if (r->reckoned_ms == 0 || t->now_ms - r->reckoned_ms > RECKONING_MS) {
        crdt_state_of(r->crdt, (struct part){0, SAMPLE_BUCKETS}, &sample);
        r->bytes = sample.len * (PART_BUCKETS / SAMPLE_BUCKETS);
        r->reckoned_ms = t->now_ms;
        buf_free(&sample);
    }
    return r->bytes;
}

uint32_t push_piece_buckets(struct replica *r, struct turn *t)
{
    uint32_t buckets = PART_BUCKETS;
    if (!crdt_divides(r->options.type))
        return buckets;
    size_t bytes = state_bytes(r, t), piece = bytes / LIMIT_PIECES;
    if (piece < LIMIT_PIECE_BYTES)
        piece = LIMIT_PIECE_BYTES;
    for (; bytes > piece && buckets > COMPARE_RANGE_BUCKETS; bytes /= 2)
        buckets /= 2;
    return buckets;
}

static void send(struct replica *r, struct member *m, struct bytes message, struct turn *t)
{
    turn_send(t, process_pid(r->process), term_bytes(&m->pid), message);
}

static void put_part(struct replica *r, struct part part, struct buf *message)
{
    put_tuple(message, 3);
    put_atom(message, "grove_delta");
    crdt_state_of(r->crdt, part, message);
    put_term(message, process_pid(r->process));
}

static bool may_push(const struct replica *r, const struct member *m, struct turn *t)
{
    return durable_is_safe(r) && !t->post->slow(t->post, member_node(m));
}

/* --- what is untold --------------------------------------------------------- */

bool push_next(const bool *marked, uint32_t from, uint32_t most, struct part *part)
{
    const bool *first = memchr(marked + from, true, COMPARE_RANGES - from);
    if (first == NULL)
        first = memchr(marked, true, from);
    if (first == NULL)
        return false;
    const bool *end = memchr(first, false, (size_t)(marked + COMPARE_RANGES - first));
    size_t ranges = (size_t)((end != NULL ? end : marked + COMPARE_RANGES) - first);
    *part = (struct part){(uint32_t)(first - marked) * COMPARE_RANGE_BUCKETS,
                          (uint32_t)ranges * COMPARE_RANGE_BUCKETS};
    part->count = part->count < most ? part->count : most;
    return true;
}

static void mark(struct replica *r, struct member *m, struct part part)
{
    if (m->untold == NULL) {
        m->untold = mem_take(COMPARE_RANGES * sizeof(m->untold[0]));
        r->pushes++;
    }
    memset(m->untold + part.first / COMPARE_RANGE_BUCKETS, true,
           part.count / COMPARE_RANGE_BUCKETS);
}

/* False where nothing of the part was marked. */
static bool unmark(struct replica *r, struct member *m, struct part part)
{
    bool *first = m->untold + part.first / COMPARE_RANGE_BUCKETS;
    size_t ranges = part.count / COMPARE_RANGE_BUCKETS;
    bool marked = memchr(first, true, ranges) != NULL;
    memset(first, false, ranges);
    if (memchr(m->untold, true, COMPARE_RANGES) == NULL)
        push_stop(r, m);
    return marked;
}

void push_stop(struct replica *r, struct member *m)
{
    r->pushes -= m->untold != NULL;
    mem_free(m->untold);
    m->untold = NULL;
}

void push_part(struct replica *r, struct member *m, struct part part, struct turn *t)
{
    if (!may_push(r, m, t)) {
        mark(r, m, part);
        return;
    }
    struct buf message = {0};
    put_part(r, part, &message);
    send(r, m, buf_bytes(&message), t);
    buf_free(&message);
}

/* --- a state ------------------------------------------------------------------ */

/* Changes go out as deltas meanwhile: what is behind the pieces already is not missed. */
void push_all(struct replica *r, struct member *m, struct turn *t)
{
    m->behind = !may_push(r, m, t);
    if (m->behind)
        return;
    if (push_piece_buckets(r, t) == PART_BUCKETS) {
        send(r, m, replica_state_message(r), t);
        return;
    }
    mark(r, m, PART_WHOLE);
    push_resume(r, t);
}

/* Comparing tells a coppice what it lacks, and no more; but a comparison that has begun
 * may have passed over what has changed since. */
bool push_to(struct replica *r, struct member *m, struct turn *t)
{
    m->behind = !may_push(r, m, t);
    if (m->behind)
        return false;
    if (m->beam || push_piece_buckets(r, t) == PART_BUCKETS) {
        push_all(r, m, t);
        return true;
    }
    m->behind = m->pull == PULL_OPEN;
    pull_from(r, m, t);
    return !m->behind;
}

bool push_last(struct replica *r, struct member *m, struct turn *t)
{
    if (!durable_is_safe(r))
        return false;
    push_stop(r, m);
    send(r, m, replica_state_message(r), t);
    return true;
}

void push_to_behind(struct replica *r, struct bytes node, struct turn *t)
{
    for (size_t i = 0; i < r->member_count; i++) {
        struct member *m = r->members[i];
        if (m->behind && (node.len == 0 || bytes_equal(member_node(m), node)))
            push_to(r, m, t);
    }
    push_resume(r, t);
}

/* --- pieces --------------------------------------------------------------------- */

uint64_t push_due(const struct replica *r)
{
    return r->pushes > 0 && !r->push_held ? r->pushed_ms + LIMIT_PIECE_PAUSE_MS : UINT64_MAX;
}

void push_resume(struct replica *r, struct turn *t)
{
    r->push_held = false;
    push_wake(r, t);
    replica_alarm(r);
}

static bool takes_piece(const struct replica *r, const struct member *m, struct turn *t)
{
    return m->untold != NULL && may_push(r, m, t);
}

static bool next_piece(struct replica *r, struct part *piece, struct turn *t)
{
    for (size_t i = 0; i < r->member_count; i++)
        if (takes_piece(r, r->members[i], t))
            return push_next(r->members[i]->untold, r->push_from, push_piece_buckets(r, t), piece);
    return false;
}

/* A piece costs a walk over the whole state: it goes to everyone who lacks some of it. */
void push_wake(struct replica *r, struct turn *t)
{
    struct part piece;
    if (t->now_ms < push_due(r))
        return;
    r->push_held = !next_piece(r, &piece, t);
    if (r->push_held)
        return;
    r->pushed_ms = t->now_ms;
    r->push_from = (piece.first + piece.count) / COMPARE_RANGE_BUCKETS % COMPARE_RANGES;
    struct buf message = {0};
    put_part(r, piece, &message);
    for (size_t i = 0; i < r->member_count; i++) {
        struct member *m = r->members[i];
        if (takes_piece(r, m, t) && unmark(r, m, piece))
            send(r, m, buf_bytes(&message), t);
    }
    buf_free(&message);
}
