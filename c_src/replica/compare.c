#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "../otp/watch.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"

/* Two coppices find out where their states differ:
 *
 *     {digest, Mine}         {ok, equal}
 *                            {ok, {state, Struct}}      where the state is small
 *                            {ok, {ranges, Digests}}    64 bits each, big endian
 *     {part, First, Count}   {ok, {Covered, Struct}}    Covered buckets from First on
 *
 * In return, the asker sends its own entries of the parts that differ, so that both sides
 * have everything after one exchange. */

/* --- digests ------------------------------------------------------------------- */

static const uint64_t *digests(struct replica *r)
{
    if (r->digests == NULL) {
        r->digests = mem_take(COMPARE_RANGES * sizeof(r->digests[0]));
        crdt_digest(r->crdt, PART_WHOLE, COMPARE_RANGES, r->digests);
    }
    return r->digests;
}

/* The digest of the whole state is the sum of those of its ranges. */
static uint64_t digest(struct replica *r)
{
    const uint64_t *ranges = digests(r);
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

static void put_ranges(struct replica *r, struct buf *out)
{
    struct buf encoded = {0};
    for (size_t i = 0; i < COMPARE_RANGES; i++)
        buf_put_u64(&encoded, digests(r)[i]);
    put_binary(out, buf_bytes(&encoded));
    buf_free(&encoded);
}

void compare_digest(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    struct etf_in in = etf_open(args[0]);
    uint64_t theirs = etf_uint64(&in);
    struct buf reply = {0};
    if (etf_finish(&in) == OK && theirs == digest(r)) {
        put_atom(&reply, "equal");
    } else if (push_piece_buckets(r, t) == PART_BUCKETS) {
        put_pair(&reply, "state");
        put_term(&reply, encoding_state(r).part);
    } else {
        put_pair(&reply, "ranges");
        put_ranges(r, &reply);
    }
    gen_reply_value(r->process, from, buf_bytes(&reply), t);
    buf_free(&reply);
}

static bool part_read(const struct bytes *args, struct part *part)
{
    struct etf_in first = etf_open(args[0]), count = etf_open(args[1]);
    part->first = etf_uint32(&first);
    part->count = etf_uint32(&count);
    return etf_finish(&first) == OK && etf_finish(&count) == OK && part->count > 0 &&
           part->first < PART_BUCKETS && part->count <= PART_BUCKETS - part->first;
}

/* Replies with at most a piece of the requested part, in whole ranges. */
void compare_part(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    struct part part;
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
    put_uint(&request, digest(r));
    return ask(r, m, &request, t);
}

static uint64_t ask_part(struct replica *r, struct member *m, struct turn *t)
{
    struct buf request = {0};
    put_tuple(&request, 3);
    put_atom(&request, "part");
    put_uint(&request, m->comparison->asked.first);
    put_uint(&request, m->comparison->asked.count);
    return ask(r, m, &request, t);
}

/* At most a piece of ours at once: we send as many ranges in return. */
static enum reply_result ask_next_part(struct replica *r, struct member *m, struct turn *t)
{
    struct comparison *c = m->comparison;
    if (!push_next_part(c->differs, 0, push_piece_buckets(r, t), &c->asked))
        return REPLY_DONE;
    m->call = ask_part(r, m, t);
    return m->call != 0 ? REPLY_MORE : REPLY_FAILED;
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
    memset(c->differs + c->asked.first / COMPARE_RANGE_BUCKETS, false,
           c->asked.count / COMPARE_RANGE_BUCKETS);
    return ask_next_part(r, m, t);
}

static enum reply_result ranges_received(struct replica *r, struct member *m, struct bytes theirs,
                                         struct turn *t)
{
    if (theirs.len != COMPARE_RANGES * sizeof(uint64_t))
        return REPLY_REFUSED;
    m->comparison = mem_take(sizeof(*m->comparison));
    for (size_t i = 0; i < COMPARE_RANGES; i++)
        m->comparison->differs[i] = digest_at(theirs, i) != digests(r)[i];
    return ask_next_part(r, m, t);
}

static enum reply_result digest_received(struct replica *r, struct member *m, struct etf_in *in,
                                         struct turn *t)
{
    bool equal = etf_accept(in, "equal");
    if (equal)
        return etf_finish(in) == OK ? REPLY_DONE : REPLY_REFUSED;
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
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    if (m->comparison == NULL)
        return digest_received(r, m, &in, t);
    etf_tuple_of(&in, 2);
    return part_received(r, m, &in, t);
}

void compare_stop(struct member *m)
{
    mem_free(m->comparison);
    m->comparison = NULL;
}
