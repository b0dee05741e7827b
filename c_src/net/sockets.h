/* TCP connections by the node's numbers for them, with TLS inside where the node has it (tls.h):
 * what is read and written here are plain bytes. */
#ifndef COPPICE_NET_SOCKETS_H
#define COPPICE_NET_SOCKETS_H

#include <uv.h>

#include "../err.h"
#include "../node/event.h"
#include "../otp/list.h"
#include "tls_context.h"

struct socket;

/* Callbacks; called from the loop only, never from inside a function of this header. */
struct socket_events {
    /* peer: of one with TLS, the names of the certificate; else NULL */
    void (*opened)(void *who, uint32_t id, const struct certificate *peer);
    /* of one with TLS: an accepted connection has finished its handshake, or comes to nothing; from
     * is text, the peer's address */
    void (*accepted)(void *who, uint32_t id, const struct certificate *peer);
    void (*refused)(void *who, const char *from, const char *why);
    void (*bytes)(void *who, uint32_t id, struct bytes bytes);
    void (*written)(void *who, uint32_t id, size_t count);
    /* why: of a dial or of TLS that has failed, text; else empty */
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
    uint8_t *plain;    /* the same for what is decrypted; NULL without TLS */
    struct tls_contexts tls;
    struct list shaking; /* of those accepted, in the TLS handshake, the oldest first */
    size_t shaking_count, shaking_max;
    unsigned strangers; /* turns that were given to them, at least since this round began */
};

void sockets_init(struct sockets *s, uv_loop_t *loop, const struct socket_events *events);
void sockets_free(struct sockets *s);

/* Has new connections use TLS by these contexts, which it holds; those that there are go on as they
 * began.  most: accepted ones that may be in the handshake at once. */
void sockets_use_tls(struct sockets *s, const struct tls_contexts *contexts, size_t most);

/* Accepts a connection of the listener and gives its number: even, and that of no other.  0 where a
 * TLS handshake comes first: accepted() or refused() follows. */
uint32_t socket_accept(struct sockets *s, uv_stream_t *listener);

/* Resolves the host and connects to the first of its addresses that answers (dial.h); then, with
 * tls, does a handshake in which the peer has to show that it is that host. */
void socket_dial(struct sockets *s, uint32_t id, const char *host, uint16_t port, bool tls);

/* Queues the bytes (taken over).  An unknown or closing number is ignored. */
void socket_send(struct sockets *s, uint32_t id, struct buf *bytes);

/* It is read before those of which this was not said. */
void socket_trust(struct sockets *s, uint32_t id);

/* Reads nothing more from it, or undoes that.  Bytes of TLS that were read before may come. */
void socket_rest(struct sockets *s, uint32_t id, bool rests);

/* Writes what is queued, for a bounded time, then closes.  No callback follows.  So many may be
 * waited for at once; then the oldest is closed as it is. */
void socket_close(struct sockets *s, uint32_t id);
/* The same for all, however many they are. */
void sockets_close_all(struct sockets *s);

#endif
