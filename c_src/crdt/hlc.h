/* Grove's hybrid logical clock: the time of day as long as that goes forward, and a
 * counter where it does not.
 *
 *     %Grove.HybridLogicalClock{counter: 0, node: actor, time: milliseconds}
 *
 * Ordered by time, counter and node.  Node is any term and kept by the caller. */
#ifndef COPPICE_CRDT_HLC_H
#define COPPICE_CRDT_HLC_H

#include "struct.h"

/* Packed: 12 bytes, and not 16. */
struct __attribute__((packed, aligned(4))) hlc {
    int64_t time_ms;
    uint32_t counter;
};

/* <0, 0, >0. */
int hlc_compare(struct hlc a, struct hlc b);

/* A time for something new, later than the last one that was given or seen, whatever
 * the time of day is.  Only at the end of all times it is the same again. */
struct hlc hlc_tick(struct hlc last, uint64_t wall_ms);

/* The beginning of the millisecond before a time; false where time itself begins. */
bool hlc_before(struct hlc time, struct hlc *before);

/* Reads a checked term; *node as it stands there.  Unknown fields as struct_read().
 * ERR_SHAPE for anything else, ERR_RANGE for a time beyond 64 bits or a counter
 * that is negative or beyond 32, ERR_DUPLICATE and ERR_LIMIT as struct_read(). */
must_use enum err hlc_read(struct bytes checked, struct hlc *time, struct bytes *node,
                           struct buf *extras);

/* Appends the struct with the unknown fields. */
void hlc_put(struct buf *out, struct hlc time, struct bytes node, const struct extras *extras);

#endif
