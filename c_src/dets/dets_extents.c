#include "dets_extents.h"

#include <stdlib.h>

#include "../mem.h"

void dets_extents_add(struct dets_extents *e, uint64_t at, uint64_t bytes)
{
    e->list = mem_room(e->list, e->count, &e->cap, sizeof(*e->list));
    e->list[e->count++] = (struct dets_extent){at, at + bytes};
}

static int by_position(const void *left, const void *right)
{
    const struct dets_extent *a = left, *b = right;
    return (a->at > b->at) - (a->at < b->at);
}

void dets_extents_sort(struct dets_extents *e)
{
    if (e->count > 0)
        qsort(e->list, e->count, sizeof(*e->list), by_position);
}

void dets_extents_free(struct dets_extents *e)
{
    mem_free(e->list);
    *e = (struct dets_extents){0};
}
