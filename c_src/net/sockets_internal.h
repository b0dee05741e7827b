/* One connection.  Private to sockets.c and sockets_tls.c. */
#ifndef COPPICE_NET_SOCKETS_INTERNAL_H
#define COPPICE_NET_SOCKETS_INTERNAL_H

#include "sockets.h"

/* What is read from a socket in a round of the loop, in which all others have their turn. */
#define SOCKET_READ_BYTES (32 * 1024)
/* Bytes of an address and port as text. */
#define FROM_BYTES (INET6_ADDRSTRLEN + 16)

struct socket {
    uint32_t id; /* first: the tree compares it */
    struct sockets *all;
    struct list link;
    struct list draining;  /* in sockets.draining while closing */
    uv_tcp_t *tcp;         /* NULL while it is being dialled, */
    struct dial *dial;     /* and else this is */
    struct tls *tls;       /* NULL: plain */
    char *host;            /* of a dial with TLS, until that begins */
    struct list shaking;   /* in sockets.shaking */
    char from[FROM_BYTES]; /* whom it was accepted from, while in sockets.shaking */
    uv_timer_t drain;      /* also the end of an accepted one's handshake */
    uv_shutdown_t ending;
    uv_idle_t report; /* runs while there is something in taken, or it is paused */
    size_t taken;     /* bytes of the node that the kernel took at once: to be reported */
    size_t said;      /* bytes that TLS says for itself, not yet sent */
    bool wrote;       /* something, perhaps not yet sent */
    bool known;       /* in the tree */
    bool trusted;     /* by the node: its handshake is over */
    bool opened;      /* reported to the node */
    bool heard;       /* it has sent something */
    bool paused;      /* nothing more is read from it in this round, */
    bool rests;       /* nor in later ones, as the node wishes */
    bool closing;     /* by the node, which expects no more callbacks */
    bool closed;      /* uv_close() was called */
    enum err err;     /* reported to the node at the end; OK: nothing */
    const char *why;
    unsigned holds; /* handles and requests of libuv that still point here */
};

/* --- sockets.c ------------------------------------------------------------------------- */

/* Writes the bytes (taken over), of which so many are reported as written. */
void socket_write(struct socket *s, struct buf *bytes, size_t plain);
/* It waits for its TLS handshake no more. */
void socket_settle(struct socket *s);
/* Tells the node that it has ended, unless the node has closed it. */
void socket_report(struct socket *s, enum err err);
/* Ends it at once ... */
void socket_end(struct socket *s, enum err err);
/* ... or when everything is written, for which a few wait at a time. */
void socket_drain_few(struct socket *s);

/* --- sockets_tls.c --------------------------------------------------------------------- */

/* What TLS has to say for itself is written.  The node, which bounds what it sends itself, knows
 * nothing of it. */
void socket_tls_flush(struct socket *s);
/* The same with the end of what this side says. */
void socket_tls_say_end(struct socket *s);
/* Gives the node all that was read.  Any of its callbacks may close the socket. */
void socket_tls_receive(struct socket *s);

#endif
