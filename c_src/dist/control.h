/* Control messages: one table of rows from which reading, writing and the
 * names in log lines all follow.
 *
 * Source: erl_dist_protocol, "Protocol between Connected Nodes"; numbers 37
 * from OTP 28's erts/emulator/beam/dist.h. */
#ifndef COPPICE_DIST_CONTROL_H
#define COPPICE_DIST_CONTROL_H

#include "../err.h"
#include "signal.h"

/* Reads one message: the control tuple and, for those that have one, the
 * payload behind it.  terms is what stands in a frame behind its header,
 * without version bytes between the terms where versioned is false, with one
 * (131) in front of each where it is true ('p' frames).  Everything is checked here (etf_check),
 * and the control message's terms are made canonical in scratch, from which
 * the signal's slices borrow; the payload borrows from terms.
 *
 * Refused as ERR_CONTROL: unknown numbers, wrong arity or types, a payload
 * where none belongs or none where one does.  Trace tokens are skipped. */
must_use enum err control_read(struct bytes terms, bool versioned, struct buf *scratch,
                               struct signal *signal);

/* Appends the control tuple and payload that say signal to a peer with these
 * negotiated flags: 22 or 2 for SEND, 37, 33 or 22/2 for ALIAS_SEND (an alias
 * signal needs `to` as reference; without ALIAS or ALTACT_SIG the caller sends to the pid
 * instead: must), 24 or 3, 26 or 8, 28 or 21 with the reason as payload or in the tuple. */
void control_write(struct buf *out, const struct signal *signal, uint64_t flags, bool versioned);

/* "REG_SEND", "MONITOR", ... for log lines. */
const char *signal_name(enum signal_kind kind);

#endif
