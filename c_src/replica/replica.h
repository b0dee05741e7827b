/* A replica: one CRDT, its group, its mutations in order, its sync.
 *
 * As a process it answers what a Grove.Replication.Server answers, and a few
 * things more (docs/requests.md has them all):
 *
 *     {mutate, Op | [Op] | Fun}     ok | {error, Reason}
 *     {batch, Op | [Op] | Fun}      the same; both are all or nothing
 *     {mutate_reply, Op | [Op]}     {ok, what it made, or a list of that}
 *     value, state                  {ok, Term}
 *     sync_now                      ok
 *
 * Mutations queue behind each other, because a fun that cannot be run here is
 * applied on its caller's node and the next mutation must see its result.
 * Reads and deltas from peers do not wait: a join commutes, a mutation does
 * not.
 *
 * A replica that has not yet heard from the peers that hold its past would
 * count from zero again, and its counts would be taken for old ones.  So until it
 * has caught up, mutations wait, at most LIMIT_CATCH_UP_MS. */
#ifndef COPPICE_REPLICA_REPLICA_H
#define COPPICE_REPLICA_REPLICA_H

#include "../otp/process.h"
#include "options.h"

/* Starts the process.  Takes over *options when it succeeds; NULL, and nothing taken, when
 * the name is in use. */
struct process *replica_start(struct processes *table, struct replica_options *options,
                              struct turn *t);

bool replica_is(const struct process *p);
struct bytes replica_group(const struct process *p); /* canonical */

/* A member of its group appears or goes.  The replica's own pid is ignored; a
 * pid that joins n times (in several scopes) goes when it has left n times.  A new
 * member gets the full state and is asked for its own: through rex where `beam` says
 * that its node runs one, by a `state` call where not. */
void replica_joined(struct process *p, struct bytes pid, bool beam, struct turn *t);
void replica_left(struct process *p, struct bytes pid, struct turn *t);

/* The node's queue for that peer has emptied: members that missed a delta
 * there get the state now. */
void replica_drained(struct process *p, struct bytes node, struct turn *t);

/* Whether the node knows who is in the cluster: not as long as it is dialling for
 * the first time, or a peer's groups are not known yet.  Until it does, a replica
 * that has not caught up holds its mutations.  A new replica takes it that the
 * node does not. */
void replica_settled(struct process *p, bool settled, struct turn *t);

/* Sends the delta to all members now. */
void replica_sync(struct process *p, struct turn *t);

/* Appends its status: a map with crdt, group and actor, and counts of peers, of
 * those that are behind, of mutations made and waiting, of merges, of structs and
 * casts refused, of messages ignored, and of the CRDT's tombstones. */
void replica_status(const struct process *p, struct buf *out);

/* The CRDT inside: for tests and the simulator's checkers. */
const struct crdt *replica_crdt(const struct process *p);

#endif
