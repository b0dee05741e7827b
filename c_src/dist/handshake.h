/* The handshake, version 6: two nodes exchange names and prove to each other that they know
 * the same cookie without sending it.
 *
 *     initiator                              acceptor
 *     N flags creation name          ->
 *                                    <-      s status
 *     (s true or s false, after alive ->)
 *                                    <-      N flags challenge creation name
 *     r challenge digest             ->
 *                                    <-      a digest
 *
 * A digest is the MD5 of the cookie and the other side's challenge in decimal.  This module
 * builds and parses messages; their order is up to channel.h, and who may connect to the
 * channel's owner.
 *
 * Source: erl_dist_protocol, "Distribution Handshake". */
#ifndef COPPICE_DIST_HANDSHAKE_H
#define COPPICE_DIST_HANDSHAKE_H

#include "../err.h"
#include "../term/bytes.h"

#define DIGEST_BYTES 16

/* The content of a status message. */
enum status {
    STATUS_OK,
    STATUS_OK_SIMULTANEOUS, /* both dialled; this connection is kept */
    STATUS_NOK,             /* both dialled; the acceptor's own attempt is kept */
    STATUS_NOT_ALLOWED,
    STATUS_ALIVE, /* an older connection under that name is up: replace it? */
    STATUS_TRUE,  /* the answers to alive */
    STATUS_FALSE,
    STATUSES
};

struct hello {
    uint64_t flags;
    uint32_t creation;
    struct bytes name; /* borrowed from the message; empty: asks for a name */
};

/* Each put appends one message with its 2-byte length; each read takes a message without it
 * and refuses anything else (ERR_SHORT, ERR_SHAPE, ERR_VERSION, ERR_NAME, ERR_FLAGS).
 * Trailing bytes after the name are allowed, as the protocol says. */
void put_name(struct buf *out, const struct hello *self);
must_use enum err read_name(struct bytes message, struct hello *peer);

void put_status(struct buf *out, enum status status);
/* *status is STATUSES for an unknown text (ERR_STATUS). */
must_use enum err read_status(struct bytes message, enum status *status);
/* "ok_simultaneous" etc., as on the wire. */
const char *status_text(enum status status);

void put_challenge(struct buf *out, const struct hello *self, uint32_t challenge);
must_use enum err read_challenge(struct bytes message, struct hello *peer, uint32_t *challenge);

void put_reply(struct buf *out, uint32_t challenge, const uint8_t digest[DIGEST_BYTES]);
must_use enum err read_reply(struct bytes message, uint32_t *challenge,
                             uint8_t digest[DIGEST_BYTES]);

void put_ack(struct buf *out, const uint8_t digest[DIGEST_BYTES]);
must_use enum err read_ack(struct bytes message, uint8_t digest[DIGEST_BYTES]);

void digest_make(uint8_t digest[DIGEST_BYTES], struct bytes cookie, uint32_t challenge);

/* In constant time. */
bool digest_equal(const uint8_t a[DIGEST_BYTES], const uint8_t b[DIGEST_BYTES]);

/* `name@host`: one '@', neither part empty, valid UTF-8, at most LIMIT_ATOM_CHARS characters,
 * no control characters. */
bool node_name_valid(struct bytes name);

#endif
