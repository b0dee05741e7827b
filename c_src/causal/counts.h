/* Counts by actor, of any size: what both counters are made of.
 *
 * A join takes the larger count of each actor.  An actor raises only its own
 * count, so the larger one has seen everything that the smaller one has. */
#ifndef COPPICE_CAUSAL_COUNTS_H
#define COPPICE_CAUSAL_COUNTS_H

#include "digests.h"

/* All zero is empty and valid.  Entries are sorted by actor in key order,
 * without doubles; costs an element: actor and count as terms, and a pointer
 * pair each. */
struct counts {
    struct count *list;
    size_t len, cap;
};

void counts_free(struct counts *c);

/* Whether a canonical term is a count: an integer that is not negative. */
bool counts_is_count(struct bytes term);

/* The actor's count, 0 where it has none; good until the counts are next changed. */
struct bytes counts_of(const struct counts *c, struct bytes actor);

/* Gives the actor this count (canonical) where it is larger than its present one;
 * 0 for an actor without one changes nothing.  What grew joins grown, too, when that
 * is not NULL. */
void counts_raise(struct counts *c, struct bytes actor, struct bytes count, struct counts *grown);

/* Whether a checked term is a map from anything to non-negative integers:
 * ERR_SHAPE, ERR_RANGE, ERR_DUPLICATE; ERR_LIMIT beyond LIMIT_COUNT_BYTES. */
must_use enum err counts_fit(struct bytes checked);

/* Joins such a map; what grew joins grown, too, when that is not NULL.  True when any
 * grew; a count of 0 is more than none, as in the maps that Grove compares. */
bool counts_join(struct counts *c, struct bytes fitting, struct counts *grown);

/* Appends the map of those actors that lie in the part. */
void counts_put(const struct counts *c, struct part part, struct buf *out);

/* Adds each count as an entry of this field. */
void counts_digest(const struct counts *c, const struct digests *d, unsigned field);

/* Adds those that have a count. */
void counts_actors(const struct counts *c, struct actors *seen);

/* Appends the sum of all counts. */
void counts_sum(const struct counts *c, struct buf *out);

/* Invariants: sorted by key order, no doubles, no count below zero or beyond
 * LIMIT_COUNT_BYTES.  Always compiled; called by tests and the simulator. */
void counts_check(const struct counts *c);

#endif
