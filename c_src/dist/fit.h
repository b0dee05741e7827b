/* What a peer's release can read. */
#ifndef COPPICE_DIST_FIT_H
#define COPPICE_DIST_FIT_H

#include "signal.h"

/* Fits a signal to a connection with these flags.  Without DFLAG_NATIVE_RECORDS a term with a
 * native record would end it: the reply to a call becomes {error, {bad_term,
 * unknown_type}}, a reason {bad_term, unknown_type}, in memory (empty before; the caller frees
 * it).  False for what must not be sent at all: other messages. */
bool signal_fit(struct signal *s, uint64_t flags, struct buf *memory);

#endif
