/* A replica: one CRDT, its group members, its mutation queue, its sync.
 *
 * It is a process that answers what a Grove.Replication.Server answers, and a
 * few more requests (docs/requests.md lists them all):
 *
 *     {mutate, Op | [Op] | Fun}     ok | {error, Reason}
 *     {batch, Op | [Op] | Fun}      the same; both are all or nothing
 *     {mutate_reply, Op | [Op]}     {ok, Result} or {ok, [Result]}
 *     value, state                  {ok, Term}
 *     sync_now                      ok
 *     {subscribe, Pid}              {ok, Ref}; Pid is told of changes
 *
 * Mutations are queued: a fun that cannot run here is applied on its caller's
 * node, and the next mutation must see its result.  Reads and deltas from peers
 * do not wait for the queue: a merge commutes, a mutation does not.
 *
 * A replica with storage answers `ok` to a mutation once it is on disk.  Until then the
 * change is not visible: requests for the state or the value wait, and the delta is not
 * sent.  While the disk fails, mutations are answered {error, {storage, Reason}} and change
 * nothing.
 *
 * A replica that mutates before its peers have sent back its own past would count from
 * zero again, and its counts would be taken for old ones.  So mutations wait until it has
 * caught up, for at most LIMIT_CATCH_UP_MS. */
#ifndef COPPICE_REPLICA_REPLICA_H
#define COPPICE_REPLICA_REPLICA_H

#include "../otp/process.h"
#include "options.h"

/* Asynchronous storage operations, implemented by the node.  Each completes later with the
 * replica_...() call named here; at most one of a kind is under way at a time. */
struct replica_disk {
    void (*load)(void *who, struct process *p);  /* read snapshot and journal: replica_loaded() */
    void (*begin)(void *who, struct process *p); /* open the journal: replica_begun() */
    /* Append one record (takes it over) and sync it: replica_appended(). */
    void (*append)(void *who, struct process *p, struct buf *record);
    /* Replace the snapshot by this state (taken over) or, where it is empty, by what
     * replica_saved_state() returns at the end of this step: replica_captured(), then
     * replica_saved().  False: busy, not started. */
    bool (*save)(void *who, struct process *p, struct buf *state);
    /* So much is joined of what load found: 100 at the end, and if it is refused. */
    void (*joined)(void *who, struct process *p, unsigned percent);
    void *who;
};

/* Starts the process and takes over *options.  NULL, with nothing taken over, when the name
 * is in use.  disk is copied; it may be NULL where the options have no storage. */
struct process *replica_start(struct processes *table, struct replica_options *options,
                              const struct replica_disk *disk, struct turn *t);

bool replica_is(const struct process *p);
/* Walks the replicas that have not ended, in order of starting, as processes_next() does. */
struct process *replica_next(struct processes *table, const struct process *after);
struct bytes replica_group(const struct process *p); /* canonical */
const struct replica_options *replica_options(const struct process *p);

/* A pid has joined or left its group.  The replica's own pid is ignored; a pid that joined n
 * times (in several scopes) is a member until it has left n times.  A new member is sent the
 * full state and asked for its own: through rex if its node runs one (`beam`), else by
 * comparing digests. */
void replica_joined(struct process *p, struct bytes pid, bool beam, struct turn *t);
void replica_left(struct process *p, struct bytes pid, struct turn *t);

/* A BEAM has a process of the adapter of the replica's pubsub, until replica_left().  It is sent
 * the deltas, for who is subscribed to the topic there.  Its node is asked who that is, and Grove
 * servers among them become members. */
void replica_adapter_joined(struct process *p, struct bytes pid, struct turn *t);
/* Whether a message is one for a replica, as they are sent on topics: {grove_delta, Struct, Pid}.
 * Whatever else is sent on them is none of its business. */
bool replica_is_delta(struct bytes message);

/* The send queue of that node has drained: sends the state to its members that missed a
 * delta. */
void replica_drained(struct process *p, struct bytes node, struct turn *t);

/* The queue of a busy node (struct post) has drained: sends its subscribers what has changed. */
void replica_idle(struct process *p);

/* Whether the node knows the members of the cluster: false while it dials for the first time
 * or has not received a peer's groups.  A replica that has not caught up holds its mutations
 * until this is true.  Initially false. */
void replica_settled(struct process *p, bool settled, struct turn *t);

/* --- completions of storage operations --------------------------------------- */

/* Why an operation failed: an atom's text for the callers, a sentence for the log. */
struct disk_trouble {
    struct bytes reason, what;
};

/* What load found: the snapshot's state, empty if there is none, and the journal's records
 * one after the other, each as it was appended.  All are checked terms. */
struct disk_content {
    struct bytes state, records;
    bool saved;                             /* as they would be by a snapshot */
    struct buf *memory, *memory_of_records; /* where they lie, to be taken over; NULL: borrowed */
};

/* Exactly one of content and trouble is NULL.  Below, trouble is NULL on success. */
void replica_loaded(struct process *p, const struct disk_content *content,
                    const struct disk_trouble *trouble, struct turn *t);
void replica_begun(struct process *p, const struct disk_trouble *trouble, struct turn *t);
/* journal_bytes: the size of the journal. */
void replica_appended(struct process *p, uint64_t journal_bytes, const struct disk_trouble *trouble,
                      struct turn *t);
/* The state to be saved has been captured: it may change again. */
void replica_captured(struct process *p, struct turn *t);
void replica_saved(struct process *p, const struct disk_trouble *trouble, struct turn *t);

/* Appends the struct to be saved in a snapshot. */
void replica_saved_state(const struct process *p, struct buf *out);

/* Appends its status, a map: crdt, group and actor; the numbers of peers, of peers that are
 * behind, of mutations made and waiting, of merges, of refused structs and casts, of ignored
 * messages, of anti-entropy rounds and of snapshots; its topic; the CRDT's tombstones, actors and
 * tags (of all elements, and the most of one); the nodes of members with the same actor; the
 * state of its storage, the names of its files, and why no snapshot succeeds. */
void replica_status(const struct process *p, struct buf *out);

/* The CRDT, whether it includes all that was on disk, and how often it has changed or been
 * replaced: for tests and the simulator's checkers. */
const struct crdt *replica_crdt(const struct process *p);
bool replica_is_loaded(const struct process *p);
uint64_t replica_changes(const struct process *p);

#endif
