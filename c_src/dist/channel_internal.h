/* A channel's state, shared by channel.c and channel_handshake.c. */
#ifndef COPPICE_DIST_CHANNEL_INTERNAL_H
#define COPPICE_DIST_CHANNEL_INTERNAL_H

#include "channel.h"
#include "control.h"

enum state {
    DIAL_STATUS,    /* waits for the peer's status */
    DIAL_ALIVE,     /* waits for channel_replace() */
    DIAL_CHALLENGE, /* waits for the peer's challenge */
    DIAL_ACK,       /* waits for the peer's digest */
    ACCEPT_NAME,    /* waits for the peer's name */
    ACCEPT_NAMED,   /* waits for channel_answer() */
    ACCEPT_OK,      /* channel_next() sends the challenge */
    ACCEPT_ALIVE,   /* waits for the peer to confirm the replacement */
    ACCEPT_REPLY,   /* waits for the peer's challenge and digest */
    UP,
    BAD,
    STATES
};

/* consumed counts the bytes at the front of in that were read already.  They are dropped when
 * more bytes are fed: slices of the last signal stay valid until then, and many small frames
 * cost one move. */
struct channel {
    const struct channel_self *self;
    enum state state;
    enum err err;
    enum status refusal;
    uint32_t challenge; /* ours */
    uint32_t creation;  /* the peer's */
    uint64_t announced; /* the peer's flags */
    uint64_t flags;     /* negotiated */
    struct buf peer;    /* its name */
    struct buf called;  /* by itself, where that is not the one dialled */
    struct buf in, out;
    size_t consumed;
    struct buf scratch; /* canonical terms of the last signal */
    struct fragments *fragments;
    struct outgoing *outgoing;
    /* A message that is checked in several steps.  One that did not come in fragments is in what
     * was `in` before. */
    bool checking;
    struct control control;
    struct buf checked_in;
};

/* Sets the error. */
enum channel_event channel_bad(struct channel *c, enum err e);

/* --- channel_handshake.c */

/* Whether a message of the handshake is due, rather than an answer of the owner. */
bool channel_awaits_message(const struct channel *c);
/* Takes one message of the handshake.  CHANNEL_QUIET means "continue". */
enum channel_event channel_handshake(struct channel *c, struct bytes message);
struct hello channel_hello(const struct channel_self *self);
void channel_send_challenge(struct channel *c);
void channel_send_status(struct channel *c, enum status status);
/* Before each message of the handshake: of a length of 4 bytes, inside TLS, the first two are
 * zero. */
void channel_widen(struct channel *c);

#endif
