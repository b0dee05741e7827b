/* A count per actor, of any size: the state of both counters.
 *
 * A join takes the larger count of each actor.  Only the actor itself raises its count, so the
 * larger count includes the smaller one. */
#ifndef COPPICE_CAUSAL_COUNTS_H
#define COPPICE_CAUSAL_COUNTS_H

#include "digests.h"

/* All zero is empty and valid.  Entries are sorted by actor in key order, without duplicates.
 * Memory per entry: actor and count as terms, and a pointer pair for each. */
struct counts {
    struct count *list;
    size_t len, cap;
    struct actor_watch *watch; /* told of new actors, unless NULL */
};

void counts_free(struct counts *c);

/* Whether a canonical term is a count: an integer that is not negative. */
bool counts_is_count(struct bytes term);

/* Whether the actor has a count, which may be 0. */
bool counts_have(const struct counts *c, struct bytes actor);

/* The actor's count, 0 if it has none.  Valid until the counts change. */
struct bytes counts_of(const struct counts *c, struct bytes actor);

/* Sets the actor's count (canonical) if it is larger than the present one; 0 for an actor
 * without a count changes nothing.  A change is joined to delta too, unless that is NULL. */
void counts_raise(struct counts *c, struct bytes actor, struct bytes count, struct counts *delta);

/* OK if a checked term is a map from any terms to non-negative integers, else ERR_SHAPE,
 * ERR_RANGE or ERR_DUPLICATE; ERR_LIMIT for a count beyond LIMIT_COUNT_BYTES. */
must_use enum err counts_validate(struct bytes checked);

/* Joins such a map; changes are joined to delta too, unless that is NULL.  True if a count grew.
 * A count of 0 is more than none, as it is in the maps that Grove compares. */
bool counts_join(struct counts *c, struct bytes valid, struct counts *delta);

/* Appends the map of the actors in the part. */
void counts_put(const struct counts *c, struct part part, struct buf *out);

/* Adds each count to the digests, as an entry of this field. */
void counts_digest(const struct counts *c, const struct digests *d, unsigned field);

/* Adds the actors that have a count. */
void counts_actors(const struct counts *c, struct actors *seen);

/* Appends the sum of all counts. */
void counts_sum(const struct counts *c, struct buf *out);

/* Invariants: sorted in key order, no duplicates, no count below zero or beyond
 * LIMIT_COUNT_BYTES.  Always compiled; called by tests and the simulator. */
void counts_check(const struct counts *c);

#endif
