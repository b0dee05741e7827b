/* The free lists of a DETS file: its blocks that nothing is in. */
#ifndef COPPICE_DETS_DETS_FREE_H
#define COPPICE_DETS_DETS_FREE_H

#include "dets_header.h"

/* Reading: one block after the other, by class and then by position.
 *
 *     struct dets_free f = dets_free(file, header.free_lists);
 *     while (dets_free_next(&f, &block, &fault))
 *         ...
 *
 * ends behind the last block, or with the error set and a fault: ERR_DAMAGED. */
struct dets_free {
    struct bytes file;
    uint64_t at, record_end;
    unsigned class;
    uint64_t last; /* the position before, of this class */
    enum err err;
};

struct dets_block {
    uint64_t at;
    unsigned class; /* log2 of its bytes */
};

struct dets_free dets_free(struct bytes file, uint32_t at);
bool dets_free_next(struct dets_free *free, struct dets_block *block, struct dets_fault *fault);

/* Appends the lists of a table whose blocks fill all from base to end and
 * nothing behind, with the record that ends them. */
void dets_free_put(struct buf *out, uint64_t base, uint64_t end);

#endif
