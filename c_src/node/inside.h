/* What the node's files share.  Nobody outside node/ includes this.
 *
 *     node.c          events to the right place
 *     post.c          signals and log lines of processes on their way out
 *     conns.c         connections by number: bytes, queues, closing
 *     registration.c  the connection to epmd that keeps us registered
 *     peers.c         other nodes by name: looking up, dialling, again later
 *     links.c         channels: who may connect, up, down, ticks
 *     learning.c      what a peer is asked when it comes up
 *     follow.c        connecting to the nodes that peers are connected to
 *     membership.c    scopes and replicas: who is in which group where
 *     stores.c        the files of replicas: what they ask of the disk, and what came of it
 *     server.c        the process that is registered as `coppice`
 *     client.c        one command's call or cast to another node */
#ifndef COPPICE_NODE_INSIDE_H
#define COPPICE_NODE_INSIDE_H

#include "../limits.h"
#include "../otp/process.h"
#include "../otp/wakeup.h"
#include "../replica/replica.h"
#include "node.h"
#include "wires.h"

/* A signal on its way from one process of ours to another, or an answer
 * of the node itself, after the current one is done. */
struct local {
    struct signal signal;
    struct buf memory;
    struct bytes node; /* whom it comes from, borrowed from memory */
};

struct node {
    const struct config *config;
    struct channel_self self;
    struct post post;
    struct turn turn;   /* of the current step */
    struct outbox *out; /* of the current step */
    bool client, registered, stopping, ended;
    uint16_t port;

    struct conn **conns; /* sorted by id */
    size_t conn_count, conn_cap;
    uint32_t next_conn;
    uint32_t *dirty; /* numbers of links whose channels have something to say */
    size_t dirty_count, dirty_cap;

    struct peer **peers; /* sorted by name */
    size_t peer_count, peer_cap;
    bool untidy;  /* a peer may have to be forgotten at the end of this step */
    bool crowded; /* it was said that more nodes were named than are followed */

    struct conn *registration;
    uint64_t register_ms;
    uint64_t register_backoff_ms;
    unsigned refusals; /* by epmd, one after the other */

    struct wakeups wakeups;
    struct processes *processes;
    struct process *server, *asker;
    struct process **scopes;
    size_t scope_count;
    bool settling; /* some replica may still wait for the cluster to be known */

    struct store *stores; /* sorted by id */
    size_t store_count, store_cap;
    uint32_t next_store;
    size_t saves;   /* snapshots that are being written */
    bool capturing; /* the shell takes states right after the current step */

    struct local *locals;
    size_t local_count, local_cap;

    struct client *commands; /* of a client node */
};

/* --- learning.c */

/* Starts the process that asks. */
void learning_start(struct node *n);
void learning_up(struct node *n, struct peer *p);
void learning_down(struct node *n, struct peer *p);
uint64_t learning_due(const struct node *n);
void learning_wake(struct node *n);

/* --- follow.c */

/* Asks a peer whom it is connected to, if that is configured. */
void follow_ask(struct node *n, struct peer *p);
void follow_heard(struct node *n, struct peer *p, const struct answer *a);
/* Wants a followed peer no longer. */
void follow_drop(struct node *n, struct peer *p);
uint64_t follow_due(const struct node *n);
void follow_wake(struct node *n);

/* --- membership.c */

/* Starts the scopes and replicas of the configuration. */
void membership_start(struct node *n);
void membership_add_scope(struct node *n, struct bytes name);
/* The peer has been asked what it is: greet its scopes. */
void membership_meet(struct node *n, struct peer *p);
void membership_forget(struct node *n, struct peer *p);
/* Starts a replica and joins its group everywhere.  NULL when the name is taken. */
struct process *membership_add_replica(struct node *n, struct replica_options *options);
/* A process has ended: it leaves its groups; a scope is started anew. */
void membership_ended(struct node *n, struct process *p);
/* Tells the replicas whether the cluster is known, when that may have changed. */
void membership_settle(struct node *n);

/* --- stores.c */

/* The way of replicas to the disk. */
struct replica_disk stores_disk(struct node *n);
void stores_event(struct node *n, const struct event *e);
/* A step is over, and whoever captures the states of replicas has them. */
void stores_captured(struct node *n);
/* A process has ended: nobody writes to its files any more. */
void stores_ended(struct node *n, const struct process *p);

/* --- server.c */

void server_start(struct node *n);

/* --- client.c */

void client_request(struct node *n, const struct request *request);
void client_peer_up(struct node *n, struct peer *p);
void client_attempt_failed(struct node *n, struct peer *p, const char *why);
void client_free(struct node *n);

/* --- post.c */

extern const struct post node_post;
/* Delivers signals between our own processes, and those that they cause. */
void locals_deliver(struct node *n);
void locals_free(struct node *n);

/* --- node.c */

/* Registered, or a client: the process table with this creation. */
void node_open(struct node *n, uint32_t creation);
void node_log(struct node *n, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Ends the program with this exit code, after what is queued was written. */
void node_exit(struct node *n, int code);

/* The arguments of %.*s for a name. */
#define TEXT(bytes) (int)(bytes).len, (const char *)(bytes).at

#endif
