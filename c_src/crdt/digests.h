/* Entries, as parts and digests see them (part.h): for the rows of the types.
 *
 * An entry's digest is a hash, begun with that of its key, of all that it says; an
 * element's tags are an entry each.  A range's digest is the sum of its entries', so they
 * need no order.
 *
 * Nodes compare these hashes: they have no seed, and change in no release. */
#ifndef COPPICE_CRDT_DIGESTS_H
#define COPPICE_CRDT_DIGESTS_H

#include "part.h"
#include "tags.h"

/* The hash of an entry goes on from what it is so far, 0 at first. */
uint64_t digest_bytes(uint64_t so_far, struct bytes more);
uint64_t digest_number(uint64_t so_far, uint64_t more);
uint64_t digest_tag(uint64_t so_far, const struct actors *a, struct tag more);

/* --- which entries lie in a part --------------------------------------------------- */

static inline bool part_is_whole(struct crdt_part part)
{
    return part.count == CRDT_BUCKETS;
}

/* By the hash of its key. */
bool part_has(struct crdt_part part, uint64_t key);

/* By the key itself, which for the whole is not looked at. */
static inline bool part_has_bytes(struct crdt_part part, struct bytes key)
{
    return part_is_whole(part) || part_has(part, digest_bytes(0, key));
}

static inline bool part_has_tag(struct crdt_part part, const struct actors *a, struct tag key)
{
    return part_is_whole(part) || part_has(part, digest_tag(0, a, key));
}

/* The table's records whose keys lie in the part, in order: *at starts at 0; NULL at the
 * end. */
void *part_next(struct crdt_part part, const struct table *t, size_t *at);

/* --- digests --------------------------------------------------------------- */

/* What a row's digest() adds to. */
struct digests {
    struct crdt_part part;
    uint32_t width; /* of a range, in buckets */
    uint64_t place; /* which field of which state around it the state is; 0 for none */
    uint64_t *sums;
};

/* Adds an entry of this field, the hash of its key, and its own; outside the part, it
 * adds nothing. */
void digests_add(const struct digests *d, unsigned field, uint64_t key, uint64_t entry);

/* The same for what a state has only once. */
void digests_add_once(const struct digests *d, unsigned field, uint64_t entry);

/* Adds the entries of a state that is a field of this one. */
void digests_add_state(const struct digests *d, unsigned field, const struct crdt *c);

#endif
