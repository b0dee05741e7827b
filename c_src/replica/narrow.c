#include <stdlib.h>
#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "../otp/watch.h"
#include "../sorted.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"
#include "work.h"

/* Where few entries differ, a range of them would be sent for the sake of one.  So two coppices
 * narrow their ranges down, first to buckets, by a factor of WAYS at a time, then to entries:
 *
 *     {narrow, Salt, Width, Ranges}          {ok, {narrow, Digests}}
 *     {entries, Salt, Buckets, Prints}       {ok, {Covered, Wanted, Struct}}
 *
 * Ranges has a bit for each range of Width buckets, Digests 32 bits for each of the WAYS equal
 * parts of those whose bits are set.  Buckets are numbers of 16 bits, ascending; Prints are 64-bit
 * fingerprints of the asker's entries there, ascending.  The reply is about the first Covered of
 * these buckets: Wanted are those of the Prints that the replier does not have, Struct has the
 * entries whose fingerprints were not among them.  In return, the asker sends what is wanted.  All
 * numbers are big endian.
 *
 * Digests and fingerprints are short, and depend on a random salt: where two collide, by accident
 * or by intent, an entry is not sent this time, but with the salt of another comparison. */

/* The fingerprint of one of our items (causal/digests.h). */
struct print {
    uint64_t print, key;
};

struct prints {
    struct print *list;
    size_t count;
};

struct narrowing {
    uint64_t salt;
    uint32_t width; /* in buckets, of the ranges that are known to differ; 1 in the end */
    struct selection differing; /* those that remain to be exchanged, a bit for each */
    /* Of the last request for entries. */
    struct buf buckets;
    struct prints prints;
};

#define WAYS          8u
#define BUCKET_BYTES  sizeof(uint16_t)
#define DIGEST_BYTES  sizeof(uint32_t)
#define PRINT_BYTES   sizeof(uint64_t)
#define ITEM_BYTES    256 /* an entry's share of the work, sorted, as if it were written */
#define BUCKET_SHIFT  48  /* the top bits of a fingerprint are its bucket */
#define PRINTS_LENGTH (LIMIT_COMPARED_ENTRIES * PRINT_BYTES)

_Static_assert(COMPARE_RANGE_BUCKETS == WAYS * WAYS, "two steps lead to buckets");

static uint64_t number_at(struct bytes encoded, size_t i, size_t size)
{
    uint64_t value = 0;
    for (size_t byte = 0; byte < size; byte++)
        value = value << 8 | encoded.at[i * size + byte];
    return value;
}

static uint32_t bucket_at(struct bytes buckets, size_t i)
{
    return (uint32_t)number_at(buckets, i, BUCKET_BYTES);
}

/* --- fingerprints --------------------------------------------------------------- */

static uint64_t print_of(uint64_t salt, const struct item *item)
{
    uint64_t hash = digest_number(digest_number(salt, item->key), item->digest);
    return (uint64_t)part_bucket(item->key) << BUCKET_SHIFT | hash >> (64 - BUCKET_SHIFT);
}

static int compare_prints(const void *a, const void *b)
{
    const struct print *x = a, *y = b;
    return (x->print > y->print) - (x->print < y->print);
}

/* Of our items in the first `count` of the buckets, sorted. */
static struct prints prints_of(const struct replica *r, uint64_t salt, struct bytes buckets,
                               size_t count, struct turn *t)
{
    struct selection in = {0};
    struct items items = {0};
    for (size_t i = 0; i < count; i++)
        selection_add_bucket(&in, bucket_at(buckets, i));
    crdt_items(r->crdt, &in, &items);
    work_part(r, items.count * ITEM_BYTES, t);
    struct prints prints = {mem_take(items.count * sizeof(struct print)), items.count};
    for (size_t i = 0; i < items.count; i++)
        prints.list[i] = (struct print){print_of(salt, &items.list[i]), items.list[i].key};
    qsort(prints.list, prints.count, sizeof(struct print), compare_prints);
    mem_free(items.list);
    return prints;
}

/* --- selected keys ---------------------------------------------------------------- */

/* Hashes of keys that a selection borrows. */
struct keys {
    uint64_t *list;
    size_t count, cap;
    struct selection selection;
};

static void keys_add(struct keys *k, uint64_t key)
{
    k->list = mem_room(k->list, k->count, &k->cap, sizeof(key));
    k->list[k->count++] = key;
    selection_add_bucket(&k->selection, part_bucket(key));
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static const struct selection *keys_selection(struct keys *k)
{
    if (k->count > 0)
        qsort(k->list, k->count, sizeof(k->list[0]), compare_keys);
    k->selection.by_key = true;
    k->selection.keys = k->list;
    k->selection.key_count = k->count;
    return &k->selection;
}

/* --- replies ---------------------------------------------------------------------- */

static void refuse(struct replica *r, struct bytes from, const char *reason, struct turn *t)
{
    struct buf reply = {0};
    put_atom(&reply, reason);
    gen_reply_error(r->process, from, buf_bytes(&reply), t);
    buf_free(&reply);
}

/* Of one of the equal parts of the ranges, counted from the first bucket on. */
static uint32_t part_digest(uint64_t salt, const uint64_t *buckets, uint32_t width, uint32_t part)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < width / WAYS; i++)
        sum += buckets[part * (width / WAYS) + i];
    return (uint32_t)(digest_number(salt, sum) >> 32);
}

static size_t ranges_bytes(uint32_t width)
{
    return PART_BUCKETS / width / 8;
}

void narrow_digests(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    struct etf_in in[3] = {etf_open(args[0]), etf_open(args[1]), etf_open(args[2])};
    uint64_t salt = etf_uint64(&in[0]);
    uint32_t width = etf_uint32(&in[1]);
    struct bytes ranges = etf_binary(&in[2]);
    if (etf_finish(&in[0]) != OK || etf_finish(&in[1]) != OK || etf_finish(&in[2]) != OK ||
        (width != COMPARE_RANGE_BUCKETS && width != COMPARE_RANGE_BUCKETS / WAYS) ||
        ranges.len != ranges_bytes(width) || !crdt_is_divisible(r->options.type)) {
        refuse(r, from, "bad_ranges", t);
        return;
    }
    struct buf digests = {0}, reply = {0};
    const uint64_t *ours = compare_bucket_digests(r, t);
    for (uint32_t i = 0; i < PART_BUCKETS / width * WAYS; i++)
        if ((ranges.at[i / WAYS / 8] >> i / WAYS % 8 & 1) != 0)
            buf_put_u32(&digests, part_digest(salt, ours, width, i));
    compare_release_digests(r, t);
    put_tuple(&reply, 2);
    put_atom(&reply, "narrow");
    put_binary(&reply, buf_bytes(&digests));
    gen_reply_value(r->process, from, buf_bytes(&reply), t);
    buf_free(&digests);
    buf_free(&reply);
}

/* What a coppice asks for by its fingerprints. */
struct entries_request {
    uint64_t salt;
    struct bytes buckets, prints;
};

static bool entries_read(const struct bytes *args, struct entries_request *q)
{
    struct etf_in in[3] = {etf_open(args[0]), etf_open(args[1]), etf_open(args[2])};
    q->salt = etf_uint64(&in[0]);
    q->buckets = etf_binary(&in[1]);
    q->prints = etf_binary(&in[2]);
    if (etf_finish(&in[0]) != OK || etf_finish(&in[1]) != OK || etf_finish(&in[2]) != OK)
        return false;
    if (q->buckets.len == 0 || q->buckets.len % BUCKET_BYTES != 0 ||
        q->prints.len % PRINT_BYTES != 0 || q->prints.len > PRINTS_LENGTH)
        return false;
    for (size_t i = 1; i < q->buckets.len / BUCKET_BYTES; i++)
        if (bucket_at(q->buckets, i - 1) >= bucket_at(q->buckets, i))
            return false;
    for (size_t i = 1; i < q->prints.len / PRINT_BYTES; i++)
        if (number_at(q->prints, i - 1, PRINT_BYTES) > number_at(q->prints, i, PRINT_BYTES))
            return false;
    return true;
}

/* The keys of ours that are not in theirs; and appends those of theirs that are not in ours, up to
 * the last bucket that is covered. */
static void set_apart(const struct prints *ours, struct bytes theirs, uint32_t last,
                      struct keys *lacking, struct buf *wanted)
{
    size_t i = 0, j = 0, count = theirs.len / PRINT_BYTES;
    while (i < ours->count || j < count) {
        uint64_t other = j < count ? number_at(theirs, j, PRINT_BYTES) : 0;
        int order = j == count         ? -1
                    : i == ours->count ? 1
                                       : compare_prints(&ours->list[i], &(struct print){other, 0});
        if (order < 0)
            keys_add(lacking, ours->list[i].key);
        if (order > 0 && other >> BUCKET_SHIFT > last)
            return;
        if (order > 0)
            buf_put_u64(wanted, other);
        i += order <= 0;
        j += order >= 0;
    }
}

void narrow_entries(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    struct entries_request q;
    if (!entries_read(args, &q) || !crdt_is_divisible(r->options.type)) {
        refuse(r, from, "bad_entries", t);
        return;
    }
    uint32_t covered = (uint32_t)(q.buckets.len / BUCKET_BYTES);
    uint32_t piece = push_piece_buckets(r, t);
    covered = covered < piece ? covered : piece;
    struct prints ours = prints_of(r, q.salt, q.buckets, covered, t);
    struct keys lacking = {0};
    struct buf wanted = {0}, reply = {0};
    set_apart(&ours, q.prints, bucket_at(q.buckets, covered - 1), &lacking, &wanted);
    put_tuple(&reply, 3);
    put_uint(&reply, covered);
    put_binary(&reply, buf_bytes(&wanted));
    crdt_state_of(r->crdt, PART_SELECTED(keys_selection(&lacking)), &reply);
    gen_reply_value(r->process, from, buf_bytes(&reply), t);
    mem_free(ours.list);
    mem_free(lacking.list);
    buf_free(&wanted);
    buf_free(&reply);
}

/* --- requests --------------------------------------------------------------------- */

static enum reply_result ask_digests(struct replica *r, struct member *m, struct turn *t)
{
    const struct narrowing *n = m->comparison->narrowing;
    struct buf request = {0};
    put_tuple(&request, 4);
    put_atom(&request, "narrow");
    put_uint(&request, n->salt);
    put_uint(&request, n->width);
    put_binary(&request, (struct bytes){n->differing.buckets, ranges_bytes(n->width)});
    return compare_ask(r, m, &request, t);
}

enum reply_result narrow_start(struct replica *r, struct member *m, struct turn *t)
{
    struct narrowing *n = mem_take(sizeof(*n));
    n->salt = turn_random(t);
    n->width = COMPARE_RANGE_BUCKETS;
    for (uint32_t i = 0; i < COMPARE_RANGES; i++)
        if (m->comparison->differs[i])
            selection_add_bucket(&n->differing, i);
    m->comparison->narrowing = n;
    return ask_digests(r, m, t);
}

static enum reply_result end(struct replica *r, struct member *m, struct turn *t)
{
    narrow_stop(m->comparison);
    return compare_next_part(r, m, t);
}

/* The first of the differing buckets, at most so many. */
static size_t take_buckets(struct narrowing *n, size_t most)
{
    size_t count = 0;
    buf_clear(&n->buckets);
    for (uint32_t i = 0; i < PART_BUCKETS && count < most; i++) {
        if (!selection_has_bucket(&n->differing, i))
            continue;
        buf_put_u16(&n->buckets, (uint16_t)i);
        count++;
    }
    return count;
}

/* False if no bucket is left.  One with too many entries goes with its whole range. */
static bool take_entries(struct replica *r, struct comparison *c, struct turn *t)
{
    struct narrowing *n = c->narrowing;
    size_t most = push_piece_buckets(r, t), count;
    while ((count = take_buckets(n, most)) > 0) {
        mem_free(n->prints.list);
        n->prints = prints_of(r, n->salt, buf_bytes(&n->buckets), count, t);
        if (n->prints.count <= LIMIT_COMPARED_ENTRIES)
            break;
        most = count / 2;
        if (most > 0)
            continue;
        uint32_t bucket = bucket_at(buf_bytes(&n->buckets), 0);
        selection_remove_bucket(&n->differing, bucket);
        c->differs[bucket / COMPARE_RANGE_BUCKETS] = true;
        most = 1;
    }
    return count > 0;
}

enum reply_result narrow_next(struct replica *r, struct member *m, struct turn *t)
{
    struct narrowing *n = m->comparison->narrowing;
    if (!take_entries(r, m->comparison, t))
        return end(r, m, t);
    struct buf prints = {0}, request = {0};
    for (size_t i = 0; i < n->prints.count; i++)
        buf_put_u64(&prints, n->prints.list[i].print);
    put_tuple(&request, 4);
    put_atom(&request, "entries");
    put_uint(&request, n->salt);
    put_binary(&request, buf_bytes(&n->buckets));
    put_binary(&request, buf_bytes(&prints));
    buf_free(&prints);
    return compare_ask(r, m, &request, t);
}

/* A coppice of version 0.1.0 does not know the request, and is asked for parts. */
static bool is_unknown(struct bytes reply)
{
    struct etf_in in = etf_open(reply);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "error");
    etf_tuple_of(&in, 2);
    etf_expect(&in, "unknown_request");
    return in.err == OK;
}

/* The parts of the ranges that differ; false if theirs are not as many as was asked for. */
static bool keep_differing(struct replica *r, struct narrowing *n, struct bytes theirs,
                           struct turn *t)
{
    const uint64_t *ours = compare_bucket_digests(r, t);
    struct selection differing = {0};
    size_t next = 0, count = theirs.len / DIGEST_BYTES;
    for (uint32_t i = 0; i < PART_BUCKETS / n->width * WAYS; i++) {
        if (!selection_has_bucket(&n->differing, i / WAYS))
            continue;
        if (next == count)
            return false;
        if (number_at(theirs, next++, DIGEST_BYTES) != part_digest(n->salt, ours, n->width, i))
            selection_add_bucket(&differing, i);
    }
    n->differing = differing;
    return next == count && theirs.len % DIGEST_BYTES == 0;
}

/* Ranges that are narrowed down are no longer exchanged as parts. */
static enum reply_result digests_received(struct replica *r, struct member *m, struct bytes theirs,
                                          struct turn *t)
{
    struct narrowing *n = m->comparison->narrowing;
    bool kept = keep_differing(r, n, theirs, t);
    compare_release_digests(r, t);
    if (!kept)
        return REPLY_REFUSED;
    memset(m->comparison->differs, false, sizeof(m->comparison->differs));
    n->width /= WAYS;
    return n->width > 1 ? ask_digests(r, m, t) : narrow_next(r, m, t);
}

/* What is wanted that was never offered, or is gone, is passed over. */
static void send_wanted(struct replica *r, struct member *m, struct bytes wanted, struct turn *t)
{
    const struct prints *ours = &m->comparison->narrowing->prints;
    struct keys keys = {0};
    for (size_t i = 0; i < wanted.len / PRINT_BYTES; i++) {
        struct print asked = {number_at(wanted, i, PRINT_BYTES), 0};
        const struct print *found =
            sorted_find(ours->list, ours->count, sizeof(asked), &asked, compare_prints);
        if (found != NULL)
            keys_add(&keys, found->key);
    }
    if (keys.count > 0)
        push_entries(r, m, keys_selection(&keys), t);
    mem_free(keys.list);
}

/* An accepted reply settles at least one bucket, so this ends. */
static enum reply_result entries_received(struct replica *r, struct member *m, struct etf_in *in,
                                          struct turn *t)
{
    struct narrowing *n = m->comparison->narrowing;
    uint32_t covered = etf_uint32(in);
    struct bytes wanted = etf_binary(in);
    struct bytes state = in->err == OK ? etf_last(in) : (struct bytes){0};
    if (etf_finish(in) != OK || covered == 0 || covered > n->buckets.len / BUCKET_BYTES ||
        wanted.len % PRINT_BYTES != 0 || wanted.len > n->prints.count * PRINT_BYTES)
        return REPLY_REFUSED;
    for (uint32_t i = 0; i < covered; i++)
        selection_remove_bucket(&n->differing, bucket_at(buf_bytes(&n->buckets), i));
    send_wanted(r, m, wanted, t);
    if (intake_pulled(r, m, state, t))
        return REPLY_TAKEN;
    return exchange_pulled(r, m, state, t) ? narrow_next(r, m, t) : REPLY_REFUSED;
}

enum reply_result narrow_answer(struct replica *r, struct member *m, struct bytes reply,
                                struct turn *t)
{
    const struct narrowing *n = m->comparison->narrowing;
    if (n->width == COMPARE_RANGE_BUCKETS && is_unknown(reply))
        return end(r, m, t);
    struct etf_in in = etf_open(reply);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    if (n->width == 1) {
        etf_tuple_of(&in, 3);
        return entries_received(r, m, &in, t);
    }
    etf_tuple_of(&in, 2);
    etf_expect(&in, "narrow");
    struct bytes theirs = etf_binary(&in);
    return etf_finish(&in) == OK ? digests_received(r, m, theirs, t) : REPLY_REFUSED;
}

void narrow_stop(struct comparison *c)
{
    if (c->narrowing == NULL)
        return;
    buf_free(&c->narrowing->buckets);
    mem_free(c->narrowing->prints.list);
    mem_free(c->narrowing);
    c->narrowing = NULL;
}
