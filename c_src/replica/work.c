#include "work.h"

#include "../crdt/figures.h"
#include "../limits.h"
#include "internal.h"

/* Nanoseconds, as measured: of an entry in a walk, of one that is not in a part, of a tombstone
 * that is not, of an actor whose count is moved, and of one in a clock that is compared. */
#define WALK_ENTRY  16
#define PASS_ENTRY  2
#define PASS_TAG    10
#define JOIN_ACTOR  4
#define CLOCK_ACTOR 2
/* Bytes of a walk in a nanosecond. */
#define WALK_BYTES 2

void work_walk(const struct replica *r, struct turn *t)
{
    size_t entries = crdt_elements(r->crdt) + crdt_tombstones(r->crdt) + crdt_tags(r->crdt).all +
                     crdt_actors(r->crdt);
    turn_worked(t, WALK_ENTRY * (uint64_t)entries + r->estimated_bytes / WALK_BYTES);
}

void work_part(const struct replica *r, size_t bytes, struct turn *t)
{
    turn_worked(t, PASS_ENTRY * (uint64_t)crdt_elements(r->crdt) +
                       PASS_TAG * (uint64_t)crdt_tombstones(r->crdt) + bytes / WALK_BYTES);
}

void work_join(const struct replica *r, struct turn *t)
{
    uint64_t actors = crdt_actors(r->crdt), values = crdt_elements(r->crdt);
    bool has_clocks = !crdt_is_divisible(r->options.type) && values > 1;
    values = values < LIMIT_CONCURRENT_VALUES ? values : LIMIT_CONCURRENT_VALUES;
    turn_worked(t, JOIN_ACTOR * actors + (has_clocks ? CLOCK_ACTOR * actors * values : 0));
}
