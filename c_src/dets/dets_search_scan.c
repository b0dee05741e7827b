#include "dets_collection.h"
#include "dets_search.h"

/* Whether there is a collection of this size, judging by the sizes of its objects. */
static bool fits(struct dets_search *s, uint64_t at, uint64_t size)
{
    return size > DETS_COLLECTION_BYTES && dets_within(s->file, at, size) &&
           dets_objects_fit(dets_collection_body(s->file, at, size), s->shape.type, &s->scanned);
}

/* The size of a collection, limited by the end of the file. */
static uint64_t clamp(const struct dets_search *s, uint64_t at, uint64_t size)
{
    return dets_within(s->file, at, size) ? size : s->file.len - at;
}

/* --- how far it is -------------------------------------------------------------------- */

/* In bytes of the file: `done` of the first half, by slots, or of the second, by position. */
static void tell(const struct dets_search *s, bool second, uint64_t done)
{
    if (s->progress != NULL)
        s->progress->tell(s->progress->who, done + (second ? s->file.len : 0), 2 * s->file.len);
}

static uint32_t count_segments(const struct dets_search *s)
{
    uint32_t count = 0;
    uint64_t at;
    for (uint32_t next = 0; dets_next_segment(s->file, &next, &at, NULL);)
        count++;
    return count;
}

/* --- by slots ------------------------------------------------------------------------ */

/* Whether a candidate after the first `before` is in this slot. */
static bool found_own(const struct dets_search *s, uint32_t slot, size_t before)
{
    for (size_t i = before; i < s->count; i++) {
        const struct dets_candidate *c = &s->candidates[i];
        if (!s->phash2 || dets_slot_fits(slot, (struct bytes){s->keys.at + c->key, c->key_len}))
            return true;
    }
    return false;
}

/* A collection that grew within its block may be newer than its slot, so its own size takes
 * precedence over the slot's, provided that its status is valid. */
static void search_slot(struct dets_search *s, uint32_t slot, uint64_t entry)
{
    uint64_t size = dets_u32(s->file, entry);
    uint64_t at = dets_u32(s->file, entry + DETS_POINTER_BYTES);
    if (!dets_is_aligned(at) || size <= DETS_COLLECTION_BYTES ||
        at + DETS_COLLECTION_BYTES >= s->file.len) {
        dets_faults_note(s->faults, ERR_DAMAGED, entry,
                         "slot %u points to %llu, where there cannot be a collection", slot,
                         (unsigned long long)at);
        return;
    }
    uint32_t own = dets_u32(s->file, at), status = dets_u32(s->file, at + DETS_AT_STATUS);
    bool has_status = status == DETS_ACTIVE || status == DETS_FREE;
    struct dets_site site = {.at = at, .referenced = true, .slot = slot};
    site.rank = status == DETS_FREE ? DETS_RANK_FREED : DETS_RANK_REFERENCED;
    if (has_status && fits(s, at, own)) {
        site.size = own;
        size_t before = s->count;
        (void)dets_search_intact(s, &site);
        if (!found_own(s, slot, before))
            dets_faults_note(s->faults, ERR_DAMAGED, entry,
                             "slot %u points to a collection of another slot", slot);
        /* What was freed may be the last copy of another slot's objects. */
        if (status == DETS_ACTIVE || s->count > before)
            dets_extents_add(&s->skip, at, 1ull << dets_class(own));
    } else if (fits(s, at, size)) {
        site.size = size;
        dets_faults_note(s->faults, ERR_DAMAGED, at, "a collection without a valid size or status");
        (void)dets_search_intact(s, &site);
        dets_extents_add(&s->skip, at, 1ull << dets_class(size));
    } else if (status == DETS_ACTIVE || own == size) {
        site.size = clamp(s, at, size);
        dets_search_damaged(s, &site);
        dets_extents_add(&s->skip, at, DETS_BLOCK_STEP);
    } else {
        dets_faults_note(s->faults, ERR_DAMAGED, entry, "slot %u does not point to a collection",
                         slot);
    }
}

static void search_entry(struct dets_search *s, uint32_t slot, uint64_t entry)
{
    size_t before = s->count;
    if (dets_u32(s->file, entry) == 0 && dets_u32(s->file, entry + DETS_POINTER_BYTES) == 0)
        return;
    search_slot(s, slot, entry);
    if (s->phash2 && !found_own(s, slot, before))
        dets_torn_add(&s->torn, slot);
}

/* Does not rely on Next: in a file that was not closed it may date from before the table
 * grew. */
void dets_search_slots(struct dets_search *s)
{
    uint64_t at, searched = 0, slots = (uint64_t)DETS_SEGMENT_SLOTS * count_segments(s);
    for (uint32_t next = 0; dets_next_segment(s->file, &next, &at, s->faults);) {
        for (uint32_t i = 0; i < DETS_SEGMENT_SLOTS && !dets_search_over_budget(s); i++) {
            search_entry(s, (next - 1) * DETS_SEGMENT_SLOTS + i,
                         at + (uint64_t)DETS_SLOT_BYTES * i);
            tell(s, false, s->file.len * ++searched / slots);
        }
        s->torn.slots = next * DETS_SEGMENT_SLOTS;
    }
}

/* --- by position ---------------------------------------------------------------------- */

/* Returns the number of bytes to advance.  Only intact collections are skipped: of any other,
 * the head may be all that is left, in a block that has since been reused. */
static uint64_t search_position(struct dets_search *s, uint64_t at)
{
    uint64_t size = dets_u32(s->file, at);
    uint32_t status = dets_u32(s->file, at + DETS_AT_STATUS);
    struct dets_site site = {.at = at, .size = size, .rank = DETS_RANK_ORPHAN};
    if ((status != DETS_ACTIVE && status != DETS_FREE) || size <= DETS_COLLECTION_BYTES)
        return DETS_BLOCK_STEP;
    if (status == DETS_FREE)
        site.rank = DETS_RANK_FREED;
    if (fits(s, at, size))
        return dets_search_intact(s, &site) ? 1ull << dets_class(size) : DETS_BLOCK_STEP;
    if (status == DETS_ACTIVE && at + DETS_COLLECTION_BYTES < s->file.len) {
        site.size = clamp(s, at, size);
        dets_search_damaged(s, &site);
    }
    return DETS_BLOCK_STEP;
}

void dets_search_blocks(struct dets_search *s)
{
    const struct dets_extents *skip = &s->skip;
    size_t next = 0;
    uint64_t at = DETS_AT_BLOCKS;
    dets_extents_sort(&s->skip);
    while (dets_within(s->file, at, DETS_COLLECTION_BYTES) && !dets_search_over_budget(s)) {
        while (next < skip->count && skip->list[next].end <= at)
            next++;
        if (next < skip->count && skip->list[next].at <= at)
            at = skip->list[next].end;
        else
            at += search_position(s, at);
        tell(s, true, at < s->file.len ? at : s->file.len);
    }
}
