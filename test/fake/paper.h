/* The editing trace of a real paper, test/vectors/crdt/paper.gz: insertions and removals of single
 * characters by one author. */
#ifndef FAKE_PAPER_H
#define FAKE_PAPER_H

#include "term/bytes.h"

struct paper {
    size_t count;              /* of edits */
    uint32_t *at;              /* the index of each */
    const uint8_t *characters; /* its character; NUL for a removal */
    struct bytes end;          /* the final text */
    struct buf unpacked;       /* owns the bytes above */
};

/* From the content of the file; the caller closes it. */
void paper_open(struct paper *t, struct bytes packed);
void paper_close(struct paper *t);

#endif
