/* The node's connections: by number, to epmd, to peers.  Nobody outside node/
 * includes this. */
#ifndef COPPICE_NODE_WIRES_H
#define COPPICE_NODE_WIRES_H

#include "../dist/channel.h"

struct node;
struct peer;

enum conn_role {
    CONN_REGISTRATION, /* to epmd, for as long as we are registered */
    CONN_LOOKUP,       /* to epmd, for one question about peer */
    CONN_LINK          /* to a peer, dialled or accepted */
};

struct conn {
    uint32_t id;
    enum conn_role role;
    bool accepted, opened;
    struct peer *peer;       /* of a lookup, or of a link that is named */
    struct channel *channel; /* of a link, once opened */
    struct buf in;           /* what epmd has answered so far */
    size_t queued;           /* bytes sent to the shell and not yet written */
    bool dirty;              /* among node.dirty */
    bool slow;               /* bulk is to wait: so much is queued, or so little moves */
    uint64_t since_ms, read_ms, written_ms;
    uint64_t moved_ms; /* when the queue began, or when something of it was last written */
};

/* What is known of a peer's node, from asking it. */
struct learned {
    bool done;                         /* nothing is being asked */
    bool beam;                         /* it runs `rex` */
    unsigned pg;                       /* the version of its pg */
    uint64_t version_call, scope_call; /* open questions */
    uint64_t nodes_call;               /* the same: whom it is connected to ... */
    uint64_t nodes_ms;                 /* ... and when to ask that again; 0: not */
    uint64_t again_ms;                 /* when to ask for the scope once more; 0: not */
    uint64_t pause_ms;
};

struct peer {
    struct buf name;
    bool wanted;       /* to be dialled again when lost */
    bool followed;     /* wanted for no other reason than that a peer has named it */
    bool tried;        /* an attempt has ended, well or not */
    bool met;          /* it has been up */
    uint64_t named_ms; /* when a peer has last named it, or it was lost */
    struct conn *up;
    struct conn *attempt; /* our own dialling: the look-up, then the link */
    uint64_t dial_ms;     /* when to dial; 0: not */
    uint64_t backoff_ms;
    struct learned learned;
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

#endif
