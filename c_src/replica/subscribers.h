/* Processes that are told of changes.  Private to replica/.
 *
 * A subscriber is sent {coppice_changed, Name, Ref, Change} at once, and again after each change
 * that is safe; what has changed while it could not be sent is in one message.  Before the next one
 * its node must have read most of what it was sent, and it itself must have asked for it, if it
 * said that it would.  A subscription ends with the subscriber, its connection or the replica.
 *
 * Messages leave by a wake-up in a later step: changes of one step, and under load those of
 * several, share one. */
#ifndef COPPICE_REPLICA_SUBSCRIBERS_H
#define COPPICE_REPLICA_SUBSCRIBERS_H

#include "durable.h"
#include "growth.h"

struct subscriber;

struct subscribers {
    struct subscriber **list;
    size_t count, cap;
    size_t next;      /* who comes first, after others were sent what there was room for */
    bool dirty;       /* some may have to be sent a message */
    bool waiting;     /* some could not, since their node is busy */
    uint64_t next_ms; /* not before this time */
    struct growth growth;
};

/* The requests {subscribe, Pid}, {subscribe, Pid, Options}, {unsubscribe, Pid | Ref} and the
 * message {coppice_ack, Ref}. */
request_handler subscribers_subscribe, subscribers_unsubscribe, subscribers_ack;

/* The state has changed. */
void subscribers_changed(struct replica *r);
/* One that waited for its node may be sent the next message. */
void subscribers_idle(struct replica *r);
/* Whether the watch was of a subscriber: it is removed. */
bool subscribers_down(struct replica *r, uint64_t watch);
uint64_t subscribers_due(const struct replica *r);
void subscribers_wake(struct replica *r, struct turn *t);
/* The process ends: tells of the last change, if it is safe. */
void subscribers_finish(struct replica *r, struct turn *t);
void subscribers_free(struct replica *r);

#endif
