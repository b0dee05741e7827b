/* Small deltas that come while a large state or value is encoded in slices.  Private to replica/.
 *
 * One that is joined at once has the rest encoded before, all in one step (encoding.h).  So a few
 * of them wait, as mutations do, and are joined in the order in which they came once the last slice
 * is there.  Whoever asks for the state after them gets one that has them. */
#ifndef COPPICE_REPLICA_POSTPONED_H
#define COPPICE_REPLICA_POSTPONED_H

#include "../term/bytes.h"

struct replica;
struct turn;

/* Takes a copy of a delta and its sender (a term; may be empty) if it has to wait; false if it is
 * to be joined now, since nothing is being encoded, or because too many wait. */
bool postponed_keep(struct replica *r, struct bytes delta, struct bytes sender);

bool postponed_any(const struct replica *r);
/* Joins all of them. */
void postponed_join(struct replica *r, struct turn *t);

#endif
