/* Vector clocks: maps from actors to the number of their events seen.  A missing actor counts
 * as 0.
 *
 * A clock dominates another if it is at least as large for each actor and larger for one. */
#ifndef COPPICE_CAUSAL_VCLOCK_H
#define COPPICE_CAUSAL_VCLOCK_H

#include "../err.h"
#include "../term/bytes.h"
#include "tags.h"

/* No honest counter goes beyond. */
#define VCLOCK_N_MAX INT64_MAX

/* OK if a canonical term is one, ERR_SHAPE for anything but a map to integers, ERR_RANGE for an
 * integer below 0 or above VCLOCK_N_MAX. */
must_use enum err vclock_validate(struct bytes canonical);

/* A clock in memory, for comparing: its entries above 0, each as the last event seen of an actor,
 * in the order of the map.  12 bytes an entry; all zero is an empty clock. */
struct vclock {
    struct tag *list;
    size_t len;
};

/* Reads a valid clock.  Each actor that it names has a number then, even one with 0.  The caller
 * frees it. */
struct vclock vclock_read(struct bytes valid, struct actors *actors);
void vclock_free(struct vclock *v);

/* Clocks that are compared with each other; all of it is borrowed. */
struct vclocks {
    const struct actors *actors; /* that number those of all */
    const struct vclock *list;
    const bool *fresh; /* those that are not are known not to dominate each other */
    size_t count;
};

/* Tells of each clock whether any other dominates it.  The time at worst, for up to a dozen fresh
 * ones: for each of them 1 ns an entry of any clock.  For more: 2 ns an entry, and for each entry
 * of an actor that a fresh one has, 10 ns and what 64 clocks at a time take. */
void vclocks_compare(const struct vclocks *v, bool *dominated);

/* Appends the pointwise maximum of the fresh ones: a map in no order, of all actors that have a
 * number. */
void vclocks_greatest(const struct vclocks *v, struct buf *greatest);

/* Ends the process unless this is what vclock_read() makes of the clock. */
void vclock_check(const struct vclock *v, struct bytes valid, const struct actors *actors);

#endif
