/* TCP connections by the node's numbers for them. */
#ifndef COPPICE_NET_SOCKETS_H
#define COPPICE_NET_SOCKETS_H

#include <uv.h>

#include "../err.h"
#include "../otp/list.h"
#include "../term/bytes.h"

struct socket;

/* Callbacks; called from the loop only, never from inside a function of this header. */
struct socket_events {
    void (*opened)(void *who, uint32_t id);
    void (*bytes)(void *who, uint32_t id, struct bytes bytes);
    void (*written)(void *who, uint32_t id, size_t count);
    /* why: of a dial that has failed, static text of libuv; else empty */
    void (*closed)(void *who, uint32_t id, enum err err, const char *why);
    void (*gone)(void *who); /* the loop holds one socket less */
    void *who;
};

struct sockets {
    uv_loop_t *loop;
    struct socket_events events;
    struct list list;
    struct list draining; /* of those closed by socket_close(), the oldest first */
    void *by_id;          /* a tree of tsearch(), of those that the node knows */
    size_t count, draining_count;
    uint32_t accepted; /* number of the last accepted one */
    uint8_t *scratch;  /* read buffer of all sockets */
};

void sockets_init(struct sockets *s, uv_loop_t *loop, const struct socket_events *events);
void sockets_free(struct sockets *s);

/* Accepts a connection of the listener and gives its number: even, and that of no other. */
uint32_t socket_accept(struct sockets *s, uv_stream_t *listener);

/* Resolves the host and connects to the first of its addresses that answers (dial.h). */
void socket_dial(struct sockets *s, uint32_t id, const char *host, uint16_t port);

/* Queues the bytes (taken over).  An unknown or closing number is ignored. */
void socket_send(struct sockets *s, uint32_t id, struct buf *bytes);

/* Writes what is queued, for a bounded time, then closes.  No callback follows.  So many may be
 * waited for at once; then the oldest is closed as it is. */
void socket_close(struct sockets *s, uint32_t id);
/* The same for all, however many they are. */
void sockets_close_all(struct sockets *s);

#endif
