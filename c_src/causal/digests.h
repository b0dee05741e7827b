/* Parts and digests of states: for comparing states in a few bytes and sending them in parts.
 *
 * Every entry of a state (an actor's count, an element with its tags, a tombstone, a key with
 * its value) is in one of PART_BUCKETS buckets, chosen by a hash of its key.  A part is a range
 * of buckets.  An entry's digest is a hash that starts from the hash of its key and covers the
 * whole entry; each tag of an element is an entry of its own.  The digest of a range is the sum
 * of its entries' digests, so their order does not matter.
 *
 * Nodes compare these hashes: they have no seed and must never change between releases. */
#ifndef COPPICE_CAUSAL_DIGESTS_H
#define COPPICE_CAUSAL_DIGESTS_H

#include "tags.h"

#define PART_BUCKET_BITS 16
#define PART_BUCKETS     (1u << PART_BUCKET_BITS)

/* Some of the buckets, and all of their entries or those with some keys. */
struct selection {
    uint8_t buckets[PART_BUCKETS / 8]; /* a bit for each */
    bool by_key;
    const uint64_t *keys; /* hashes of keys, ascending; borrowed */
    size_t key_count;
};

/* Buckets first to first + count - 1; count is at least 1, the last below PART_BUCKETS.  Of those
 * only what is selected, unless that is NULL. */
struct part {
    uint32_t first, count;
    const struct selection *only;
};

#define PART_WHOLE                 ((struct part){0, PART_BUCKETS, NULL})
#define PART_RANGE(first, count)   ((struct part){(first), (count), NULL})
#define PART_SELECTED(a_selection) ((struct part){0, PART_BUCKETS, (a_selection)})

/* --- hashes ------------------------------------------------------------------------ */

/* Continue the hash so_far of an entry, which starts at the salt of its digests. */
uint64_t digest_bytes(uint64_t so_far, struct bytes more);
uint64_t digest_number(uint64_t so_far, uint64_t more);
uint64_t digest_tag(uint64_t so_far, const struct actors *a, struct tag more);

/* --- entries of a part -------------------------------------------------------------- */

static inline bool part_is_whole(struct part part)
{
    return part.count == PART_BUCKETS && part.only == NULL;
}

/* The bucket of the entry whose key has this hash: its top bits. */
static inline uint32_t part_bucket(uint64_t key)
{
    return (uint32_t)(key >> (64 - PART_BUCKET_BITS));
}

static inline bool selection_has_bucket(const struct selection *s, uint32_t bucket)
{
    return (s->buckets[bucket / 8] >> bucket % 8 & 1) != 0;
}

void selection_add_bucket(struct selection *s, uint32_t bucket);
void selection_remove_bucket(struct selection *s, uint32_t bucket);
/* Whether it has the key with this hash, of a bucket that it has. */
bool selection_has_key(const struct selection *s, uint64_t key);

/* Whether the part has entries of the bucket.  For one below first, the unsigned difference exceeds
 * any count. */
static inline bool part_has_bucket(struct part part, uint32_t bucket)
{
    return bucket - part.first < part.count &&
           (part.only == NULL || selection_has_bucket(part.only, bucket));
}

/* Whether it has the entry whose key has this hash. */
static inline bool part_has(struct part part, uint64_t key)
{
    return part_has_bucket(part, part_bucket(key)) &&
           (part.only == NULL || selection_has_key(part.only, key));
}

/* The same by the key itself, which is not hashed if the part is the whole. */
static inline bool part_has_bytes(struct part part, struct bytes key)
{
    return part_is_whole(part) || part_has(part, digest_bytes(0, key));
}

static inline bool part_has_tag(struct part part, const struct actors *a, struct tag key)
{
    return part_is_whole(part) || part_has(part, digest_tag(0, a, key));
}

/* What tables file their keys under (table_keep_marks()): the bucket. */
uint16_t part_mark(struct bytes key);

/* Iterates over the table's records whose keys are in the part, in order: *at starts at 0; NULL
 * at the end.  Where the table has marks, a key of another bucket costs a nanosecond. */
void *part_next(struct part part, const struct table *t, size_t *at);

/* --- digests ----------------------------------------------------------------------- */

/* Maximum number of fields of a struct.  Part of the hash: must never change. */
#define DIGEST_FIELDS_MAX 8

/* All entries whose keys have the same hash. */
struct item {
    uint64_t key;    /* that hash */
    uint64_t digest; /* the sum of their digests */
};

/* Zeroed at first; its owner frees the list. */
struct items {
    struct item *list;
    size_t count, cap;
};

/* Sorts entries that were collected one by one by their keys, and makes one item of those with the
 * same key. */
void items_merge(struct items *items);

/* The sums of the digests of one state's entries, one per range; or instead the entries. */
struct digests {
    struct part part;
    uint32_t width_bits; /* a range has 2^width_bits buckets */
    uint64_t path;       /* of fields, from the outermost state to this one; 0 for the outermost */
    uint64_t salt; /* what hashes start at: 0, but where two states are verified to be equal */
    uint64_t *sums;
    struct items *items; /* if not NULL, gets each entry as an item, and sums is not used */
};

/* Adds an entry of this field: the hash of its key and its digest.  Ignores entries outside the
 * part. */
void digests_add(const struct digests *d, unsigned field, uint64_t key, uint64_t entry);

/* The same for a value that a state has only once, such as a clock: its bucket is 0. */
void digests_add_singleton(const struct digests *d, unsigned field, uint64_t entry);

/* The same sums, for the entries of a nested state that is the value of this field. */
struct digests digests_of_field(const struct digests *d, unsigned field);

#endif
