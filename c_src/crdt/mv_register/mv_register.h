/* MVRegister's values, each with its clock: what the files here have in common.
 *
 * Memory per value: one term, {Value, Clock}, and a pointer pair.  A value's clock is the
 * register's clock when it was written, so a value dominates those that its writer had seen.
 * The register's own clock covers everything seen.
 *
 * Values that are compared have their clocks in numbers too: 12 bytes an entry and a pointer pair;
 * and so long each actor of a clock that came has a number: 15 to 20 bytes and its name.  They are
 * kept for several values, or for one with a large clock, until the next write.  Invariants:
 *
 *   1. values are in key order, without duplicates, at most LIMIT_CONCURRENT_VALUES;
 *   2. none is dominated by another;
 *   3. the register's clock is at least each value's clock, so the next write dominates all;
 *   4. clocks in numbers are those of the terms, in their order; the actors that have a number are
 *      some of the register's clock's. */
#ifndef COPPICE_CRDT_MV_REGISTER_H
#define COPPICE_CRDT_MV_REGISTER_H

#include "../../causal/counts.h"
#include "../../causal/vclock.h"
#include "../crdt.h"

struct mv_numbered {
    struct actors actors;
    struct vclock *list; /* of each value */
};

struct mv_register {
    struct crdt crdt;
    struct counts clock;
    struct term *list; /* {Value, Clock} */
    size_t len;
    struct mv_numbered *numbered; /* the clocks; may be NULL for less than two values */
};

struct mv_pair {
    struct bytes value, clock;
};

/* Opens a term {Value, Clock}. */
struct mv_pair mv_pair_open(struct bytes term);

/* Joins values (canonical {Value, Clock}, in key order), and their clocks to the register's;
 * changes are joined to delta too, unless that is NULL.  True if the register changed. */
bool mv_join_values(struct mv_register *m, const struct bytes *incoming, size_t count,
                    struct mv_register *delta);

/* Leaves none. */
void mv_free_values(struct mv_register *m);

/* Ends the process unless the invariants hold. */
void mv_check_values(const struct mv_register *m);

#endif
