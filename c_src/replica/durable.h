/* A replica's storage, and the callers that wait for it.  Private to replica/.
 *
 * The state is `safe` when it includes all that was on disk, and no mutation that is not on
 * disk yet.  Only then is it read or sent.
 *
 *     durable.c    loads, appends to the journal, rolls back after a failure
 *     snapshot.c   schedules snapshots
 *     waiting.c    callers to be answered once the state is safe
 */
#ifndef COPPICE_REPLICA_DURABLE_H
#define COPPICE_REPLICA_DURABLE_H

#include "../otp/quotas.h"
#include "replica.h"

struct replica;

/* Arguments of a request, at most. */
#define REQUEST_ARGS_MAX 3

/* from is empty for a cast; args has as many elements as the request has arguments. */
typedef void request_handler(struct replica *r, struct bytes from, const struct bytes *args,
                             struct turn *t);

/* A request whose reply depends on the state. */
struct read_request {
    struct bytes from, args[REQUEST_ARGS_MAX];
    request_handler *handle;
};

/* A caller that waits for the disk. */
struct waiter {
    struct waiter *next;
    struct quota *by;    /* the node that it came from */
    struct amount holds; /* of durable.waiting */
    struct buf from;     /* empty for a cast */
    struct buf result;   /* of a mutation; empty for `ok` */
    /* The rest of a read request. */
    struct buf args[REQUEST_ARGS_MAX];
    request_handler *handle;
};

struct waiters {
    struct waiter *first, *last;
};

enum disk_stage {
    DISK_NONE,    /* no storage */
    DISK_LOADING, /* load is under way */
    DISK_OPENING, /* begin is under way */
    DISK_READY,
    DISK_FAILED /* to be retried */
};

/* With a journal, a change is collected in `own`, appended as a record, and only then merged
 * into replica.delta: a mutation that is not on disk is never sent.  No mutation runs while
 * a record is appended, so that the state is safe as soon as that is done. */
/* For report.h. */
struct disk_figures {
    uint64_t journal_bytes;      /* of all segments, when the last record was appended */
    uint64_t appends, append_ms; /* records, and the time that all of them took */
    uint64_t append_began_ms, save_began_ms;
    uint64_t appended_wall_ms, saved_wall_ms; /* the last of each that succeeded; 0: none */
    uint64_t failed_saves, save_ms;           /* of snapshots; of those that succeeded, the time */
};

struct durable {
    struct replica_disk disk;
    enum disk_stage stage;
    bool loaded;                /* memory includes all that was on disk */
    bool journals;              /* DURABILITY_SYNC */
    struct loading *loading;    /* what was found is being joined; NULL: it is not */
    unsigned joined_percent;    /* of that */
    struct buf reason;          /* of the last failure, {storage, _}; empty when all is well */
    struct crdt *own, *remote;  /* with a journal: what grew since the last record */
    bool appending;             /* a record is being appended */
    struct buf in_flight;       /* its own part, a struct; may be empty */
    struct waiters uncommitted; /* callers of mutations in own ... */
    struct waiters committing;  /* ... and of those in in_flight */
    struct waiters readers;
    struct quotas waiting; /* all of these; bytes of the readers only */
    bool unsaved;          /* the state has changed since the last snapshot */
    bool saving;           /* a snapshot is being written */
    /* A snapshot of the state at the end of this step has been started: no mutation runs
     * before replica_captured(), as it might be rolled back after it was saved. */
    bool capturing;
    uint64_t save_at_ms, retry_ms;
    uint64_t saves;
    struct disk_figures figures;
    /* Why no snapshot succeeds, and since when; empty: the last one did. */
    struct buf unsaved_why, unsaved_what; /* an atom's text, a sentence */
    uint64_t unsaved_since_ms;            /* wall clock */
};

/* --- durable.c ----------------------------------------------------------- */

void durable_start(struct replica *r, const struct replica_disk *disk, struct turn *t);
void durable_free(struct replica *r);
/* The delta that collects what grows: by our own changes and those to be relayed, or by others.
 * NULL: none does, since nobody wants it; new members are sent the state. */
struct crdt *durable_delta(struct replica *r, bool own);
/* Whether a mutation may run now. */
bool durable_may_mutate(const struct replica *r);
/* The reason why mutations are refused; empty if they are not. */
struct bytes durable_failure(const struct replica *r);
/* Whether changes can be made durable. */
bool durable_is_ready(const struct replica *r);
/* Whether the state may be sent and read. */
bool durable_is_safe(const struct replica *r);
/* Appends what has grown to the journal. */
void durable_flush(struct replica *r, struct turn *t);
uint64_t durable_due(const struct replica *r);
void durable_wake(struct replica *r, struct turn *t);
void durable_put_status(const struct replica *r, struct buf *out);
/* Appends a list: the table's path and the pattern of the other files'; empty without storage. */
void durable_put_files(const struct replica *r, struct buf *out);

/* --- snapshot.c ---------------------------------------------------------- */

void snapshot_start(struct replica *r, struct turn *t);
void snapshot_if_due(struct replica *r, struct turn *t);
uint64_t snapshot_due(const struct replica *r);
void snapshot_final(struct replica *r); /* the process ends */
/* Whether the last attempt has failed. */
bool snapshot_fails(const struct replica *r);
/* nil, or #{since => Unix milliseconds, reason => Atom, what => Text} while snapshots fail. */
void snapshot_put_failure(const struct replica *r, struct buf *out);

/* --- waiting.c ----------------------------------------------------------- */

/* Answers the caller of a mutation as soon as it is safe; an empty result means `ok`, an
 * empty from a cast. */
void waiting_reply(struct replica *r, struct bytes from, struct bytes result, struct turn *t);
/* Handles a read request as soon as the state is safe. */
void waiting_read(struct replica *r, const struct read_request *request, struct turn *t);
void waiting_answer_committed(struct replica *r, struct turn *t);
void waiting_answer_readers(struct replica *r, struct turn *t);
/* With durable.reason. */
void waiting_refuse_mutations(struct replica *r, struct turn *t);
void waiting_refuse_readers(struct replica *r, struct turn *t);
void waiting_free(struct replica *r);

#endif
