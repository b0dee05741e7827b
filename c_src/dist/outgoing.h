/* What one connection has to send: large messages give way to small ones.
 *
 * A payload of more than LIMIT_FRAGMENT_BYTES is sent in fragments, if the peer has agreed to that.
 * They are moved to the outgoing bytes only as the socket drains, one of each message in turn, and
 * other signals pass between them.  Signals from one process to another keep their order: one that
 * may have the sender and the receiver of a message that is not sent yet waits behind it, in its
 * stream.  A registered name may be that of any receiver, and a name as the sender (MONITOR_EXIT)
 * of any sender.
 *
 * Source: erl_dist_protocol, "Distribution Fragments"; erlang, "Delivery of Signals". */
#ifndef COPPICE_DIST_OUTGOING_H
#define COPPICE_DIST_OUTGOING_H

#include "signal.h"

struct outgoing;
struct outgoing *outgoing_new(void);
void outgoing_free(struct outgoing *o);

/* Appends a signal to out as one frame, for a peer with these flags, or keeps a copy of it, and
 * holds what it shares. */
void outgoing_send(struct outgoing *o, const struct signal *signal, uint64_t flags,
                   struct buf *out);

/* Moves what is kept to out until out has about so many bytes. */
void outgoing_fill(struct outgoing *o, size_t bytes, struct buf *out);

/* The bytes that are kept, and those of the largest message among the next ones to be sent. */
size_t outgoing_kept(const struct outgoing *o);
size_t outgoing_largest(const struct outgoing *o);

/* Ends the process if an invariant is broken. */
void outgoing_check(const struct outgoing *o);

#endif
