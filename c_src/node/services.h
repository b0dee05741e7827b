/* What a node that serves runs once it has its creation, and how these services are told of each
 * other: learning, following, discovery, pg scopes and replicas, their files, the node's own
 * server, remote calls, and the processes that a BEAM expects of every node. */
#ifndef COPPICE_NODE_SERVICES_H
#define COPPICE_NODE_SERVICES_H

#include "access.h"
#include "config.h"
#include "event.h"

struct services;

/* All are borrowed. */
struct services_options {
    const struct config *config;
    struct processes *table;
    struct wakeups *wakeups;
    struct cluster *cluster;
    struct access *access;
    struct outbox *out;
    uint16_t port;       /* that the node listens on */
    uint64_t started_ms; /* monotonic, and wall clock: */
    uint64_t started_wall_ms;
    bool bare; /* without remote calls: node_new_bare() */
};

struct services *services_new(const struct services_options *options);
/* NULL is allowed; the processes have been freed. */
void services_free(struct services *s);

/* Starts them all, and connects to the nodes of the configuration. */
void services_start(struct services *s, struct turn *t);
/* From now on nothing that ends is restarted. */
void services_stop(struct services *s);

/* A node that is no command is up; it has announced these flags.  Any node is down.  One could not
 * be connected to; unknown: its epmd does not know the name. */
void services_up(struct services *s, struct bytes node, uint64_t announced, struct turn *t);
void services_down(struct services *s, struct bytes node, struct turn *t);
void services_unreachable(struct services *s, struct bytes node, bool unknown);

/* Lets replicas take mutations once it is known who is in the cluster; at the end of each step. */
void services_settle(struct services *s, struct turn *t);
/* Replicas have ended too often: the node is to end. */
bool services_have_given_up(const struct services *s);

/* EVENT_CALL. */
void services_call(struct services *s, const struct event *e, struct turn *t);

/* EVENT_RESOLVED. */
void services_resolved(struct services *s, const struct event *e, struct turn *t);

/* What another configuration changes: reload.h. */
struct server *services_server(const struct services *s);

/* For the node's web server (metrics.h, page.h). */
struct overview;
void services_overview(const struct services *s, uint64_t wall_ms, struct overview *overview);

/* The files of the replicas. */
struct stores *services_stores(const struct services *s);

#endif
