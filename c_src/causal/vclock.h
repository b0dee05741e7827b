/* Vector clocks: maps that say how much was seen of each actor, in which an actor
 * that is missing is the same as one with 0.
 *
 * A clock dominates another when it has seen all that the other has, and more. */
#ifndef COPPICE_CAUSAL_VCLOCK_H
#define COPPICE_CAUSAL_VCLOCK_H

#include "../err.h"
#include "../term/bytes.h"

/* More than that nobody counts one by one. */
#define VCLOCK_N_MAX INT64_MAX

/* Whether a canonical term is one: ERR_SHAPE for anything but a map to integers, ERR_RANGE
 * for one below 0 or above VCLOCK_N_MAX. */
must_use enum err vclock_fits(struct bytes canonical);

/* Of count clocks that fit: dominated[i] gets whether any other dominates clocks[i], and
 * greatest, appended, the map of the greatest number that any has for each actor, in no
 * order.  The time goes with the sum of the clocks' sizes times count / 64, whatever
 * they say; seed is for a hash table of actors. */
void vclocks_weigh(const struct bytes *clocks, size_t count, uint64_t seed, bool *dominated,
                   struct buf *greatest);

#endif
