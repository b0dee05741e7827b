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
 * A replica with storage answers `ok` to a mutation when it is on disk.  Until then nobody hears
 * of it: requests for the state or the value wait too, and the delta does not go out.
 * While the disk fails, mutations are answered {error, {storage, Reason}} and nothing has
 * changed.
 *
 * A replica that has not yet heard from the peers that hold its past would
 * count from zero again, and its counts would be taken for old ones.  So until it
 * has caught up, mutations wait, at most LIMIT_CATCH_UP_MS. */
#ifndef COPPICE_REPLICA_REPLICA_H
#define COPPICE_REPLICA_REPLICA_H

#include "../otp/process.h"
#include "options.h"

/* Where a replica's files are looked after; the node fills it in.  What comes of a wish is
 * told later, by a replica_...() below; one of a kind is under way at a time. */
struct replica_disk {
    void (*load)(void *who, struct process *p);  /* read everything: replica_loaded() */
    void (*begin)(void *who, struct process *p); /* be ready to append: replica_begun() */
    /* Write one record (taken over) so that it is safe: replica_appended(). */
    void (*append)(void *who, struct process *p, struct buf *record);
    /* Replace the snapshot by this state (taken over), or by what replica_saved_state() says right
     * after this step where it is empty: replica_captured(), then replica_saved().  False: not
     * now. */
    bool (*save)(void *who, struct process *p, struct buf *state);
    void *who;
};

/* Starts the process.  Takes over *options when it succeeds; NULL, and nothing taken, when
 * the name is in use.  disk is copied; it may be NULL where the options have no storage. */
struct process *replica_start(struct processes *table, struct replica_options *options,
                              const struct replica_disk *disk, struct turn *t);

bool replica_is(const struct process *p);
/* Walks the replicas that have not ended, in order of starting, as processes_next() does. */
struct process *replica_next(struct processes *table, const struct process *after);
struct bytes replica_group(const struct process *p); /* canonical */
const struct replica_options *replica_options(const struct process *p);

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

/* --- what came of wishes to the disk ----------------------------------------- */

/* Why one failed: an atom's text for the callers, a sentence for the log. */
struct disk_trouble {
    struct bytes reason, what;
};

/* What the disk has: a state, empty for none, and records one after the other, each as it was
 * appended; all of them checked terms. */
struct disk_content {
    struct bytes state, records;
};

/* Exactly one of the two is NULL; so in all that follow, where it is trouble or NULL. */
void replica_loaded(struct process *p, const struct disk_content *content,
                    const struct disk_trouble *trouble, struct turn *t);
void replica_begun(struct process *p, const struct disk_trouble *trouble, struct turn *t);
/* journal_bytes: what the journal has come to. */
void replica_appended(struct process *p, uint64_t journal_bytes, const struct disk_trouble *trouble,
                      struct turn *t);
/* Whoever writes the snapshot has the state. */
void replica_captured(struct process *p, struct turn *t);
void replica_saved(struct process *p, const struct disk_trouble *trouble, struct turn *t);

/* Appends the struct that a snapshot is to hold. */
void replica_saved_state(const struct process *p, struct buf *out);

/* Appends its status: a map with crdt, group and actor, and counts of peers, of
 * those that are behind, of mutations made and waiting, of merges, of structs and
 * casts refused, of messages ignored, and of the CRDT's tombstones and of the
 * actors that have left something in it; and how its storage stands. */
void replica_status(const struct process *p, struct buf *out);

/* The CRDT inside, whether all that was on disk is in it, and how often it has changed or
 * been replaced: for tests and the simulator's checkers. */
const struct crdt *replica_crdt(const struct process *p);
bool replica_is_loaded(const struct process *p);
uint64_t replica_changes(const struct process *p);

#endif
