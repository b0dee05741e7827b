/* What was stored before a segment of a journal.  It stands in the segment's header, and lets a
 * journal prove that it has everything, so that a replica can do without its table:
 *
 *     nothing          nothing at all; also in a merged segment, which has the whole state
 *     table            what is in the table
 *     {N, Sequence}    segment N up to that record, and what was before that
 *
 * Nothing else can prove it: segments are removed by saves, and numbers then start at 1 again. */
#ifndef COPPICE_STORE_BEFORE_H
#define COPPICE_STORE_BEFORE_H

#include "../term/bytes.h"

enum before_kind {
    BEFORE_UNKNOWN, /* an older header, or one that cannot be read */
    BEFORE_NOTHING,
    BEFORE_TABLE,
    BEFORE_SEGMENT
};

struct before {
    enum before_kind kind;
    uint64_t number, sequence; /* of BEFORE_SEGMENT */
};

/* Appends the term. */
void before_put(struct buf *out, const struct before *before);

/* Reads a canonical term; BEFORE_UNKNOWN if it is none of these. */
struct before before_read(struct bytes term);

#endif
