/* One connection to a peer: bytes in, bytes out, signals in between.
 *
 * A channel knows neither sockets nor clocks.  The owner of the connection feeds it what was
 * read, takes events until it is quiet, and writes what is in its output buffer:
 *
 *     channel_feed(c, read);
 *     while ((e = channel_next(c, &signal)) != CHANNEL_QUIET && e != CHANNEL_BUSY)
 *         ...
 *     write(channel_out(c))
 *
 * A handshake message should be written by itself, since Wireshark does not recognise one that
 * shares a segment with what follows: after channel_answer(), whose challenge comes with the next
 * channel_next(), and at CHANNEL_UP. */
#ifndef COPPICE_DIST_CHANNEL_H
#define COPPICE_DIST_CHANNEL_H

#include "../err.h"
#include "handshake.h"
#include "signal.h"

struct channel;

/* The local node, as every peer sees it.  Borrowed for the life of the channel. */
struct channel_self {
    struct bytes name;   /* name@host */
    struct bytes cookie; /* text */
    uint64_t flags;      /* DFLAGS_OURS, optionally with DFLAG_PUBLISHED */
    uint32_t creation;
    /* The bytes travel inside TLS.  There, the messages of the handshake have lengths of 4 bytes,
     * as later ones do (inet_tls_dist). */
    bool tls;
};

enum channel_event {
    CHANNEL_QUIET,  /* nothing until more bytes arrive */
    CHANNEL_NAMED,  /* acceptor: the peer sent its name; channel_answer() is due */
    CHANNEL_ALIVE,  /* initiator: the peer has an older connection; channel_replace() is due */
    CHANNEL_UP,     /* the handshake is complete: flags and names are known */
    CHANNEL_SIGNAL, /* *signal is valid until the next call of channel_next() */
    CHANNEL_BUSY, /* a large message is being checked or freed, or there are ticks without end: call
                     again, after other work */
    CHANNEL_BAD   /* see channel_error(); write channel_out() (a refusal), then close */
};

/* A channel for the dialling side, with the name of the expected peer and a challenge from the
 * operating system's random source.  channel_out() has the first message. */
struct channel *channel_dial(const struct channel_self *self, struct bytes peer,
                             uint32_t challenge);

/* A channel for the accepting side. */
struct channel *channel_accept(const struct channel_self *self, uint32_t challenge);

void channel_free(struct channel *c);

/* Takes bytes read from the connection (copied). */
void channel_feed(struct channel *c, struct bytes read);
/* How many of them no event was made of yet. */
size_t channel_unread(const struct channel *c);

/* The next event in those bytes.  After CHANNEL_NAMED and CHANNEL_ALIVE nothing more is read
 * until the answer is given; after CHANNEL_BAD every call returns CHANNEL_BAD. */
enum channel_event channel_next(struct channel *c, struct signal *signal);

/* Answers CHANNEL_NAMED with OK, OK_SIMULTANEOUS, NOK, NOT_ALLOWED or ALIVE.  After NOK and
 * NOT_ALLOWED the channel is bad (ERR_STATUS); after ALIVE the handshake continues if the peer
 * answers true, else the channel is bad.  NOT_ALLOWED may also come before the peer's name. */
void channel_answer(struct channel *c, enum status status);

/* Answers CHANNEL_ALIVE: replaces the older connection, or gives up (bad). */
void channel_replace(struct channel *c, bool replace);

/* Why the channel is bad, or OK.  channel_refusal() is the status the peer sent, or STATUSES if
 * it did not refuse. */
enum err channel_error(const struct channel *c);
enum status channel_refusal(const struct channel *c);

/* The peer's name as text, valid for the life of the channel: for the initiator from the
 * start, for the acceptor from CHANNEL_NAMED on, empty before. */
struct bytes channel_peer(const struct channel *c);

/* What the node that was dialled calls itself, if that is another name; else empty. */
struct bytes channel_called(const struct channel *c);

/* From CHANNEL_UP on: the peer's creation, the flags that it announced, and those of both. */
uint32_t channel_peer_creation(const struct channel *c);
uint64_t channel_announced(const struct channel *c);
uint64_t channel_flags(const struct channel *c);
bool channel_is_up(const struct channel *c);

/* Queues a signal on an up channel; a large one is kept, in parts that channel_fill() moves to
 * channel_out() (outgoing.h).  One that the peer does not know (control_can_write()) is dropped, as
 * a BEAM does: what it asked for is left to the end of the connection. */
void channel_send(struct channel *c, const struct signal *signal);

/* Moves parts of large signals to channel_out() until that has about so many bytes. */
void channel_fill(struct channel *c, size_t bytes);
/* The bytes that are kept; those of the largest signal. */
size_t channel_kept(const struct channel *c);
size_t channel_largest(const struct channel *c);

/* Queues a tick. */
void channel_tick(struct channel *c);

/* Bytes to be written, oldest first.  The caller drops what it has written, or takes the
 * buffer over and leaves it empty. */
struct buf *channel_out(struct channel *c);

/* Ends the process if an invariant is broken. */
void channel_check(const struct channel *c);

#endif
