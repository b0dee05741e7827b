#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "../term/write.h"
#include "internal.h"
#include "work.h"

/* The part of a state that is encoded to estimate the size of all of it. */
#define SAMPLE_BUCKETS (PART_BUCKETS / 64)

/* Milliseconds for which an estimate is reused, and longer until so large a part of the state has
 * changed: it looks at all of its entries. */
#define ESTIMATE_MS   10000
#define ESTIMATE_PART 8

static size_t state_bytes(struct replica *r, struct turn *t)
{
    struct buf sample = {0};
    if (encoding_bytes(r) > 0)
        return encoding_bytes(r);
    size_t changed = r->estimated_bytes - r->sampled_bytes;
    if (r->estimated_ms == 0 ||
        (t->now_ms - r->estimated_ms > ESTIMATE_MS && changed > r->sampled_bytes / ESTIMATE_PART)) {
        crdt_state_of(r->crdt, PART_RANGE(0, SAMPLE_BUCKETS), &sample);
        r->sampled_bytes = sample.len * (PART_BUCKETS / SAMPLE_BUCKETS);
        r->estimated_bytes = r->sampled_bytes;
        r->estimated_ms = t->now_ms;
        buf_free(&sample);
    }
    return r->estimated_bytes;
}

uint32_t push_piece_buckets(struct replica *r, struct turn *t)
{
    uint32_t buckets = PART_BUCKETS;
    if (!crdt_is_divisible(r->options.type))
        return buckets;
    size_t bytes = state_bytes(r, t), piece = bytes / LIMIT_PIECES;
    if (piece < LIMIT_PIECE_BYTES)
        piece = LIMIT_PIECE_BYTES;
    for (; bytes > piece && buckets > COMPARE_RANGE_BUCKETS; bytes /= 2)
        buckets /= 2;
    return buckets;
}

static void put_part(struct replica *r, struct part part, struct buf *message, struct turn *t)
{
    put_tuple(message, 3);
    put_atom(message, "grove_delta");
    crdt_state_of(r->crdt, part, message);
    put_term(message, process_pid(r->process));
    work_part(r, message->len, t);
}

static bool may_push(const struct replica *r, const struct member *m, struct turn *t)
{
    return durable_is_safe(r) && !member_is_slow(m, t);
}

/* --- unsent ranges ---------------------------------------------------------- */

bool push_next_part(const bool *marked, uint32_t from, uint32_t most, struct part *part)
{
    const bool *first = memchr(marked + from, true, COMPARE_RANGES - from);
    if (first == NULL)
        first = memchr(marked, true, from);
    if (first == NULL)
        return false;
    const bool *end = memchr(first, false, (size_t)(marked + COMPARE_RANGES - first));
    size_t ranges = (size_t)((end != NULL ? end : marked + COMPARE_RANGES) - first);
    *part = PART_RANGE((uint32_t)(first - marked) * COMPARE_RANGE_BUCKETS,
                       (uint32_t)ranges * COMPARE_RANGE_BUCKETS);
    part->count = part->count < most ? part->count : most;
    return true;
}

static void mark(struct replica *r, struct member *m, struct part part)
{
    if (m->unsent == NULL) {
        m->unsent = mem_take(COMPARE_RANGES * sizeof(m->unsent[0]));
        r->pushes++;
    }
    memset(m->unsent + part.first / COMPARE_RANGE_BUCKETS, true,
           part.count / COMPARE_RANGE_BUCKETS);
}

/* False if no range of the part was marked. */
static bool unmark(struct replica *r, struct member *m, struct part part)
{
    bool *first = m->unsent + part.first / COMPARE_RANGE_BUCKETS;
    size_t ranges = part.count / COMPARE_RANGE_BUCKETS;
    bool marked = memchr(first, true, ranges) != NULL;
    memset(first, false, ranges);
    if (memchr(m->unsent, true, COMPARE_RANGES) == NULL)
        push_stop(r, m);
    return marked;
}

void push_stop(struct replica *r, struct member *m)
{
    r->pushes -= m->unsent != NULL;
    mem_free(m->unsent);
    m->unsent = NULL;
}

static void send_part(struct replica *r, struct member *m, struct part part, struct turn *t)
{
    struct buf message = {0};
    put_part(r, part, &message, t);
    member_send(r, m, buf_bytes(&message), t);
    buf_free(&message);
}

void push_part(struct replica *r, struct member *m, struct part part, struct turn *t)
{
    if (!may_push(r, m, t)) {
        mark(r, m, part);
        return;
    }
    send_part(r, m, part, t);
}

/* What cannot be sent now is later sent with its whole range. */
void push_entries(struct replica *r, struct member *m, const struct selection *keys, struct turn *t)
{
    if (may_push(r, m, t)) {
        send_part(r, m, PART_SELECTED(keys), t);
        return;
    }
    for (size_t i = 0; i < keys->key_count; i++) {
        uint32_t range = part_bucket(keys->keys[i]) / COMPARE_RANGE_BUCKETS;
        mark(r, m, PART_RANGE(range * COMPARE_RANGE_BUCKETS, COMPARE_RANGE_BUCKETS));
    }
}

/* --- states ------------------------------------------------------------------- */

/* Changes are sent as deltas meanwhile, so ranges that are sent already miss nothing. */
void push_all(struct replica *r, struct member *m, struct turn *t)
{
    must(!m->adapter);
    m->behind = !may_push(r, m, t);
    if (m->behind)
        return;
    if (push_piece_buckets(r, t) == PART_BUCKETS) {
        member_send_state(r, m, t);
        return;
    }
    mark(r, m, PART_WHOLE);
    push_resume(r, t);
}

/* Comparing sends a coppice only what it lacks; but a comparison that is under way may have
 * passed ranges that have changed since, and with a node that may only read there is none. */
bool push_to(struct replica *r, struct member *m, struct turn *t)
{
    if (m->adapter)
        return true; /* states are sent to the servers themselves, not to every subscriber */
    m->behind = !may_push(r, m, t);
    if (m->behind)
        return false;
    if (m->beam || !turn_may_write(t, member_node(m)) || push_piece_buckets(r, t) == PART_BUCKETS) {
        push_all(r, m, t);
        return true;
    }
    m->behind = m->pull == PULL_OPEN;
    pull_from(r, m, t);
    return !m->behind;
}

bool push_final(struct replica *r, struct member *m, struct turn *t)
{
    if (!durable_is_safe(r))
        return false;
    push_stop(r, m);
    member_send_state(r, m, t);
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
    return r->pushes > 0 && !r->push_blocked ? r->piece_sent_ms + LIMIT_PIECE_PAUSE_MS : UINT64_MAX;
}

void push_resume(struct replica *r, struct turn *t)
{
    r->push_blocked = false;
    push_wake(r, t);
    replica_set_wake(r);
}

static bool takes_piece(const struct replica *r, const struct member *m, struct turn *t)
{
    return m->unsent != NULL && may_push(r, m, t);
}

static bool next_piece(struct replica *r, struct part *piece, struct turn *t)
{
    for (size_t i = 0; i < r->member_count; i++)
        if (takes_piece(r, r->members[i], t))
            return push_next_part(r->members[i]->unsent, r->next_range, push_piece_buckets(r, t),
                                  piece);
    return false;
}

/* A piece costs a look at all entries of the state, so it is sent to all members that lack any of
 * it. */
void push_wake(struct replica *r, struct turn *t)
{
    struct part piece;
    if (t->now_ms < push_due(r))
        return;
    r->push_blocked = !next_piece(r, &piece, t);
    if (r->push_blocked)
        return;
    r->piece_sent_ms = t->now_ms;
    r->next_range = (piece.first + piece.count) / COMPARE_RANGE_BUCKETS % COMPARE_RANGES;
    struct buf message = {0};
    put_part(r, piece, &message, t);
    for (size_t i = 0; i < r->member_count; i++) {
        struct member *m = r->members[i];
        if (takes_piece(r, m, t) && unmark(r, m, piece))
            member_send(r, m, buf_bytes(&message), t);
    }
    buf_free(&message);
}
