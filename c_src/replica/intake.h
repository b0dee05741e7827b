/* Large structs from peers, joined in slices.  Private to replica/.
 *
 * A struct of 70 MB takes seconds to be joined.  It is copied, and each wake-up of the replica
 * joins one slice of it (crdt/slices.h), so that other events are handled in between.  Two structs
 * take turns.
 *
 * What else the same node sends waits meanwhile (turn.h, hold): so its signals are handled in the
 * order in which it has sent them, and it has one such struct at a time.  Others see the state grow
 * slice by slice, as if their peer had sent it in pieces.  When the connection is lost the struct
 * is joined all the same, like all that was received before; but only the last of those, up to
 * LIMIT_FRAME_BYTES, so that reconnecting does not multiply them. */
#ifndef COPPICE_REPLICA_INTAKE_H
#define COPPICE_REPLICA_INTAKE_H

#include "../term/bytes.h"

struct replica;
struct member;
struct turn;

/* If the message is a delta that is too large to be joined at once, takes it and returns true. */
bool intake_delta(struct replica *r, struct bytes message, struct turn *t);
/* The same for a member's state, or a part of it, in answer to our call: pull_taken() follows. */
bool intake_pulled(struct replica *r, const struct member *m, struct bytes state, struct turn *t);

bool intake_is_open(const struct replica *r);
uint64_t intake_due(const struct replica *r);
void intake_wake(struct replica *r, struct turn *t);
/* Joins all that is left: the process is suspended, or ends. */
void intake_finish(struct replica *r, struct turn *t);
/* The state has been replaced by an earlier one. */
void intake_rewind(struct replica *r);
void intake_free(struct replica *r);

#endif
