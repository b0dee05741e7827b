/* The cluster: which nodes this one is connected to.
 *
 * Registers the node with epmd, looks other nodes up, dials them, and again with growing pauses
 * when they are lost; shakes hands, sends ticks, bounds what waits for a peer, and drops peers
 * that break the protocol, fall silent or stop reading.  It knows nothing of processes, groups
 * and replicas: it passes signals on, and tells its listener the rest.
 *
 * Like all of the core it makes no system call.  A connection is a number: the listener opens,
 * writes and closes it, and the owner reports what happened to it by cluster_event().
 *
 * Node names are text, name@host.
 *
 * Source: erl_dist_protocol; kernel's net_kernel.erl. */
#ifndef COPPICE_CLUSTER_CLUSTER_H
#define COPPICE_CLUSTER_CLUSTER_H

#include "../err.h"
#include "../otp/wakeup.h"

struct cluster;

struct cluster_options {
    struct bytes name, cookie; /* borrowed for the cluster's life */
    bool visible;              /* announced as a visible node */
    bool serves;               /* registers with epmd, and accepts connections */
    uint16_t epmd_port;
    uint64_t ticktime_ms; /* net_ticktime */
};

/* A function may call the cluster back; a node's name is good during the call. */
struct cluster_listener {
    /* --- to be done */
    /* Connect; CONNECTION_OPENED or CONNECTION_CLOSED follows.  Numbers are odd. */
    void (*dial)(void *who, uint32_t connection, struct bytes host, uint16_t port);
    /* Write after what was sent before; takes the bytes. */
    void (*send)(void *who, uint32_t connection, struct buf *bytes);
    /* Write what is left, then close; no event follows. */
    void (*close)(void *who, uint32_t connection);
    /* Run `epmd -daemon`, if it can be found. */
    void (*start_epmd)(void *who);

    /* --- has happened */
    /* Once, before all that follow: the node has a creation (from epmd where it serves). */
    void (*ready)(void *who, uint32_t creation, struct turn *t);
    /* epmd has refused the name for so long that another node must have it. */
    void (*name_taken)(void *who, struct turn *t);
    void (*up)(void *who, struct bytes node, struct turn *t);
    void (*down)(void *who, struct bytes node, struct turn *t);
    void (*signal)(void *who, struct bytes node, const struct signal *signal, struct turn *t);
    /* A node that was slow is so no more. */
    void (*drained)(void *who, struct bytes node, struct turn *t);
    /* An attempt to connect failed; unknown: the epmd there does not know the name.  It is logged
     * afterwards where the node is still to be dialled. */
    void (*unreachable)(void *who, struct bytes node, const char *why, bool unknown,
                        struct turn *t);
    void *who;
};

/* The listener is copied, wakeups are borrowed: whatever the cluster waits for is set there. */
struct cluster *cluster_new(const struct cluster_options *options,
                            const struct cluster_listener *listener, struct wakeups *wakeups);
void cluster_free(struct cluster *c);

/* Registers a node that serves, which listens on port; makes any other one ready. */
void cluster_start(struct cluster *c, uint16_t port, struct turn *t);
/* Accepts and dials no more. */
void cluster_stop(struct cluster *c);

enum connection_event_kind {
    CONNECTION_ACCEPTED, /* somebody connected to the listening port; its number is even */
    CONNECTION_OPENED,   /* what was dialled is connected */
    CONNECTION_BYTES,    /* bytes: read, borrowed during the call */
    CONNECTION_WRITTEN,  /* written: so many bytes of what was sent have left */
    CONNECTION_CLOSED    /* err: the other side ended it, or it was never connected */
};

struct connection_event {
    enum connection_event_kind kind;
    uint32_t connection; /* one that was closed meanwhile is ignored */
    struct bytes bytes;
    size_t written;
    enum err err;
};

void cluster_event(struct cluster *c, const struct connection_event *event, struct turn *t);

/* Connects to a node: now, and again whenever the connection is lost, or once. */
void cluster_connect(struct cluster *c, struct bytes node, struct turn *t);
void cluster_connect_once(struct cluster *c, struct bytes node, struct turn *t);
/* Takes cluster_connect() back; what is connected stays so. */
void cluster_release(struct cluster *c, struct bytes node);
/* Whether cluster_connect() holds for it. */
bool cluster_is_wanted(const struct cluster *c, struct bytes node);
/* Whether each of those is connected, or an attempt to connect to it has failed. */
bool cluster_has_tried_all(const struct cluster *c);

/* Queues a signal, for cluster_flush() to send; false when the node is not connected. */
bool cluster_send(struct cluster *c, struct bytes node, const struct signal *signal,
                  struct turn *t);
/* Sends what is queued, and forgets nodes of no further interest.  At the end of each step. */
void cluster_flush(struct cluster *c, struct turn *t);

/* A connected node. */
struct cluster_peer {
    struct bytes name; /* good until the node is down */
    uint64_t flags;    /* of both sides (dist/flags.h) */
    uint32_t creation;
    size_t queued; /* bytes sent and not yet written */
    bool slow;     /* so much is queued, or so little moves, that bulk is to wait */
};

/* False, and *peer all zero, when it is not connected. */
bool cluster_find(const struct cluster *c, struct bytes node, struct cluster_peer *peer);
/* The next one in the order of names; *peer begins all zero.  False at the end. */
bool cluster_next(const struct cluster *c, struct cluster_peer *peer);
/* Whether epmd has the node registered now. */
bool cluster_is_registered(const struct cluster *c);

/* Invariants, for tests and the simulator: at most one connection to a node is up, queues are
 * within their limits, no connection without a purpose. */
void cluster_check(const struct cluster *c);

#endif
