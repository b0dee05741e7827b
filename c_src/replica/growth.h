/* What has grown since subscribers were told: the delta for those who want one.  Private to
 * replica/.
 *
 * With a journal it is taken from what is collected for the disk.  Without, our own changes are
 * collected here first, before the members' delta gets them. */
#ifndef COPPICE_REPLICA_GROWTH_H
#define COPPICE_REPLICA_GROWTH_H

#include "../crdt/crdt.h"

struct replica;

struct growth {
    struct crdt *since; /* NULL: nobody wants it */
    struct crdt *own;   /* of that, what is not in replica.delta yet; NULL with a journal */
    struct buf encoded; /* by growth_collect() */
    bool lost;          /* it is incomplete, or too large: they get the state */
};

/* Begins to collect, or begins again. */
void growth_start(struct replica *r);
void growth_stop(struct replica *r);
/* What collects our own changes, or those of others, in place of what does so otherwise; or NULL.
 */
struct crdt *growth_delta(const struct replica *r, bool own);
/* A delta that was collected for the disk. */
void growth_add(struct replica *r, const struct crdt *delta);
/* The members are about to be sent their delta. */
void growth_publish(struct replica *r);
/* Adds all that has grown until now, and encodes it.  The state must be safe. */
void growth_collect(struct replica *r);
/* The state has gone back. */
void growth_lose(struct replica *r);

#endif
