/* Parts of a state: for telling two states apart with a few bytes, and for telling a
 * large one piece by piece.
 *
 * Every entry of a state (an actor's count, an element with its tags, a tombstone, a key
 * with its value) lies in one of CRDT_BUCKETS buckets, by a hash of its key that is the
 * same on every node and in every release.  A part is a range of buckets.  The
 * struct with the entries of one part alone is a legal delta, and the join of
 * all parts of a state is the state.
 *
 * A type of which no part but the whole would be a legal delta has all of it in bucket 0:
 * a register; a DVVSet, whose one context, raised by a remove, hides older dots of elements
 * that stay.  Their new dots would be in other parts, and until those came the elements
 * would be gone, as they never were for who removed. */
#ifndef COPPICE_CRDT_PART_H
#define COPPICE_CRDT_PART_H

#include "crdt.h"

#define CRDT_BUCKETS 65536u

/* The buckets from first on, count of them: at least 1, and not beyond CRDT_BUCKETS. */
struct crdt_part {
    uint32_t first, count;
};

#define CRDT_WHOLE ((struct crdt_part){0, CRDT_BUCKETS})

/* Whether the type's states have entries in more than one bucket. */
bool crdt_divides(const struct crdt_type *type);

/* Appends Grove's struct with the entries of the part alone, as crdt_state() does with all
 * of them.  What a state has only once (a counter of tags, a clock, unknown fields) is in
 * every part of a type that divides.  Costs one walk over the whole state. */
void crdt_state_of(const struct crdt *c, struct crdt_part part, struct buf *out);

/* Cuts the part into so many equal ranges (their number divides part.count) and puts
 * for each a digest of its entries into digests: equal for states that are equal there,
 * whatever order they grew in, and but for a chance of 2^-64 different for
 * those that are not; 0 where there are no entries.  A counter or a clock that a state has
 * only once is an entry in bucket 0.  Whose actor it is, unknown fields and the delta
 * buffer do not count.  Costs one walk over the whole state. */
void crdt_digest(const struct crdt *c, struct crdt_part part, uint32_t ranges, uint64_t *digests);

#endif
