/* Control messages.  Reading, writing and the names in log lines all follow from one table of
 * rows.
 *
 * Source: erl_dist_protocol, "Protocol between Connected Nodes"; numbers 37 from OTP 28's
 * erts/emulator/beam/dist.h. */
#ifndef COPPICE_DIST_CONTROL_H
#define COPPICE_DIST_CONTROL_H

#include "../err.h"
#include "../term/etf.h"
#include "signal.h"

/* Reads one message: the control tuple and the payload, if there is one.  terms is what follows
 * the header of a frame; if versioned, a version byte (131) precedes each term ('p' frames).
 * All terms are checked here (etf_check).  Where those of the control tuple are not canonical,
 * they are made so in scratch.  The signal's slices borrow from there and from terms.  Terms that
 * this node does not accept: signal.h.
 *
 * ERR_CONTROL: an unknown number, a wrong arity or type, a missing or an unexpected payload;
 * ERR_SHORT, ERR_TAG, ERR_SHAPE: the end of a term cannot be found (etf_length); ERR_TRAILING.
 * Trace tokens are skipped. */
must_use enum err control_read(struct bytes terms, bool versioned, struct buf *scratch,
                               struct signal *signal);

/* The same in several steps, so that a payload of any size is checked in small ones: opened with
 * the control tuple alone, then checked until that is true, then finished.  terms and scratch must
 * stay where they are meanwhile.  Errors as above, from the first or the last. */
struct control {
    size_t row;           /* which of the table's */
    struct signal signal; /* without the payload */
    struct bytes payload;
    bool checked, cut;
    enum err unfit;
    struct etf_check check;
    struct etf_length length; /* of one that is unfit, */
    enum err endless;         /* and why its end cannot be found */
};
must_use enum err control_open(struct control *c, struct bytes terms, bool versioned,
                               struct buf *scratch);
bool control_check(struct control *c, size_t bytes);
/* Instead of a check: the payload is only its beginning, and is refused with ERR_LIMIT. */
void control_cut(struct control *c);
must_use enum err control_finish(const struct control *c, struct buf *scratch,
                                 struct signal *signal);

/* Whether a peer with these negotiated flags knows such a signal, in whatever form.  Peers that
 * are no BEAM close the connection on a number that they do not know, so they are not sent it:
 * MONITOR, DEMONITOR and MONITOR_EXIT need both DIST_MONITOR and DIST_MONITOR_NAME; ALIAS_SEND
 * needs ALIAS or ALTACT_SIG; UNLINK_ID and its acknowledgement need UNLINK_ID. */
bool control_can_write(enum signal_kind kind, uint64_t flags);

/* Appends the control tuple and the payload of a signal that control_can_write(): 22 or 2 for
 * SEND; 37 or 33 for ALIAS_SEND, with the reference as `to`; 24 or 3, 26 or 8, 28 or 21 with the
 * reason as payload or in the tuple. */
void control_write(struct buf *out, const struct signal *signal, uint64_t flags, bool versioned);

/* Whether the payload or reason follows the control tuple.  Appends only that tuple, and returns
 * what follows it, up to the signal's rest. */
bool control_has_payload(const struct signal *signal, uint64_t flags);
struct bytes control_put(struct buf *out, const struct signal *signal, uint64_t flags,
                         bool versioned);

/* "REG_SEND", "MONITOR" etc. for log lines. */
const char *signal_name(enum signal_kind kind);

#endif
