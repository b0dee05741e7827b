/* Private to cluster/.
 *
 *     cluster.c       the public functions
 *     connection.h    connections by number: timers, queues, closing
 *     registration.c  the connection to epmd that keeps this node registered
 *     peers.c         other nodes by name: looking up, dialling, backing off
 *     links.c         handshakes, ticks, signals; simultaneous.c: both nodes dial
 *     strangers.c     accepted connections before the end of the handshake
 *     answers.c       signals that wait for their node
 *     certificate.c   names in certificates */
#ifndef COPPICE_CLUSTER_INTERNAL_H
#define COPPICE_CLUSTER_INTERNAL_H

#include "../limits.h"
#include "../otp/few_lines.h"
#include "../otp/list.h"
#include "../otp/quotas.h"
#include "cluster.h"
#include "connection.h"

/* How often a peer is dialled. */
enum dialling { DIAL_NEVER, DIAL_ONCE, DIAL_ALWAYS };

struct peer {
    struct buf name; /* first: names.h */
    struct cluster *cluster;
    enum dialling dialling; /* see peer_set() */
    uint16_t port;          /* to be dialled at; 0: cluster_locate() was not called */
    bool tried;             /* an attempt has ended, well or not; see peer_set() */
    struct connection *up;
    uint64_t up_ms;             /* since when */
    struct connection *attempt; /* our own dialling: the look-up, if any, then the link */
    struct wakeup redial;
    uint64_t backoff_ms;
    struct list answers; /* that wait until it is up, or for this long */
    size_t answer_count;
    struct quota *dialled_for; /* of cluster.answered; NULL: none waits */
    struct wakeup answers_late;
};

/* Accepted connections on which no handshake is finished. */
struct strangers {
    struct connection *list[LIMIT_STRANGERS]; /* the oldest first */
    size_t count;
    struct few_lines lines;
};

struct cluster {
    struct cluster_options options;
    struct cluster_listener listener;
    struct wakeups *wakeups;
    struct channel_self self;
    bool ready, stopping;

    struct connection **connections; /* sorted by id */
    struct hash_table connections_by_id;
    size_t connection_count, connection_cap;
    size_t connection_max; /* LIMIT_CONNECTIONS, or what the process can have */
    struct strangers strangers;
    uint32_t next_connection;
    uint32_t *dirty; /* numbers of links whose channels have something to send */
    size_t dirty_count, dirty_cap;
    size_t queued; /* by all connections */

    uint64_t not_allowed; /* connections that were refused */
    uint64_t broken_for[ERR_COUNT];
    struct few_lines answer_lines;
    struct few_lines end_lines; /* of connections that were up */
    struct quotas answered;     /* nodes that answers wait for, and bytes of these */
    uint64_t undelivered;       /* since the start */
    uint64_t withheld;          /* signals that their peers could not read */

    struct names peers;
    size_t untried; /* of them, wanted and not yet tried */
    bool untidy;    /* some peer may be of no further interest */

    struct connection *registration; /* NULL: being retried */
    bool registered;
    uint16_t port;
    struct wakeup reregister;
    uint64_t register_backoff_ms;
    bool asked_for_epmd; /* to be started */
    /* Attempts in a row in which epmd was not there, was not epmd, refused the name. */
    unsigned misses, oddities, refusals;
};

/* --- strangers.c */

/* Makes room for one that was just accepted, at the cost of another stranger. */
void strangers_make_room(struct cluster *c, struct turn *t);
void strangers_add(struct connection *x);
/* It has finished the handshake, or ends.  No effect on others than strangers. */
void strangers_remove(struct connection *x);
/* One line, or none: there were enough, and it is only counted. */
void strangers_log(const struct connection *x, const char *why, struct turn *t);
void strangers_check(const struct cluster *c);

/* --- answers.c */

void answers_init(struct peer *p);
/* The peer is up. */
void answers_send(struct peer *p, struct turn *t);
/* There is no connection to be expected; false when nothing waited. */
bool answers_drop(struct peer *p, const char *why, struct turn *t);
/* Frees them; the peer is about to be forgotten. */
void answers_end(struct peer *p);

/* --- registration.c */

void registration_start(struct cluster *c, struct turn *t);
void registration_opened(struct cluster *c, struct turn *t);
void registration_bytes(struct cluster *c, struct bytes bytes, struct turn *t);
void registration_closed(struct cluster *c, bool closed, struct turn *t);

/* --- peers.c */

/* What is before the @ of name@host. */
struct bytes name_local(struct bytes name);

struct peer *peer_find(const struct cluster *c, struct bytes name);
struct peer *peer_named(struct cluster *c, struct bytes name); /* added where missing */
/* Sets how often it is dialled, and whether it was tried. */
void peer_set(struct peer *p, enum dialling dialling, bool tried);
/* Dials, unless it is connected or being dialled. */
void peer_dial(struct peer *p, struct turn *t);
/* Our attempt has ended without a link. */
void peer_failed(struct peer *p, enum unreachable why, const char *text, struct turn *t);
/* Sets when to dial again, if the peer is wanted. */
void peer_redial_later(struct peer *p, struct turn *t);
void lookup_opened(struct connection *x, struct turn *t);
void lookup_bytes(struct connection *x, struct bytes bytes, struct turn *t);
void lookup_failed(struct connection *x, bool closed, const char *why, struct turn *t);
/* Forgets peers that are neither wanted nor connected. */
void peers_tidy(struct cluster *c);

/* --- links.c */

void link_accepted(struct connection *x, struct turn *t);
void link_opened(struct connection *x, struct turn *t);
void link_bytes(struct connection *x, struct bytes bytes, struct turn *t);
/* The other side has closed it, or it never connected. */
void link_closed(struct connection *x, const char *why, struct turn *t);
/* The name of its peer, as far as it is known. */
struct bytes link_name(const struct connection *x);
bool link_is_up(const struct connection *x);
/* Ends it: a log line with why, then down. */
void link_break(struct connection *x, const char *why, struct turn *t);
void link_release(struct connection *x, struct turn *t); /* undoes one of the holds */
void link_written(struct connection *x, size_t count, struct turn *t);
/* cluster_is_busy() */
bool link_is_busy(struct connection *x);
void link_send(struct connection *x, const struct signal *signal, struct turn *t);
/* Ticks, or gives up a silent peer; rearms the timer. */
void link_wake(struct connection *x, struct turn *t);

#endif
