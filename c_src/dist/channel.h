/* One peer: its bytes in, our bytes out, signals between.
 *
 * A channel knows nothing of sockets and clocks.  Whoever owns the connection
 * feeds it what was read, asks it for events until it is quiet, and writes
 * what it left in its outgoing buffer:
 *
 *     channel_feed(c, read);
 *     while ((e = channel_next(c, &signal)) != CHANNEL_QUIET)
 *         ...
 *     write(channel_out(c)) */
#ifndef COPPICE_DIST_CHANNEL_H
#define COPPICE_DIST_CHANNEL_H

#include "../err.h"
#include "handshake.h"
#include "signal.h"

struct channel;

/* Who we are to every peer.  Borrowed for as long as the channel lives. */
struct channel_self {
    struct bytes name;   /* name@host */
    struct bytes cookie; /* text */
    uint64_t flags;      /* DFLAGS_OURS, perhaps with DFLAG_PUBLISHED */
    uint32_t creation;
};

enum channel_event {
    CHANNEL_QUIET,  /* nothing until more bytes come */
    CHANNEL_NAMED,  /* acceptor: the peer has named itself; channel_answer() is due */
    CHANNEL_ALIVE,  /* initiator: the peer has an older connection of ours up;
                     * channel_replace() is due */
    CHANNEL_UP,     /* the handshake is done: flags and names are known */
    CHANNEL_SIGNAL, /* *signal is good until the next call on this channel */
    CHANNEL_BAD     /* over: channel_error() says why; what is in channel_out()
                     * (a refusal) is still to be written, then close */
};

/* The side that dials: the name it expects to find, and a challenge from the
 * operating system's random source.  channel_out() holds the first message. */
struct channel *channel_dial(const struct channel_self *self, struct bytes peer,
                             uint32_t challenge);

/* The side that was dialled. */
struct channel *channel_accept(const struct channel_self *self, uint32_t challenge);

void channel_free(struct channel *c);

/* Takes bytes that were read from the connection (copied). */
void channel_feed(struct channel *c, struct bytes read);

/* The next thing that those bytes mean.  After CHANNEL_NAMED and
 * CHANNEL_ALIVE nothing more is read until the answer was given; after
 * CHANNEL_BAD it is CHANNEL_BAD for ever. */
enum channel_event channel_next(struct channel *c, struct signal *signal);

/* Answers CHANNEL_NAMED with OK, OK_SIMULTANEOUS, NOK, NOT_ALLOWED or ALIVE.
 * After NOK and NOT_ALLOWED the channel is bad (ERR_STATUS); after ALIVE the
 * handshake goes on when the peer says true, else it is bad. */
void channel_answer(struct channel *c, enum status status);

/* Answers CHANNEL_ALIVE: replace the older connection, or give up (bad). */
void channel_replace(struct channel *c, bool replace);

/* Why the channel is bad; OK when it is not.  channel_refusal is the status that the
 * peer gave, or STATUSES where the peer did not refuse. */
enum err channel_error(const struct channel *c);
enum status channel_refusal(const struct channel *c);

/* The peer's name as text (good as long as the channel): for the initiator
 * from the start, for the acceptor from CHANNEL_NAMED on, empty before. */
struct bytes channel_peer(const struct channel *c);

/* From CHANNEL_UP on: the peer's creation, and the flags of both sides. */
uint32_t channel_peer_creation(const struct channel *c);
uint64_t channel_flags(const struct channel *c);
bool channel_is_up(const struct channel *c);

/* Queues a signal for an up channel.  A SIGNAL_ALIAS_SEND needs ALIAS or
 * ALTACT_SIG among the flags (must). */
void channel_send(struct channel *c, const struct signal *signal);

/* Queues a tick. */
void channel_tick(struct channel *c);

/* What is to be written, oldest first; the caller drops, or takes over and
 * leaves empty, what it has written. */
struct buf *channel_out(struct channel *c);

#endif
