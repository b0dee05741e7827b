/* The struct of a hybrid logical clock (causal/hlc.h):
 *
 *     %Grove.HybridLogicalClock{counter: 0, node: actor, time: milliseconds} */
#ifndef COPPICE_CRDT_HLC_STRUCT_H
#define COPPICE_CRDT_HLC_STRUCT_H

#include "../causal/hlc.h"
#include "struct.h"

/* Reads a checked term; *node borrows from it.  Unknown fields as in struct_read().  ERR_SHAPE for
 * anything else, ERR_RANGE for a time beyond 64 bits or a counter that is negative or beyond 32
 * bits, ERR_DUPLICATE and ERR_LIMIT as struct_read(). */
must_use enum err hlc_read(struct bytes checked, struct hlc *time, struct bytes *node,
                           struct buf *extras);

/* The same with all parts as they are encoded there, borrowed. */
struct hlc_parts {
    struct bytes counter, node, time;
};
must_use enum err hlc_read_parts(struct bytes checked, struct hlc *time, struct hlc_parts *parts,
                                 struct buf *extras);

/* Appends the struct with the unknown fields. */
void hlc_put(struct buf *out, struct hlc time, struct bytes node, const struct extras *extras);

#endif
