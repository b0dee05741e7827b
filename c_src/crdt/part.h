/* Parts of a state (causal/digests.h): for comparing two states in a few bytes, and for sending a
 * large one in pieces.
 *
 * The struct with the entries of one part is a valid delta, also if only some keys of it are
 * selected, and the join of all parts of a state is the state.
 *
 * Types that are not divisible keep everything in bucket 0: no part but the whole would be a
 * valid delta.  These are the registers and the DVVSet.  A DVVSet has a single context: raised by
 * a remove, it dominates older dots of elements that remain.  Their new dots would be in other
 * parts, so until those arrived the elements would be missing, which they never were on the node
 * that removed. */
#ifndef COPPICE_CRDT_PART_H
#define COPPICE_CRDT_PART_H

#include "../causal/digests.h"
#include "crdt.h"

/* Whether the type spreads its entries over several buckets. */
bool crdt_is_divisible(const struct crdt_type *type);

/* Appends Grove's struct like crdt_state(), limited to the entries of the part.  Values that a
 * state has only once (a tag counter, a clock, unknown fields) are in every part of a divisible
 * type.  Looks at each entry of the state, at a nanosecond for those of a large table that are not
 * in the part. */
void crdt_state_of(const struct crdt *c, struct part part, struct buf *out);

/* Stores the entries of the selected buckets as items, ascending by key: what crdt_state_of() has
 * in a part that selects these keys, and no other.  A counter or clock that a state has only once
 * is in the item with key 0.  Only for a divisible type.  Looks at as much as crdt_state_of(). */
void crdt_items(const struct crdt *c, const struct selection *buckets, struct items *items);

/* Splits the part into equal ranges, of a power of two of buckets each, and stores a digest of each
 * range's entries in digests.  Digests are equal if the states are equal in that range, whatever
 * their history, and otherwise differ except with probability 2^-64; 0 for a range without
 * entries.  A counter or clock that a state has only once is an entry in bucket 0.  The replica's
 * actor, unknown fields and the delta buffer are not covered.  Walks the whole state. */
void crdt_digest(const struct crdt *c, struct part part, uint32_t ranges, uint64_t *digests);

/* A digest of the whole state that starts from a salt: states that differ and have the same digest,
 * by accident or because somebody has made them so, have another one for nearly every salt. */
uint64_t crdt_digest_salted(const struct crdt *c, uint64_t salt);

/* Adds the digests of a nested state that is the value of this field: for types with nested
 * states. */
void crdt_digest_field(const struct digests *d, unsigned field, const struct crdt *c);

#endif
