/* Two nodes that dial each other at the same time: which of the connections is kept.  Private to
 * cluster/.
 *
 * Each side sees the two attempts in an order of its own, and may drop only what the other one
 * drops, too.  What an attempt that is not open may become is not known to the peer. */
#ifndef COPPICE_CLUSTER_SIMULTANEOUS_H
#define COPPICE_CLUSTER_SIMULTANEOUS_H

#include "internal.h"

/* Whether another connection is in the handshake under that name: its peer has dialled, and was let
 * in.  It drops that attempt once it hears of ours, so ours waits a little (LIMIT_LET_IN_MS). */
bool link_is_connecting(const struct connection *x, struct bytes name);
/* Whether the peer may take our attempt for connected at any moment: it has our answer to its
 * challenge. */
bool link_is_answered(const struct connection *attempt);
/* The answer to a peer that has named itself.
 *
 * Both may have dialled at the same time; then the one whose name is greater in
 * the order of atoms keeps its own attempt.  The other one says so, but goes on with its own
 * until it is up: whoever names itself so far has not shown the cookie.  An older connection that
 * is still up may be a restarted node's: the peer decides whether it is (erl_dist_protocol;
 * kernel's net_kernel.erl, accept_pending). */
enum status link_status(const struct connection *x);
/* Whether the accepted connection x, whose peer has shown the cookie, goes for the sake of our own
 * attempt.  Each side may see another one of the two finished first: so both keep that of the
 * greater name. */
bool link_yields(const struct connection *x, const struct peer *p);

#endif
