/* Bytes that several hold at once: a large message that is sent to many, or many times, is not
 * copied for each. */
#ifndef COPPICE_TERM_SHARED_H
#define COPPICE_TERM_SHARED_H

#include "bytes.h"

struct shared;

/* Takes over the content of the buffer, and leaves it empty.  The caller is the first holder. */
struct shared *shared_new(struct buf *content);

/* One holder more; returns s. */
struct shared *shared_hold(struct shared *s);

/* One holder less; the last one frees it.  NULL is allowed. */
void shared_release(struct shared *s);

/* Valid, and unchanged, as long as anybody holds it. */
struct bytes shared_bytes(const struct shared *s);

/* A part of shared bytes, borrowed from a holder; all zero is none. */
struct share {
    struct shared *of;
    struct bytes part;
};

#endif
