/* The files of replicas, by number: what a replica asks of the disk becomes an action, and the
 * event that answers it a call of the replica (replica/replica.h). */
#ifndef COPPICE_NODE_STORES_H
#define COPPICE_NODE_STORES_H

#include "../replica/replica.h"
#include "event.h"

struct stores;

/* Actions are appended to out (borrowed). */
struct stores *stores_new(struct outbox *out);
void stores_free(struct stores *s);

/* The disk of a replica that is about to start.  Where it does not start, give it back. */
struct replica_disk stores_open(struct stores *s);
void stores_discard(struct stores *s, const struct replica_disk *disk);
/* A process has ended: its files, if it has any, are no longer written to. */
void stores_ended(struct stores *s, const struct process *p);

/* EVENT_LOADED to EVENT_SAVED; of a number that is no more: nothing. */
void stores_event(struct stores *s, const struct event *e, struct turn *t);

/* Whether states are taken for snapshots right after the current step, the one of this store; and
 * that this has been done. */
bool stores_are_capturing(const struct stores *s);
void stores_saved_state(const struct stores *s, uint32_t store, struct buf *out);
void stores_captured(struct stores *s, struct turn *t);

#endif
