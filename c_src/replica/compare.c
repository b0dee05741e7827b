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
 * Who asks tells in turn what it has in the parts that differ.  So after one such exchange
 * both have what either had. */

/* --- digests ------------------------------------------------------------------- */

static const uint64_t *digests(struct replica *r)
{
    if (r->digests == NULL) {
        r->digests = mem_take(COMPARE_RANGES * sizeof(r->digests[0]));
        crdt_digest(r->crdt, PART_WHOLE, COMPARE_RANGES, r->digests);
    }
    return r->digests;
}

/* A digest of all entries is the sum of those of the ranges. */
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

/* --- answering ------------------------------------------------------------------- */

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
        put_term(&reply, replica_state_term(r));
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

/* At most a piece of what was asked for, but whole ranges. */
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

/* --- asking ----------------------------------------------------------------------- */

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

/* No more at once than a piece of ours: in return the member is told as many ranges. */
static enum outcome go_on(struct replica *r, struct member *m, struct turn *t)
{
    struct comparison *c = m->comparison;
    if (!push_next(c->differs, 0, push_piece_buckets(r, t), &c->asked))
        return OUTCOME_DONE;
    m->call = ask_part(r, m, t);
    return m->call != 0 ? OUTCOME_MORE : OUTCOME_FAILED;
}

/* Each answer settles one range at least, whatever it says. */
static enum outcome part_heard(struct replica *r, struct member *m, struct etf_in *in,
                               struct turn *t)
{
    struct comparison *c = m->comparison;
    uint32_t covered = etf_uint32(in);
    struct bytes state = etf_any(in);
    if (etf_finish(in) != OK || covered == 0 || covered > c->asked.count ||
        covered % COMPARE_RANGE_BUCKETS != 0)
        return OUTCOME_REFUSED;
    c->asked.count = covered;
    push_part(r, m, c->asked, t);
    if (!exchange_pulled(r, m, state, t))
        return OUTCOME_REFUSED;
    memset(c->differs + c->asked.first / COMPARE_RANGE_BUCKETS, false,
           covered / COMPARE_RANGE_BUCKETS);
    return go_on(r, m, t);
}

static enum outcome ranges_heard(struct replica *r, struct member *m, struct bytes theirs,
                                 struct turn *t)
{
    if (theirs.len != COMPARE_RANGES * sizeof(uint64_t))
        return OUTCOME_REFUSED;
    m->comparison = mem_take(sizeof(*m->comparison));
    for (size_t i = 0; i < COMPARE_RANGES; i++)
        m->comparison->differs[i] = digest_at(theirs, i) != digests(r)[i];
    return go_on(r, m, t);
}

static enum outcome digest_heard(struct replica *r, struct member *m, struct etf_in *in,
                                 struct turn *t)
{
    bool equal = etf_accept(in, "equal");
    if (equal)
        return etf_finish(in) == OK ? OUTCOME_DONE : OUTCOME_REFUSED;
    etf_tuple_of(in, 2);
    if (etf_accept(in, "ranges")) {
        struct bytes theirs = etf_binary(in);
        return etf_finish(in) == OK ? ranges_heard(r, m, theirs, t) : OUTCOME_REFUSED;
    }
    etf_expect(in, "state");
    struct bytes state = etf_any(in);
    if (etf_finish(in) != OK)
        return OUTCOME_REFUSED;
    /* A small state of theirs says nothing of how ours differs.  Who is new asks as we do. */
    if (m->heard)
        push_all(r, m, t);
    return exchange_pulled(r, m, state, t) ? OUTCOME_DONE : OUTCOME_REFUSED;
}

enum outcome compare_answer(struct replica *r, struct member *m, struct bytes reply, struct turn *t)
{
    struct etf_in in = etf_open(reply);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    if (m->comparison == NULL)
        return digest_heard(r, m, &in, t);
    etf_tuple_of(&in, 2);
    return part_heard(r, m, &in, t);
}

void compare_stop(struct member *m)
{
    mem_free(m->comparison);
    m->comparison = NULL;
}
