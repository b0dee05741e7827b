#include "dets_torn.h"

#include <stdlib.h>

#include "../err.h"
#include "../mem.h"
#include "../term/phash2.h"
#include "layout.h"

void dets_torn_add(struct dets_torn *torn, uint32_t slot)
{
    must(torn->count == 0 || torn->list[torn->count - 1].slot < slot);
    torn->list = mem_room(torn->list, torn->count, &torn->cap, sizeof(*torn->list));
    torn->list[torn->count++] = (struct dets_torn_slot){.slot = slot};
}

/* "From key to slot" in docs/dets-format.md, for a table of this many slots. */
static uint32_t slot_of(uint32_t slots, struct bytes key)
{
    uint32_t hash = phash2(key), m = DETS_SEGMENT_SLOTS;
    while (slots / 2 >= m)
        m *= 2;
    uint32_t slot = hash % m;
    return slot < slots - m ? hash % (2 * m) : slot;
}

static int by_slot(const void *left, const void *right)
{
    const struct dets_torn_slot *a = left, *b = right;
    return (a->slot > b->slot) - (a->slot < b->slot);
}

struct dets_torn_slot *dets_torn_find(const struct dets_torn *torn, struct bytes key)
{
    if (torn->count == 0)
        return NULL;
    must(torn->slots >= DETS_SEGMENT_SLOTS);
    struct dets_torn_slot wanted = {.slot = slot_of(torn->slots, key)};
    return bsearch(&wanted, torn->list, torn->count, sizeof(wanted), by_slot);
}

void dets_torn_free(struct dets_torn *torn)
{
    mem_free(torn->list);
    *torn = (struct dets_torn){0};
}
