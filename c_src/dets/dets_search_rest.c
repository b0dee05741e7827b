#include <stdlib.h>

#include "dets_collection.h"
#include "dets_search.h"

static struct bytes body_at(struct bytes file, uint64_t at, uint64_t size)
{
    return (struct bytes){file.at + at + DETS_COLLECTION_BYTES, size - DETS_COLLECTION_BYTES};
}

/* Whether a collection of this size stands there, going by its objects' sizes. */
static bool fits(struct dets_search *s, uint64_t at, uint64_t size)
{
    return size > DETS_COLLECTION_BYTES && dets_within(s->file, at, size) &&
           dets_objects_fit(body_at(s->file, at, size), s->shape.type, &s->looks);
}

static uint64_t cut(const struct dets_search *s, uint64_t at, uint64_t size)
{
    return dets_within(s->file, at, size) ? size : s->file.len - at;
}

/* --- by slots ------------------------------------------------------------------------ */

/* A collection that grew in its block is newer than its slot, so that its own
 * size goes before that of the slot; without a status it has no size of its own. */
static void search_slot(struct dets_search *s, uint32_t slot, uint64_t entry)
{
    uint64_t size = dets_number(s->file, entry);
    uint64_t at = dets_number(s->file, entry + DETS_POINTER_BYTES);
    if (size == 0 && at == 0)
        return;
    if (at < DETS_AT_BLOCKS || (at - DETS_AT_BLOCKS) % DETS_BLOCK_STEP != 0 ||
        size <= DETS_COLLECTION_BYTES || at + DETS_COLLECTION_BYTES >= s->file.len) {
        dets_faults_note(s->faults, ERR_DAMAGED, entry,
                         "slot %u points to %llu, where no collection can be", slot,
                         (unsigned long long)at);
        return;
    }
    uint32_t own = dets_number(s->file, at), status = dets_number(s->file, at + DETS_AT_STATUS);
    bool marked = status == DETS_ACTIVE || status == DETS_FREE;
    struct dets_site site = {.at = at, .pointed = true, .slot = slot};
    site.rank = status == DETS_FREE ? DETS_FREED : DETS_POINTED;
    if (marked && fits(s, at, own)) {
        site.size = own;
        (void)dets_search_sound(s, &site);
        dets_search_know(s, at, 1ull << dets_class(own));
    } else if (fits(s, at, size)) {
        site.size = size;
        dets_faults_note(s->faults, ERR_DAMAGED, at, "a collection whose size or status is lost");
        (void)dets_search_sound(s, &site);
        dets_search_know(s, at, 1ull << dets_class(size));
    } else if (status == DETS_ACTIVE || own == size) {
        site.size = cut(s, at, size);
        dets_search_broken(s, &site);
        dets_search_know(s, at, DETS_BLOCK_STEP);
    } else {
        dets_faults_note(s->faults, ERR_DAMAGED, entry, "slot %u points to no collection", slot);
    }
}

/* Next is not asked: in a file that was not closed it may be from before the
 * table grew. */
void dets_search_slots(struct dets_search *s)
{
    uint64_t at;
    for (uint32_t next = 0; dets_next_segment(s->file, &next, &at, s->faults);)
        for (uint32_t i = 0; i < DETS_SEGMENT_SLOTS && !dets_search_is_over(s); i++)
            search_slot(s, (next - 1) * DETS_SEGMENT_SLOTS + i, at + (uint64_t)DETS_SLOT_BYTES * i);
}

/* --- by position ---------------------------------------------------------------------- */

static int compare_extents(const void *left, const void *right)
{
    const struct dets_extent *a = left, *b = right;
    return (a->at > b->at) - (a->at < b->at);
}

/* The search goes on behind as many bytes as this returns.  Only what is whole is
 * passed over: the head of a collection may be all that is left of it, in a
 * block that others have been placed in since. */
static uint64_t search_position(struct dets_search *s, uint64_t at)
{
    uint64_t size = dets_number(s->file, at);
    uint32_t status = dets_number(s->file, at + DETS_AT_STATUS);
    struct dets_site site = {.at = at, .size = size, .rank = DETS_FOUND};
    if ((status != DETS_ACTIVE && status != DETS_FREE) || size <= DETS_COLLECTION_BYTES)
        return DETS_BLOCK_STEP;
    if (status == DETS_FREE)
        site.rank = DETS_FREED;
    if (fits(s, at, size))
        return dets_search_sound(s, &site) ? 1ull << dets_class(size) : DETS_BLOCK_STEP;
    if (status == DETS_ACTIVE && at + DETS_COLLECTION_BYTES < s->file.len) {
        site.size = cut(s, at, size);
        dets_search_broken(s, &site);
    }
    return DETS_BLOCK_STEP;
}

void dets_search_rest(struct dets_search *s)
{
    size_t next = 0, known = s->known_count;
    if (known > 0)
        qsort(s->known, known, sizeof(*s->known), compare_extents);
    uint64_t at = DETS_AT_BLOCKS;
    while (dets_within(s->file, at, DETS_COLLECTION_BYTES) && !dets_search_is_over(s)) {
        while (next < known && s->known[next].end <= at)
            next++;
        if (next < known && s->known[next].at <= at)
            at = s->known[next].end;
        else
            at += search_position(s, at);
    }
}
