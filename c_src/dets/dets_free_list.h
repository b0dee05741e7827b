/* The free lists of a DETS file: its unused blocks. */
#ifndef COPPICE_DETS_DETS_FREE_LIST_H
#define COPPICE_DETS_DETS_FREE_LIST_H

#include "dets_header.h"

/* Iterates over the free blocks, by class and then by position:
 *
 *     struct dets_free_list f = dets_free_list(file, header.free_lists);
 *     while (dets_free_list_next(&f, &block, &fault))
 *         ...
 *
 * ends after the last block, or with err and a fault set: ERR_DAMAGED. */
struct dets_free_list {
    struct bytes file;
    uint64_t at, record_end;
    unsigned class;
    uint64_t last; /* the previous position in this class */
    enum err err;
};

struct dets_block {
    uint64_t at;
    unsigned class; /* log2 of its size in bytes */
};

struct dets_free_list dets_free_list(struct bytes file, uint32_t at);
bool dets_free_list_next(struct dets_free_list *free, struct dets_block *block,
                         struct dets_fault *fault);

/* Appends the free lists, with their end record, of a table whose blocks fill everything from
 * base to end and nothing after it. */
void dets_free_list_put(struct buf *out, uint64_t base, uint64_t end);

#endif
