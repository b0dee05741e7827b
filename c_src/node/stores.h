/* The files of replicas, by number: a replica's storage operation becomes an action, the event that
 * completes it a call of the replica (replica/replica.h). */
#ifndef COPPICE_NODE_STORES_H
#define COPPICE_NODE_STORES_H

#include "../replica/replica.h"
#include "event.h"

struct stores;

/* Actions are appended to out (borrowed). */
struct stores *stores_new(struct outbox *out);
void stores_free(struct stores *s);

/* The disk of a replica about to start, to be discarded if it does not start. */
struct replica_disk stores_open(struct stores *s);
void stores_discard(struct stores *s, const struct replica_disk *disk);
/* A process has ended: its files, if it has any, are no longer written to. */
void stores_ended(struct stores *s, const struct process *p);

/* Takes EVENT_LOADED to EVENT_SAVED; ignores those of replicas that have ended. */
void stores_event(struct stores *s, const struct event *e, struct turn *t);

/* Whether the state of some replica is captured for a snapshot right after the current step. */
bool stores_are_capturing(const struct stores *s);
/* Appends the state of a store's replica. */
void stores_saved_state(const struct stores *s, uint32_t store, struct buf *out);
/* All those states have been captured. */
void stores_captured(struct stores *s, struct turn *t);

#endif
