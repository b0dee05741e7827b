/* One TLS connection: bytes of the network in, plain bytes out, and the other way round.  It knows
 * no socket:
 *
 *     tls_feed(t, read);
 *     while ((count = tls_read(t, at, room)) > 0)
 *         ...
 *     write(tls_out(t))
 *
 * Neither side can renegotiate; a new key within a connection (TLS 1.3) is no event here. */
#ifndef COPPICE_NET_TLS_H
#define COPPICE_NET_TLS_H

#include "../node/event.h"
#include "tls_context.h"

struct tls;

enum tls_state {
    TLS_SHAKING, /* the handshake goes on */
    TLS_OPEN,
    TLS_ENDED, /* the peer has said that nothing more follows */
    TLS_FAILED /* see tls_why(); write tls_out() (an alert), then close */
};

/* A connection that was dialled, to a node on that host: the server is told the name (SNI), and
 * has to have a certificate for it if servers are verified.  tls_out() has the first message. */
struct tls *tls_new_client(struct tls_context *c, const char *host);
/* A connection that was accepted. */
struct tls *tls_new_server(struct tls_context *c);
/* NULL is allowed. */
void tls_free(struct tls *t);

enum tls_state tls_state(const struct tls *t);
/* Whether the handshake was finished, whatever came after it. */
bool tls_was_open(const struct tls *t);

/* Takes bytes of the network, borrowed until tls_read() has given 0. */
void tls_feed(struct tls *t, struct bytes read);
/* The network has ended. */
void tls_feed_end(struct tls *t);

/* Goes on with the handshake; then reads plain bytes, as many as fit.  0: there are no more, or
 * the state is no longer TLS_OPEN. */
size_t tls_read(struct tls *t, uint8_t *to, size_t room);

/* Writes plain bytes to tls_out(), in an open connection; false when it has failed. */
must_use bool tls_write(struct tls *t, struct bytes plain);

/* Says that nothing more follows (close_notify). */
void tls_end(struct tls *t);

/* Bytes for the network; the caller takes the buffer over, and leaves it empty. */
struct buf *tls_out(struct tls *t);

/* Why it has failed: text, valid until it is freed. */
const char *tls_why(const struct tls *t);

/* The names of the peer's certificate, valid until it is freed; NULL if there is none, or it was
 * not verified. */
const struct certificate *tls_peer(const struct tls *t);

#endif
