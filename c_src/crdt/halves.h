/* Types that are a pair of states of another type: Grove's PNCounter is two GCounters, its TwoPSet
 * two GSets.  These are the type functions that just apply to both halves.
 *
 * The type names the other one in crdt_type.half.  Its fields are the actor, the first and the
 * second half; its state is struct crdt followed by the two halves in that order, and perhaps more.
 */
#ifndef COPPICE_CRDT_HALVES_H
#define COPPICE_CRDT_HALVES_H

#include "crdt.h"

/* Fields of the struct. */
enum { HALVES_ACTOR, HALVES_FIRST, HALVES_SECOND };
#define HALVES_NEEDED (1u << HALVES_FIRST | 1u << HALVES_SECOND)
#define HALVES_SLICING                                                                             \
    {                                                                                              \
        [HALVES_FIRST] = SLICE_STRUCT, [HALVES_SECOND] = SLICE_STRUCT                              \
    }

void halves_open(struct crdt *c);
void halves_close(struct crdt *c);
bool halves_join(struct crdt *c, const struct bytes *values, struct crdt *delta);
void halves_put(const struct crdt *c, unsigned field, struct part part, struct buf *out);
bool halves_encode(const struct crdt *c, unsigned field, struct put_cursor *at, struct buf *out);
void halves_digest(const struct crdt *c, const struct digests *d);
void halves_copy_extras(struct crdt *to, const struct crdt *from);
bool halves_empty(const struct crdt *c);
void halves_check(const struct crdt *c);

#endif
