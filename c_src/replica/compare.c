#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "../otp/watch.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"
#include "work.h"

/* Two coppices find out where their states differ:
 *
 *     {digest, Mine}         {ok, equal}
 *                            {ok, {state, Struct}}      where the state is small
 *                            {ok, {ranges, Digests}}    64 bits each, big endian
 *     {part, First, Count}   {ok, {Covered, Struct}}    Covered buckets from First on
 *
 * In return, the asker sends its own entries of the parts that differ, so that both sides
 * have everything after one exchange.  Unless most of the ranges that differ are empty on one
 * side, they are first narrowed down (narrow.c). */

/* --- digests ------------------------------------------------------------------- */

void compare_forget_digests(struct replica *r)
{
    mem_free(r->digests);
    mem_free(r->bucket_digests);
    r->digests = r->bucket_digests = NULL;
}

const uint64_t *compare_bucket_digests(struct replica *r, struct turn *t)
{
    if (r->bucket_digests == NULL) {
        r->bucket_digests = mem_take(PART_BUCKETS * sizeof(uint64_t));
        crdt_digest(r->crdt, PART_WHOLE, PART_BUCKETS, r->bucket_digests);
        work_walk(r, t);
    }
    return r->bucket_digests;
}

void compare_release_digests(struct replica *r, struct turn *t)
{
    if (push_piece_buckets(r, t) == PART_BUCKETS)
        compare_forget_digests(r);
}

/* Of a large state by those of its buckets, which are looked at next if it differs. */
static const uint64_t *digests(struct replica *r, struct turn *t)
{
    if (r->digests != NULL)
        return r->digests;
    r->digests = mem_take(COMPARE_RANGES * sizeof(r->digests[0]));
    if (push_piece_buckets(r, t) == PART_BUCKETS) {
        crdt_digest(r->crdt, PART_WHOLE, COMPARE_RANGES, r->digests);
        work_walk(r, t);
        return r->digests;
    }
    const uint64_t *buckets = compare_bucket_digests(r, t);
    for (size_t i = 0; i < PART_BUCKETS; i++)
        r->digests[i / COMPARE_RANGE_BUCKETS] += buckets[i];
    return r->digests;
}

/* The digest of the whole state is the sum of those of its ranges. */
uint64_t compare_whole_digest(struct replica *r, struct turn *t)
{
    const uint64_t *ranges = digests(r, t);
    uint64_t sum = 0;
    for (size_t i = 0; i < COMPARE_RANGES; i++)
        sum += ranges[i];
    return sum;
}

static uint64_t digest_at(struct bytes encoded, size_t range)
{
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(value); i++)
        value = value << 8 | encoded.at[range * sizeof(value) + i];
    return value;
}

/* --- replies --------------------------------------------------------------------- */

static void put_pair(struct buf *out, const char *name)
{
    put_tuple(out, 2);
    put_atom(out, name);
}

static void put_ranges(struct replica *r, struct buf *out, struct turn *t)
{
    struct buf encoded = {0};
    for (size_t i = 0; i < COMPARE_RANGES; i++)
        buf_put_u64(&encoded, digests(r, t)[i]);
    put_binary(out, buf_bytes(&encoded));
    buf_free(&encoded);
}

/* The member that asks; NULL if it is none. */
static struct member *member_of_caller(struct replica *r, struct bytes from)
{
    struct buf pid = {0};
    struct member *m =
        canon_put(&pid, gen_caller(from)) == OK ? member_of_pid(r, buf_bytes(&pid)) : NULL;
    buf_free(&pid);
    return m;
}

/* Members that meet ask each other at the same time, and either comparison serves both.  Of a large
 * state one is enough: the member with the smaller pid goes on, the other asks again at the next
 * sync tick.  But whoever has mutations that wait for its peers' states does not wait. */
static bool is_left_to(const struct replica *r, const struct member *m, const struct turn *t)
{
    return r->caught_up && m->compares_ms != 0 && t->now_ms - m->compares_ms < LIMIT_COMPARES_MS &&
           bytes_compare(process_pid(r->process), term_bytes(&m->pid)) > 0;
}

void compare_digest(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    struct etf_in in = etf_open(args[0]);
    uint64_t theirs = etf_uint64(&in);
    struct buf reply = {0};
    struct member *m = member_of_caller(r, from);
    bool equal = etf_finish(&in) == OK && theirs == compare_whole_digest(r, t);
    if (m != NULL)
        member_note(m, equal ? AGREEMENT_EQUAL : AGREEMENT_DIFFERS, t);
    if (equal) {
        put_atom(&reply, "equal");
    } else if (push_piece_buckets(r, t) == PART_BUCKETS) {
        put_pair(&reply, "state");
        put_term(&reply, encoding_state(r).part);
    } else {
        if (m != NULL)
            m->compares_ms = t->now_ms;
        put_pair(&reply, "ranges");
        put_ranges(r, &reply, t);
    }
    gen_reply_value(r->process, from, buf_bytes(&reply), t);
    buf_free(&reply);
}

static bool part_read(const struct bytes *args, struct part *part)
{
    struct etf_in first = etf_open(args[0]), count = etf_open(args[1]);
    *part = PART_RANGE(etf_uint32(&first), etf_uint32(&count));
    return etf_finish(&first) == OK && etf_finish(&count) == OK && part->count > 0 &&
           part->first < PART_BUCKETS && part->count <= PART_BUCKETS - part->first;
}

/* Replies with at most a piece of the requested part, in whole ranges. */
void compare_part(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    struct part part = {0}; /* all entries of it */
    struct buf reply = {0};
    if (!part_read(args, &part)) {
        put_atom(&reply, "bad_part");
        gen_reply_error(r->process, from, buf_bytes(&reply), t);
    } else {
        uint32_t piece = push_piece_buckets(r, t);
        part.count = part.count < piece ? part.count : piece;
        put_tuple(&reply, 2);
        put_uint(&reply, part.count);
        crdt_state_of(r->crdt, part, &reply);
        work_part(r, reply.len, t);
        gen_reply_value(r->process, from, buf_bytes(&reply), t);
    }
    buf_free(&reply);
}

/* --- requests --------------------------------------------------------------------- */

static uint64_t ask(struct replica *r, struct member *m, struct buf *request, struct turn *t)
{
    uint64_t call = call_start(r->process, &(struct address){.pid = term_bytes(&m->pid)},
                               buf_bytes(request), LIMIT_PULL_MS, t);
    buf_free(request);
    return call;
}

uint64_t compare_start(struct replica *r, struct member *m, struct turn *t)
{
    struct buf request = {0};
    put_pair(&request, "digest");
    put_uint(&request, compare_whole_digest(r, t));
    return ask(r, m, &request, t);
}

enum reply_result compare_ask(struct replica *r, struct member *m, struct buf *request,
                              struct turn *t)
{
    m->call = ask(r, m, request, t);
    return m->call != 0 ? REPLY_MORE : REPLY_FAILED;
}

/* At most a piece of ours at once: we send as many ranges in return. */
enum reply_result compare_next_part(struct replica *r, struct member *m, struct turn *t)
{
    struct comparison *c = m->comparison;
    if (!push_next_part(c->differs, 0, push_piece_buckets(r, t), &c->asked))
        return REPLY_DONE;
    struct buf request = {0};
    put_tuple(&request, 3);
    put_atom(&request, "part");
    put_uint(&request, c->asked.first);
    put_uint(&request, c->asked.count);
    return compare_ask(r, m, &request, t);
}

/* An accepted reply settles at least one range, so the comparison ends. */
static enum reply_result part_received(struct replica *r, struct member *m, struct etf_in *in,
                                       struct turn *t)
{
    struct comparison *c = m->comparison;
    uint32_t covered = etf_uint32(in);
    struct bytes state = in->err == OK ? etf_last(in) : (struct bytes){0};
    if (etf_finish(in) != OK || covered == 0 || covered > c->asked.count ||
        covered % COMPARE_RANGE_BUCKETS != 0)
        return REPLY_REFUSED;
    c->asked.count = covered;
    push_part(r, m, c->asked, t);
    if (intake_pulled(r, m, state, t))
        return REPLY_TAKEN;
    return exchange_pulled(r, m, state, t) ? compare_taken(r, m, t) : REPLY_REFUSED;
}

enum reply_result compare_taken(struct replica *r, struct member *m, struct turn *t)
{
    struct comparison *c = m->comparison;
    if (c == NULL)
        return REPLY_DONE;
    if (c->narrowing != NULL)
        return narrow_next(r, m, t);
    memset(c->differs + c->asked.first / COMPARE_RANGE_BUCKETS, false,
           c->asked.count / COMPARE_RANGE_BUCKETS);
    return compare_next_part(r, m, t);
}

static enum reply_result ranges_received(struct replica *r, struct member *m, struct bytes theirs,
                                         struct turn *t)
{
    if (theirs.len != COMPARE_RANGES * sizeof(uint64_t))
        return REPLY_REFUSED;
    if (is_left_to(r, m, t)) {
        m->compares_ms = 0;
        return REPLY_LATER;
    }
    m->comparison = mem_take(sizeof(*m->comparison));
    const uint64_t *ours = digests(r, t);
    size_t differ = 0, empty = 0;
    for (size_t i = 0; i < COMPARE_RANGES; i++) {
        uint64_t other = digest_at(theirs, i);
        m->comparison->differs[i] = other != ours[i];
        differ += other != ours[i];
        empty += other != ours[i] && (other == 0 || ours[i] == 0);
    }
    if (empty > LIMIT_EMPTY_RANGES && empty > differ / 2)
        return compare_next_part(r, m, t);
    return differ > 0 ? narrow_start(r, m, t) : REPLY_DONE;
}

static enum reply_result digest_received(struct replica *r, struct member *m, struct etf_in *in,
                                         struct turn *t)
{
    bool equal = etf_accept(in, "equal");
    member_note(m, equal ? AGREEMENT_EQUAL : AGREEMENT_DIFFERS, t);
    if (equal)
        return verify_is_due(r) ? verify_start(r, m, t) : REPLY_DONE;
    etf_tuple_of(in, 2);
    if (etf_accept(in, "ranges")) {
        struct bytes theirs = etf_binary(in);
        return etf_finish(in) == OK ? ranges_received(r, m, theirs, t) : REPLY_REFUSED;
    }
    etf_expect(in, "state");
    struct bytes state = in->err == OK ? etf_last(in) : (struct bytes){0};
    if (etf_finish(in) != OK)
        return REPLY_REFUSED;
    /* A small state does not show what they lack of ours.  A new member will ask us itself. */
    if (m->pulled)
        push_all(r, m, t);
    if (intake_pulled(r, m, state, t))
        return REPLY_TAKEN;
    return exchange_pulled(r, m, state, t) ? REPLY_DONE : REPLY_REFUSED;
}

enum reply_result compare_answer(struct replica *r, struct member *m, struct bytes reply,
                                 struct turn *t)
{
    struct etf_in in = etf_open(reply);
    if (m->verifying)
        return verify_answer(r, m, reply, t);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    if (m->comparison == NULL)
        return digest_received(r, m, &in, t);
    if (m->comparison->narrowing != NULL)
        return narrow_answer(r, m, reply, t);
    etf_tuple_of(&in, 2);
    return part_received(r, m, &in, t);
}

void compare_stop(struct member *m)
{
    m->verifying = false;
    if (m->comparison != NULL)
        narrow_stop(m->comparison);
    mem_free(m->comparison);
    m->comparison = NULL;
}
