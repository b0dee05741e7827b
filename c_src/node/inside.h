/* What the node's files share.  Nobody outside node/ includes this.
 *
 *     node.c          events to the right place
 *     post.c          signals and log lines of processes on their way out
 *     conns.c         connections by number: bytes, queues, closing
 *     registration.c  the connection to epmd that keeps us registered
 *     peers.c         other nodes by name: looking up, dialling, again later
 *     links.c         channels: who may connect, up, down, ticks
 *     learning.c      what a peer is asked when it comes up
 *     membership.c    scopes and replicas: who is in which group where
 *     server.c        the process that is registered as `coppice`
 *     client.c        one command's call or cast to another node */
#ifndef COPPICE_NODE_INSIDE_H
#define COPPICE_NODE_INSIDE_H

#include "../dist/channel.h"
#include "../dist/epmd.h"
#include "../limits.h"
#include "../otp/process.h"
#include "../replica/replica.h"
#include "node.h"

enum conn_role {
    CONN_REGISTRATION, /* to epmd, for as long as we are registered */
    CONN_LOOKUP,       /* to epmd, for one question about peer */
    CONN_LINK          /* to a peer, dialled or accepted */
};

struct peer;

struct conn {
    uint32_t id;
    enum conn_role role;
    bool accepted, opened;
    struct peer *peer;       /* of a lookup, or of a link that is named */
    struct channel *channel; /* of a link, once opened */
    struct buf in;           /* what epmd has answered so far */
    size_t queued;           /* bytes sent to the shell and not yet written */
    bool dirty;              /* among node.dirty */
    bool slow;               /* queued went over LIMIT_QUEUE_SLOW_BYTES and has not come back */
    uint64_t since_ms, read_ms, written_ms;
};

/* What is known of a peer's node, from asking it. */
struct learned {
    bool done;         /* nothing is being asked */
    bool beam;         /* it runs `rex` */
    unsigned pg;       /* the version of its pg */
    uint64_t version_call, scope_call; /* open questions */
    uint64_t again_ms; /* when to ask for the scope once more; 0: not */
    uint64_t pause_ms;
};

struct peer {
    struct buf name;
    bool wanted;         /* to be dialled again when lost */
    bool tried;          /* an attempt has ended, well or not */
    struct conn *up;
    struct conn *attempt; /* our own dialling: the look-up, then the link */
    uint64_t dial_ms;     /* when to dial; 0: not */
    uint64_t backoff_ms;
    struct learned learned;
};

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
    struct turn turn;           /* of the current step */
    struct outbox *out;         /* of the current step */
    bool client, registered, stopping, ended;
    uint16_t port;

    struct conn **conns; /* sorted by id */
    size_t conn_count, conn_cap;
    uint32_t next_conn;
    uint32_t *dirty; /* numbers of links whose channels have something to say */
    size_t dirty_count, dirty_cap;

    struct peer **peers; /* sorted by name */
    size_t peer_count, peer_cap;
    bool untidy; /* a connection to a peer has ended in this step */

    struct conn *registration;
    uint64_t register_ms;
    uint64_t register_backoff_ms;
    unsigned refusals; /* by epmd, one after the other */

    struct processes *processes;
    struct process *server, *asker;
    struct process **scopes;
    size_t scope_count;
    bool settling; /* some replica may still wait for the cluster to be known */

    struct local *locals;
    size_t local_count, local_cap;

    struct client *commands; /* of a client node */
};

/* --- conns.c */

/* A new connection: one that was accepted, or one that we dial, whose number is
 * odd.  NULL at LIMIT_CONNECTIONS. */
struct conn *conn_add(struct node *n, uint32_t id, enum conn_role role);
struct conn *conn_dial(struct node *n, enum conn_role role, struct bytes host, uint16_t port);
struct conn *conn_find(struct node *n, uint32_t id);
/* Gives the shell what stands in bytes (taken over) to be written. */
void conn_send(struct node *n, struct conn *c, struct buf *bytes);
/* Sends what the channel has queued: of this one, and of all that have something. */
void conn_flush(struct node *n, struct conn *c);
void conns_flush(struct node *n);
/* Takes the connection out of the table and frees it; the shell is told to
 * close it unless it is closed already. */
void conn_end(struct node *n, struct conn *c, bool closed);
/* When a connection needs attention: an opening one gives up, a link ticks or is
 * found silent. */
uint64_t conns_due(const struct node *n);
void conns_wake(struct node *n);

/* --- registration.c */

void registration_start(struct node *n);
void registration_opened(struct node *n);
void registration_bytes(struct node *n, struct bytes bytes);
void registration_closed(struct node *n);
void registration_wake(struct node *n);

/* --- peers.c */

/* The parts of name@host. */
struct bytes name_local(struct bytes name);
struct bytes name_host(struct bytes name);

struct peer *peer_find(struct node *n, struct bytes name);
struct peer *peer_named(struct node *n, struct bytes name); /* added where missing */
/* The peer is to be connected to, now and again whenever it is lost. */
void peer_want(struct node *n, struct peer *p);
/* Dials now, once. */
void peer_dial(struct node *n, struct peer *p);
/* Our attempt has ended without a link: why, in words for the log. */
void peer_attempt_failed(struct node *n, struct peer *p, const char *why);
/* Sets when to dial again, if the peer is wanted. */
void peer_later(struct node *n, struct peer *p);
void lookup_opened(struct node *n, struct conn *c);
void lookup_bytes(struct node *n, struct conn *c, struct bytes bytes);
void lookup_closed(struct node *n, struct conn *c);
/* Forgets peers that are neither wanted nor connected; at the end of a step. */
void peers_tidy(struct node *n);
uint64_t peers_due(const struct node *n);
void peers_wake(struct node *n);

/* --- links.c */

void link_accepted(struct node *n, struct conn *c);
void link_opened(struct node *n, struct conn *c);
void link_bytes(struct node *n, struct conn *c, struct bytes bytes);
/* The other side has closed it, or it never connected. */
void link_closed(struct node *n, struct conn *c, enum err err);
/* We end it: one log line with why, then down. */
void link_break(struct node *n, struct conn *c, const char *why);
void link_written(struct node *n, struct conn *c, size_t count);
void link_send(struct node *n, struct conn *c, const struct signal *signal);
void link_wake(struct node *n, struct conn *c);
uint64_t link_due(const struct node *n, const struct conn *c);

/* --- learning.c */

/* Starts the process that asks. */
void learning_start(struct node *n);
void learning_up(struct node *n, struct peer *p);
void learning_down(struct node *n, struct peer *p);
uint64_t learning_due(const struct node *n);
void learning_wake(struct node *n);

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
