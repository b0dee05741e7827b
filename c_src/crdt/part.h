/* Parts of a state (causal/digests.h): for telling two states apart with a few bytes, and for
 * sending a large one piece by piece.
 *
 * The struct with the entries of one part alone is a legal delta, and the join of all parts of
 * a state is the state.
 *
 * A type of which no part but the whole would be a legal delta keeps everything in bucket 0:
 * a register; a DVVSet, whose single context, raised by a remove, hides older dots of elements
 * that remain.  Their new dots would be in other parts, and until those arrived the elements
 * would be missing, which they never were for the node that removed. */
#ifndef COPPICE_CRDT_PART_H
#define COPPICE_CRDT_PART_H

#include "../causal/digests.h"
#include "crdt.h"

/* Whether the type's states have entries in more than one bucket. */
bool crdt_is_divisible(const struct crdt_type *type);

/* Appends Grove's struct with the entries of the part alone, as crdt_state() does with all
 * of them.  What a state has only once (a counter of tags, a clock, unknown fields) is in
 * every part of a type that divides.  Costs one walk over the whole state. */
void crdt_state_of(const struct crdt *c, struct part part, struct buf *out);

/* Cuts the part into so many equal ranges (their number divides part.count) and puts
 * for each a digest of its entries into digests: equal for states that are equal there,
 * whatever order they grew in, and but for a chance of 2^-64 different for
 * those that are not; 0 where there are no entries.  A counter or a clock that a state has
 * only once is an entry in bucket 0.  Whose actor it is, unknown fields and the delta
 * buffer do not count.  Costs one walk over the whole state. */
void crdt_digest(const struct crdt *c, struct part part, uint32_t ranges, uint64_t *digests);

/* Adds the digests of a state that is the value of this field: for the rows of types that
 * have states inside. */
void crdt_digest_field(const struct digests *d, unsigned field, const struct crdt *c);

#endif
