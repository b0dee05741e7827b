#include "dets_search.h"

#include "../mem.h"
#include "../term/head.h"
#include "../term/phash2.h"
#include "dets_collection.h"

/* The smallest object, {[]}, with its size field. */
#define OBJECT_BYTES_MIN 8

bool dets_search_over_budget(const struct dets_search *s)
{
    return s->scanned > s->scanned_max || s->count > s->file.len / OBJECT_BYTES_MIN;
}

/* Whatever the size of the table, slot I only holds hashes equal to I modulo the next power of
 * two, which is at least 256. */
bool dets_slot_fits(uint32_t slot, struct bytes key)
{
    uint32_t size = DETS_SEGMENT_SLOTS;
    while (size <= slot)
        size *= 2;
    return phash2(key) % size == slot;
}

/* Sets the rank of an object with this key.  False if it is old. */
static bool rank_of(const struct dets_search *s, const struct dets_site *site, struct bytes key,
                    enum dets_rank *rank)
{
    bool fits = !s->phash2 || dets_slot_fits(site->slot, key);
    *rank = site->rank;
    if (site->rank == DETS_RANK_REFERENCED && site->referenced && !fits)
        *rank = DETS_RANK_ORPHAN; /* another key's slot points to it */
    if (site->rank != DETS_RANK_FREED || (site->referenced && fits))
        return true;
    *rank = DETS_RANK_ABANDONED;
    return !site->referenced && dets_torn_find(&s->torn, key) != NULL;
}

/* Keeps the object if it is intact and not old. */
static enum err take(struct dets_search *s, const struct dets_site *site, struct bytes object)
{
    size_t start = s->keys.len;
    enum err e = dets_object_check(object, &s->scanned);
    if (e == OK)
        e = dets_key(&s->keys, object, s->shape.keypos);
    if (e != OK)
        return e;
    struct bytes key = bytes_after(buf_bytes(&s->keys), start);
    enum dets_rank rank;
    if (!rank_of(s, site, key, &rank)) {
        s->keys.len = start;
        return OK;
    }
    s->candidates = mem_room(s->candidates, s->count, &s->cap, sizeof(*s->candidates));
    s->candidates[s->count++] = (struct dets_candidate){object, start, key.len, site->at, rank};
    return OK;
}

bool dets_search_intact(struct dets_search *s, const struct dets_site *site)
{
    struct bytes object, body = dets_collection_body(s->file, site->at, site->size);
    struct dets_objects o = dets_objects(body, s->shape.type);
    bool intact = true;
    while (!dets_search_over_budget(s) && dets_objects_next(&o, &object)) {
        enum err e = take(s, site, object);
        intact = intact && e == OK;
        if (e != OK && (site->referenced || site->rank != DETS_RANK_FREED))
            dets_faults_note(s->faults, ERR_DAMAGED, (uint64_t)(object.at - s->file.at),
                             "an object of %zu bytes that cannot be read: %s", object.len,
                             err_text(e));
    }
    return intact;
}

/* Whether the next collection starts here; never within one that a slot points to. */
static bool is_next(const struct dets_search *s, const struct dets_site *site, uint64_t at)
{
    if (site->referenced || (at - site->at) % DETS_BLOCK_STEP != 0 ||
        !dets_within(s->file, at, DETS_COLLECTION_BYTES))
        return false;
    uint32_t status = dets_u32(s->file, at + DETS_AT_STATUS);
    return status == DETS_ACTIVE || status == DETS_FREE;
}

void dets_search_damaged(struct dets_search *s, const struct dets_site *site)
{
    struct bytes b = dets_collection_body(s->file, site->at, site->size);
    const uint8_t *at = b.at, *end = b.at + b.len;
    size_t before = s->count;
    while (end - at >= OBJECT_BYTES_MIN && !dets_search_over_budget(s) &&
           !is_next(s, site, (uint64_t)(at - s->file.at))) {
        uint64_t size = head_number(at, DETS_SIZE_BYTES);
        struct bytes object = {at + DETS_SIZE_BYTES, size - DETS_SIZE_BYTES};
        bool found = size >= OBJECT_BYTES_MIN && size <= (uint64_t)(end - at) &&
                     *object.at == TAG_VERSION && take(s, site, object) == OK;
        at += found ? size : 1;
    }
    s->scanned += (uint64_t)(at - b.at);
    dets_faults_note(s->faults, ERR_DAMAGED, site->at,
                     "a collection of %llu bytes with inconsistent sizes; found %zu objects in it",
                     (unsigned long long)site->size, s->count - before);
}
