/* The process that calls others for the program that the node is in: EVENT_CALL and ACTION_REPLY.
 *
 * It runs on the node itself, so its calls of a replica here are subject to what every caller is,
 * and may change everything, as those of a process of this node. */
#ifndef COPPICE_NODE_LOCAL_H
#define COPPICE_NODE_LOCAL_H

#include "../cluster/cluster.h"
#include "../otp/process.h"
#include "event.h"

struct local;

/* All are borrowed.  The process is started by the first call. */
struct local *local_new(struct processes *table, struct cluster *cluster, struct outbox *out);
/* The processes have been freed. */
void local_free(struct local *l);

/* Calls a process of this node (request->node is its name, or empty) or of another.  One
 * ACTION_REPLY with that number follows, of a call that is open when the node stops as well.
 * ERR_FULL, with a reason for people: so many calls are open that no further one was made. */
void local_call(struct local *l, uint64_t call, const struct request *request, struct turn *t);

/* If it is the process that has ended: its calls have come to nothing, ERR_STOPPED. */
void local_ended(struct local *l, const struct process *p, struct bytes reason);

#endif
