/* Ranges of bytes in a file. */
#ifndef COPPICE_DETS_DETS_EXTENTS_H
#define COPPICE_DETS_DETS_EXTENTS_H

#include <stddef.h>
#include <stdint.h>

struct dets_extent {
    uint64_t at, end;
};

/* All zero is empty. */
struct dets_extents {
    struct dets_extent *list;
    size_t count, cap;
};

void dets_extents_add(struct dets_extents *extents, uint64_t at, uint64_t bytes);
/* By position. */
void dets_extents_sort(struct dets_extents *extents);
void dets_extents_free(struct dets_extents *extents);

#endif
