/* The cluster: which nodes this one is connected to.
 *
 * Registers the node with epmd, unless it does without; looks up and dials other nodes, with
 * backoff when they are lost; does handshakes and ticks; bounds the queue of each peer; drops peers
 * that break the protocol, fall silent or stop reading.  Whoever has not shown that it knows the
 * cookie, a stranger, costs nobody else a connection, and only a few log lines.  The cluster knows
 * nothing of processes, groups and replicas: it passes signals on, and reports everything else to
 * its listener.
 *
 * Like all of the core it makes no system call.  A connection is a number: the listener dials,
 * writes and closes it; what happens to it comes in by cluster_event().
 *
 * Node names are text, name@host.
 *
 * Source: erl_dist_protocol; kernel's net_kernel.erl. */
#ifndef COPPICE_CLUSTER_CLUSTER_H
#define COPPICE_CLUSTER_CLUSTER_H

#include "../dist/name_pattern.h"
#include "../err.h"
#include "../otp/wakeup.h"
#include "certificate.h"
#include "listener.h"

struct cluster;

struct cluster_options {
    struct bytes name, cookie; /* borrowed for the cluster's life */
    bool visible;              /* announced as a visible node */
    uint64_t flags;            /* announced besides DFLAG_PUBLISHED: DFLAGS_OURS (dist/flags.h) */
    bool tls;                  /* all links are TLS: listener and events see plain bytes */
    bool serves;               /* registers with epmd, and accepts connections */
    /* As of cluster_restrict(). */
    const struct name_patterns *allow;
    const struct name_patterns *allow_certificates;
    uint16_t epmd_port;
    bool starts_epmd;     /* once, when there is none at its own start */
    bool without_epmd;    /* neither registers with an epmd nor asks one */
    uint16_t peer_port;   /* then: of peers that were not located; 0: none */
    uint64_t ticktime_ms; /* net_ticktime */
};

/* The listener is copied; the wakeups, in which all timers are set, are borrowed. */
struct cluster *cluster_new(const struct cluster_options *options,
                            const struct cluster_listener *listener, struct wakeups *wakeups);
void cluster_free(struct cluster *c);

/* Registers a node that serves, and listens on port; one without epmd, or that does not serve, is
 * ready at once, under a random creation.  connections: how many there may be at once, if less than
 * LIMIT_CONNECTIONS; 0 is no such limit. */
void cluster_start(struct cluster *c, uint16_t port, size_t connections, struct turn *t);
/* epmd was started, or could not be: why is empty, or text for the log. */
void cluster_epmd_started(struct cluster *c, struct bytes why, struct turn *t);
/* A connection was not accepted; text for the log says from whom, and why. */
void cluster_refused(struct cluster *c, struct bytes text, struct turn *t);
/* Stops accepting and dialling. */
void cluster_stop(struct cluster *c);

enum connection_event_kind {
    CONNECTION_ACCEPTED, /* somebody connected to the listening port; its number is even */
    CONNECTION_OPENED,   /* a dialled connection is established */
    CONNECTION_BYTES,    /* bytes: read, borrowed during the call */
    CONNECTION_WRITTEN,  /* written: so many bytes were written */
    CONNECTION_CLOSED    /* err: closed by the peer, or never established, with ERR_HOST,
                            ERR_REFUSED or ERR_TLS; bytes: why, text for the log, or empty */
};

struct connection_event {
    enum connection_event_kind kind;
    uint32_t connection; /* ignored if it was closed meanwhile */
    struct bytes bytes;
    size_t written;
    enum err err;
    /* Of CONNECTION_ACCEPTED and CONNECTION_OPENED, with TLS: of a peer whose certificate was
     * verified, borrowed during the call; else NULL. */
    const struct certificate *certificate;
};

void cluster_event(struct cluster *c, const struct connection_event *event, struct turn *t);

/* From now on the node is dialled at this port of its host, and no epmd is asked for it; 0 changes
 * nothing.  Forgotten with the node, once it is neither wanted nor connected: so call it right
 * before one of the next two. */
void cluster_locate(struct cluster *c, struct bytes node, uint16_t port);
/* Connects to a node: now and whenever the connection is lost, or once. */
void cluster_connect(struct cluster *c, struct bytes node, struct turn *t);
void cluster_connect_once(struct cluster *c, struct bytes node, struct turn *t);
/* Undoes cluster_connect() and cluster_locate(); an open connection stays. */
void cluster_release(struct cluster *c, struct bytes node);
/* Who may be connected from now on, by either's dialling: nodes of these names (NULL: every node),
 * and, with TLS, with certificates of these names (certificate.h; NULL: every certificate, or
 * none).  Both are borrowed.  A connection to a node that `allow` does not name ends, with a line
 * of the log; certificates are compared before a connection is used, and not again. */
void cluster_restrict(struct cluster *c, const struct name_patterns *allow,
                      const struct name_patterns *allow_certificates, struct turn *t);
/* Whether this node may be connected with it, by either's dialling. */
bool cluster_allows(const struct cluster *c, struct bytes node);
#define CLUSTER_NOT_ALLOWED "it is not among the nodes of allow" /* for the log */
/* How many connections were refused because the node, or the certificate of a peer, is not
 * allowed. */
uint64_t cluster_not_allowed(const struct cluster *c);
/* How many connections were closed because their peer has broken the protocol, has another cookie
 * or refuses this node. */
uint64_t cluster_broken_for(const struct cluster *c, enum err why);
/* Whether cluster_connect() was called for it. */
bool cluster_is_wanted(const struct cluster *c, struct bytes node);
/* Whether each wanted node is connected or was tried at least once. */
bool cluster_has_tried_all(const struct cluster *c);

/* Queues a signal, for cluster_flush() to send; false when the node is not connected. */
bool cluster_send(struct cluster *c, struct bytes node, const struct signal *signal,
                  struct turn *t);
/* The same, but when the node is not connected it is dialled once, as a BEAM does: a caller, for
 * instance, may be known by a third node only, which has passed its request on.  The signal waits
 * so long; if it comes to nothing, it is dropped with a log line.  A node that does not serve
 * drops it at once. */
void cluster_deliver(struct cluster *c, const struct signal *signal, struct turn *t);
/* How many signals were dropped so. */
uint64_t cluster_undelivered(const struct cluster *c);
/* A process works off a large message of that node in several steps: until cluster_resume() nothing
 * else that it has sent is handled.  Returns a number for that; 0 if the node is not connected. */
uint64_t cluster_hold(struct cluster *c, struct bytes node);
/* No effect if that connection has ended. */
void cluster_resume(struct cluster *c, uint64_t hold, struct turn *t);
/* False once that connection has ended. */
bool cluster_is_held(const struct cluster *c, uint64_t hold);
/* Sends what is queued; called at the end of each step. */
void cluster_flush(struct cluster *c, struct turn *t);

/* A connected node. */
struct cluster_peer {
    struct bytes name;  /* good until the node is down */
    uint64_t flags;     /* of both sides (dist/flags.h) */
    uint64_t announced; /* its own: what it runs can be told from them */
    uint32_t creation;
    size_t queued; /* bytes sent and not yet written */
    bool slow;     /* much is queued, or nothing moves: bulk should wait */
};

/* False, and *peer all zero, if it is not connected. */
bool cluster_find(const struct cluster *c, struct bytes node, struct cluster_peer *peer);
/* The next one in order of names; start with *peer all zero.  False at the end. */
bool cluster_next(const struct cluster *c, struct cluster_peer *peer);
/* Whether more than LIMIT_CHANGE_QUEUE_BYTES are queued for that node.  If so, `idle` follows once
 * they are not. */
bool cluster_is_busy(const struct cluster *c, struct bytes node);
/* Whether epmd has the node registered now. */
bool cluster_is_registered(const struct cluster *c);

/* Invariants, for tests and the simulator: at most one connection to a node is up, queues are
 * within their limits, no connection without a purpose. */
void cluster_check(const struct cluster *c);

#endif
