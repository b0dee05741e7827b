/* Entries in buckets, for telling states apart with a few bytes and for sending them in
 * parts.
 *
 * Every entry of a state (an actor's count, an element with its tags, a tombstone, a key
 * with its value) lies in one of PART_BUCKETS buckets, by a hash of its key.  A part is a
 * range of buckets.  An entry's digest is a hash that starts from the hash of its key and
 * covers all that the entry says; each of an element's tags is an entry of its own.  The
 * digest of a range is the sum of its entries' digests, so their order does not matter.
 *
 * Nodes compare these hashes: they have no seed, and no release changes them. */
#ifndef COPPICE_CAUSAL_DIGESTS_H
#define COPPICE_CAUSAL_DIGESTS_H

#include "tags.h"

#define PART_BUCKETS 65536u

/* The buckets from first on, count of them: at least 1, and not beyond PART_BUCKETS. */
struct part {
    uint32_t first, count;
};

#define PART_WHOLE ((struct part){0, PART_BUCKETS})

/* --- hashes ------------------------------------------------------------------------ */

/* The hash of an entry continues from so_far, which is 0 at first. */
uint64_t digest_bytes(uint64_t so_far, struct bytes more);
uint64_t digest_number(uint64_t so_far, uint64_t more);
uint64_t digest_tag(uint64_t so_far, const struct actors *a, struct tag more);

/* --- which entries lie in a part --------------------------------------------------- */

static inline bool part_is_whole(struct part part)
{
    return part.count == PART_BUCKETS;
}

/* By the hash of its key. */
bool part_has(struct part part, uint64_t key);

/* By the key itself, which is not looked at when the part is the whole. */
static inline bool part_has_bytes(struct part part, struct bytes key)
{
    return part_is_whole(part) || part_has(part, digest_bytes(0, key));
}

static inline bool part_has_tag(struct part part, const struct actors *a, struct tag key)
{
    return part_is_whole(part) || part_has(part, digest_tag(0, a, key));
}

/* The table's records whose keys lie in the part, in order: *at starts at 0; NULL at the
 * end. */
void *part_next(struct part part, const struct table *t, size_t *at);

/* --- digests ----------------------------------------------------------------------- */

/* Fields of a struct, more than any has.  Part of the hash: never to be changed. */
#define DIGEST_FIELDS_MAX 8

/* Where the digests of the entries of one state are summed up, range by range. */
struct digests {
    struct part part;
    uint32_t width; /* of a range, in buckets */
    uint64_t
        place; /* the path of fields from the outermost state to this one; 0: it is outermost */
    uint64_t *sums;
};

/* Adds an entry of this field: the hash of its key, and its digest.  An entry outside the
 * part is ignored. */
void digests_add(const struct digests *d, unsigned field, uint64_t key, uint64_t entry);

/* The same for what a state has only once: it lies in bucket 0. */
void digests_add_once(const struct digests *d, unsigned field, uint64_t entry);

/* The same sums for the entries of a state that is the value of this field. */
struct digests digests_of_field(const struct digests *d, unsigned field);

#endif
