/* Vector clocks: maps from actors to the number of their events seen.  A missing actor counts
 * as 0.
 *
 * A clock dominates another if it is at least as large for each actor and larger for one. */
#ifndef COPPICE_CAUSAL_VCLOCK_H
#define COPPICE_CAUSAL_VCLOCK_H

#include "../err.h"
#include "../term/bytes.h"

/* No honest counter goes beyond. */
#define VCLOCK_N_MAX INT64_MAX

/* OK if a canonical term is one, ERR_SHAPE for anything but a map to integers, ERR_RANGE for an
 * integer below 0 or above VCLOCK_N_MAX. */
must_use enum err vclock_validate(struct bytes canonical);

/* Whether a valid clock is at most as large as another one for each actor, and at least as large:
 * both, if they are the same.  At worst a walk over both. */
struct vclock_order {
    bool at_most, at_least;
};
struct vclock_order vclock_compare(struct bytes clock, struct bytes other);

/* Compares count valid clocks with each other: dominated[i] tells whether any other dominates
 * clocks[i], and their pointwise maximum, a map in no order, is appended to greatest.  The time
 * is at worst the sum of the clocks' sizes times count / 64; seed is for a hash table of
 * actors. */
void vclocks_compare(const struct bytes *clocks, size_t count, uint64_t seed, bool *dominated,
                     struct buf *greatest);

#endif
