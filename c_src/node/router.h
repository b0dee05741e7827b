/* Routes the signals of this node's processes: to other nodes through the cluster, to its own after
 * the current one is handled, as a connection would. */
#ifndef COPPICE_NODE_ROUTER_H
#define COPPICE_NODE_ROUTER_H

#include "../cluster/cluster.h"
#include "../otp/process.h"
#include "event.h"

struct router {
    struct post post; /* the interface of processes (otp/turn.h) */
    struct bytes node;
    struct cluster *cluster;
    struct outbox *out; /* for log lines */
    struct turn *turn;  /* the current one */
    struct local *locals;
    size_t local_count, local_cap;
};

/* All are borrowed; node is this one's name. */
void router_init(struct router *r, struct bytes node, struct cluster *cluster, struct outbox *out,
                 struct turn *turn);
void router_free(struct router *r);

/* A signal of this node could not be delivered.  A monitor is answered as if the connection had
 * been lost. */
void router_undelivered(struct router *r, const struct signal *signal);

/* Delivers, in order, what own processes have sent each other, and what they then send. */
void router_deliver(struct router *r, struct processes *table);
bool router_is_idle(const struct router *r);

#endif
