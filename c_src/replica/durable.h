/* What a replica has on disk, and who waits for it.  Nobody outside replica/ includes this.
 *
 *     durable.c    loading, appending, falling back to what is on disk
 *     snapshot.c   when the whole state is written
 *     waiting.c    callers whose answer must not come before
 */
#ifndef COPPICE_REPLICA_DURABLE_H
#define COPPICE_REPLICA_DURABLE_H

#include "replica.h"

struct replica;

/* Arguments that a request has at most. */
#define REQUEST_ARGS_MAX 2

/* from is empty for a cast; there are as many args as the request has. */
typedef void request_handler(struct replica *r, struct bytes from, const struct bytes *args,
                             struct turn *t);

/* A request for what the state is. */
struct reading {
    struct bytes from, args[REQUEST_ARGS_MAX];
    request_handler *handle;
};

/* Somebody who waits for the disk. */
struct waiter {
    struct waiter *next;
    struct buf from; /* empty for a cast */
    struct buf made; /* of a change: what is answered; empty for `ok` */
    /* Of a reading: the rest of it. */
    struct buf args[REQUEST_ARGS_MAX];
    request_handler *handle;
};

struct waiters {
    struct waiter *first, *last;
};

/* How the storage of a replica stands. */
enum disk_stage {
    DISK_NONE,    /* there is none */
    DISK_LOADING, /* its content has been asked for */
    DISK_OPENING, /* its journal has been asked for */
    DISK_READY,
    DISK_FAILED /* to be asked again */
};

/* Changes go from own to the disk, and from there to replica.delta: what is not safe is told
 * to nobody.  While something is being written no mutation is made, so that what is in
 * memory is on disk as soon as that is done. */
struct durable {
    struct replica_disk disk;
    enum disk_stage stage;
    bool loaded;               /* all that was on disk is in memory */
    bool journals;             /* DURABILITY_SYNC */
    struct buf reason;         /* of the last trouble, {storage, _}; empty when all is well */
    struct crdt *own, *heard;  /* where it journals: what grew since the last record */
    bool writing;              /* a record is on its way to the disk */
    struct buf flying;         /* its own part, a struct; may be empty */
    struct waiters made, sent; /* changes: in own, in flying */
    struct waiters readers;
    size_t reading_bytes;
    bool unsaved, saving; /* there is something for a snapshot; one is being written */
    /* A snapshot is taken of what is there at the end of this step: no mutation is made before,
     * which might be refused and would be in it. */
    bool capturing;
    uint64_t save_at_ms, retry_ms;
    uint64_t saves;
};

/* --- durable.c ----------------------------------------------------------- */

void durable_start(struct replica *r, const struct replica_disk *disk, struct turn *t);
void durable_free(struct replica *r);
/* Where what grows goes: our own changes and what is to be told like them, or the rest. */
struct crdt *durable_grown(struct replica *r, bool own);
/* Whether a mutation may be made now. */
bool durable_takes(const struct replica *r);
/* Why none will be for a while; empty where there is hope. */
struct bytes durable_trouble(const struct replica *r);
/* Whether changes can be kept: what is made is on its way to the disk. */
bool durable_is_ready(const struct replica *r);
/* Whether what is in memory may be told. */
bool durable_is_safe(const struct replica *r);
/* Brings to the disk what has grown. */
void durable_flush(struct replica *r, struct turn *t);
uint64_t durable_due(const struct replica *r);
void durable_wake(struct replica *r, struct turn *t);
void durable_put_status(const struct replica *r, struct buf *out);

/* --- snapshot.c ---------------------------------------------------------- */

void snapshot_start(struct replica *r, struct turn *t);
void snapshot_if_due(struct replica *r, struct turn *t);
uint64_t snapshot_due(const struct replica *r);
void snapshot_last(struct replica *r);

/* --- waiting.c ----------------------------------------------------------- */

/* A change was made: answers its caller (made is empty for `ok`; from for a cast) as soon as
 * it is safe. */
void waiting_answer(struct replica *r, struct bytes from, struct bytes made, struct turn *t);
/* Handles a request for what the state is as soon as that is safe. */
void waiting_read(struct replica *r, const struct reading *reading, struct turn *t);
/* What was sent to the disk is safe; all is. */
void waiting_answer_sent(struct replica *r, struct turn *t);
void waiting_answer_readers(struct replica *r, struct turn *t);
/* With durable.reason. */
void waiting_refuse_changes(struct replica *r, struct turn *t);
void waiting_refuse_readers(struct replica *r, struct turn *t);
void waiting_free(struct replica *r);

#endif
