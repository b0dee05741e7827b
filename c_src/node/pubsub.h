/* Phoenix.PubSub: the adapter processes of this node, and those of others.
 *
 * To its PG2 adapter, the pubsub MyApp.PubSub is a pool of processes on each node, registered as
 * MyApp.PubSub.Adapter, ..._2, ..._3 and so on, which are in pg groups of these names in the scope
 * Phoenix.PubSub.  To broadcast, a node sends {forward_to_local, Topic, Message, Dispatcher} to
 * the processes of one of these groups, or to the registered name; who is subscribed to the topic
 * is known on each node alone.
 *
 * Here the subscribers are replicas.  Their pubsubs run as long as they have one; the pool is as
 * large as that of the largest BEAM, since a broadcaster there chooses any of its groups.  To send,
 * one process a node is enough: the replicas are told of the first one of each BEAM.  Not of those
 * of coppices, whose replicas are in each other's groups.
 *
 * Source: phoenix_pubsub 2.1 and 2.2. */
#ifndef COPPICE_NODE_PUBSUB_H
#define COPPICE_NODE_PUBSUB_H

#include "learning.h"

struct pubsub;

/* Both are borrowed. */
struct pubsub *pubsub_new(struct processes *table, const struct learning *learning);
void pubsub_free(struct pubsub *ps);
/* From now on nothing is restarted. */
void pubsub_stop(struct pubsub *ps);

/* A replica has started, or ended.  No effect for one without a pubsub. */
void pubsub_add(struct pubsub *ps, struct process *replica, struct turn *t);
void pubsub_remove(struct pubsub *ps, struct process *replica, struct turn *t);

/* A process has ended: true if it was one of these, and was restarted. */
bool pubsub_ended(struct pubsub *ps, struct process *p, struct turn *t);

/* It is known what a connected node runs; and it is down. */
void pubsub_learned(struct pubsub *ps, struct bytes node, struct turn *t);
void pubsub_down(struct pubsub *ps, struct bytes node, struct turn *t);
/* Whether the members of the scope on that node are known. */
bool pubsub_knows(const struct pubsub *ps, struct bytes node);

/* #{Name => #{pool => N, replicas => N}}: for status. */
void pubsub_put_status(const struct pubsub *ps, struct buf *out);

#endif
