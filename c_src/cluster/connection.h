/* A connection: to epmd, or to a peer.  Private to cluster/. */
#ifndef COPPICE_CLUSTER_CONNECTION_H
#define COPPICE_CLUSTER_CONNECTION_H

#include "../dist/channel.h"
#include "../otp/hash_table.h"
#include "../otp/wakeup.h"
#include "cluster.h"

struct peer;

enum connection_role {
    ROLE_REGISTRATION, /* to epmd, for as long as this node is registered */
    ROLE_LOOKUP,       /* to epmd, for one question about peer */
    ROLE_LINK          /* to a peer, dialled or accepted */
};

struct connection {
    struct cluster *cluster;
    uint32_t id;
    struct hash_link by_id;
    enum connection_role role;
    bool accepted, opened, waits; /* waits: an open attempt, for the end of the peer's own */
    struct peer *peer;            /* of a lookup, or of a link that is named */
    struct channel *channel;      /* of a link, once opened */
    struct buf in;                /* what epmd has answered so far */
    struct wakeup timer;          /* a time-out, or a tick may be due */
    unsigned holds;               /* large messages of the peer that are being worked off */
    struct wakeup work;           /* set: the rest of what it has sent is handled in another step */
    bool rests;                   /* nothing is read from it until that is done */
    size_t queued;                /* bytes that were sent and are not yet written, */
    size_t kept;                  /* and those in the channel, to be sent then */
    bool dirty;                   /* among cluster.dirty */
    bool slow;                    /* bulk should wait */
    bool awaited;                 /* somebody has asked whether it is busy, and it was */
    bool overflowed;              /* a signal was dropped: it is to be disconnected */
    uint64_t read_ms, written_ms, moved_ms; /* moved: written, or queued while nothing was */
};

/* A new connection, accepted or dialled, with its timer set to wait_ms from now.  NULL when there
 * are too many: some are kept for dialling, and one of those for the registration. */
struct connection *connection_add(struct cluster *c, uint32_t id, enum connection_role role,
                                  uint64_t wait_ms, struct turn *t);
struct connection *connection_dial(struct cluster *c, enum connection_role role, struct bytes host,
                                   uint16_t port, struct turn *t);
struct connection *connection_find(const struct cluster *c, uint32_t id);
/* Sends bytes (taken over). */
void connection_send(struct connection *x, struct buf *bytes, struct turn *t);
/* Marks a link whose channel has something to send, for connections_flush(). */
void connection_mark(struct connection *x);
/* Sends what the channel has queued: of this one, and of all that are marked. */
void connection_flush(struct connection *x, struct turn *t);
void connections_flush(struct cluster *c, struct turn *t);
/* Frees the connection, and closes it unless the other side has. */
void connection_end(struct connection *x, bool closed, struct turn *t);

#endif
