/* What the cluster asks of its owner, and what it reports. */
#ifndef COPPICE_CLUSTER_LISTENER_H
#define COPPICE_CLUSTER_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "../dist/signal.h"
#include "../otp/turn.h"

/* Why a node could not be connected to, where that matters. */
enum unreachable {
    UNREACHABLE,
    UNREACHABLE_UNKNOWN, /* epmd there does not know the name */
    UNREACHABLE_TAKEN,   /* the peer is connected, or connecting, to another node of our name; never
                            where this node serves */
    UNREACHABLE_CLOSED   /* the peer has closed the connection before its challenge: a BEAM does so
                            while two others use our name (net_kernel's already_pending) */
};

/* The callbacks may call the cluster.  Names are valid during the callback. */
struct cluster_listener {
    /* --- requests */
    /* Connect; CONNECTION_OPENED or CONNECTION_CLOSED follows.  Numbers are odd.  tls: a link, with
     * TLS and to a peer whose certificate is for that host. */
    void (*dial)(void *who, uint32_t connection, struct bytes host, uint16_t port, bool tls);
    /* Write after what was sent before; takes the bytes. */
    void (*send)(void *who, uint32_t connection, struct buf *bytes);
    /* Write what is queued, then close; no event follows. */
    void (*close)(void *who, uint32_t connection);
    /* Read nothing from it, or read from it again. */
    void (*rest)(void *who, uint32_t connection, bool rests);
    /* Read it before those that are still in the handshake: its own is over. */
    void (*trust)(void *who, uint32_t connection);
    /* Run `epmd -daemon`, if it is installed; cluster_epmd_started() follows. */
    void (*start_epmd)(void *who);

    /* --- reports */
    /* Once, before all reports below: the node has its creation. */
    void (*ready)(void *who, uint32_t creation, struct turn *t);
    /* epmd keeps refusing the name: another node has it. */
    void (*name_taken)(void *who, struct turn *t);
    void (*up)(void *who, struct bytes node, struct turn *t);
    void (*down)(void *who, struct bytes node, struct turn *t);
    void (*signal)(void *who, struct bytes node, const struct signal *signal, struct turn *t);
    /* A signal of cluster_deliver() is dropped.  It is counted, and logged. */
    void (*undelivered)(void *who, const struct signal *signal, struct turn *t);
    /* The queue of a slow peer has drained; and that of a busy one (cluster_is_busy()). */
    void (*drained)(void *who, struct bytes node, struct turn *t);
    void (*idle)(void *who, struct bytes node);
    /* A peer that is held back sends so much that it has to be slowed down: whatever holds back any
     * peer is to be finished now, in this step. */
    void (*finish)(void *who, struct turn *t);
    /* An attempt to connect has failed; text says why.  It is logged afterwards, if the node is
     * still wanted. */
    void (*unreachable)(void *who, struct bytes node, enum unreachable why, const char *text,
                        struct turn *t);
    void *who;
};

#endif
