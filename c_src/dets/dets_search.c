#include "dets_search.h"

#include <stdlib.h>

#include "../mem.h"
#include "../term/head.h"
#include "../term/phash2.h"
#include "dets_collection.h"

/* Bytes of the least object with its size: {[]}. */
#define OBJECT_BYTES_MIN 8

bool dets_search_is_over(const struct dets_search *s)
{
    return s->looks > s->looks_max || s->count > s->file.len / OBJECT_BYTES_MIN;
}

void dets_search_know(struct dets_search *s, uint64_t at, uint64_t bytes)
{
    s->known = mem_room(s->known, s->known_count, &s->known_cap, sizeof(*s->known));
    s->known[s->known_count++] = (struct dets_extent){at, at + bytes};
}

/* In a table of any size slot I holds only hashes that are I modulo the next
 * power of two, and modulo the first 256 at least. */
bool dets_slot_fits(uint32_t slot, struct bytes key)
{
    uint32_t size = DETS_SEGMENT_SLOTS;
    while (size <= slot)
        size *= 2;
    return phash2(key) % size == slot;
}

/* How much an object with this key counts.  One that stands where another key's
 * slot points counts as found by chance. */
static enum dets_rank rank_of(const struct dets_search *s, const struct dets_site *site,
                              struct bytes key)
{
    bool own = !site->pointed || !s->phash2 || dets_slot_fits(site->slot, key);
    return site->rank == DETS_POINTED && !own ? DETS_FOUND : site->rank;
}

static bool is_past(const struct dets_search *s, const struct dets_site *site, struct bytes key)
{
    return site->rank == DETS_FREED &&
           !(site->pointed && (!s->phash2 || dets_slot_fits(site->slot, key)));
}

/* Keeps the object when it is whole, and not from the past. */
static enum err take(struct dets_search *s, const struct dets_site *site, struct bytes object)
{
    size_t start = s->keys.len;
    enum err e = dets_object_check(object, &s->looks);
    if (e == OK)
        e = dets_key(&s->keys, object, s->shape.keypos);
    if (e != OK)
        return e;
    struct bytes key = {s->keys.at + start, s->keys.len - start};
    if (is_past(s, site, key)) {
        s->keys.len = start;
        return OK;
    }
    s->finds = mem_room(s->finds, s->count, &s->cap, sizeof(*s->finds));
    s->finds[s->count++] =
        (struct dets_find){object, start, key.len, site->at, rank_of(s, site, key)};
    return OK;
}

static struct bytes body(const struct dets_search *s, const struct dets_site *site)
{
    must(site->size > DETS_COLLECTION_BYTES && dets_within(s->file, site->at, site->size));
    return (struct bytes){s->file.at + site->at + DETS_COLLECTION_BYTES,
                          site->size - DETS_COLLECTION_BYTES};
}

bool dets_search_sound(struct dets_search *s, const struct dets_site *site)
{
    struct dets_objects o = dets_objects(body(s, site), s->shape.type);
    struct bytes object;
    bool whole = true;
    while (!dets_search_is_over(s) && dets_objects_next(&o, &object)) {
        enum err e = take(s, site, object);
        whole = whole && e == OK;
        if (e != OK && (site->pointed || site->rank != DETS_FREED))
            dets_faults_note(s->faults, ERR_DAMAGED, (uint64_t)(object.at - s->file.at),
                             "an object of %zu bytes that cannot be read: %s", object.len,
                             err_text(e));
    }
    return whole;
}

/* Another collection begins here: not inside of one that a slot points to. */
static bool is_next(const struct dets_search *s, const struct dets_site *site, uint64_t at)
{
    if (site->pointed || (at - site->at) % DETS_BLOCK_STEP != 0 ||
        !dets_within(s->file, at, DETS_COLLECTION_BYTES))
        return false;
    uint32_t status = dets_number(s->file, at + DETS_AT_STATUS);
    return status == DETS_ACTIVE || status == DETS_FREE;
}

void dets_search_broken(struct dets_search *s, const struct dets_site *site)
{
    struct bytes b = body(s, site);
    const uint8_t *at = b.at, *end = b.at + b.len;
    size_t before = s->count;
    while (end - at >= OBJECT_BYTES_MIN && !dets_search_is_over(s) &&
           !is_next(s, site, (uint64_t)(at - s->file.at))) {
        uint64_t size = head_number(at, DETS_SIZE_BYTES);
        struct bytes object = {at + DETS_SIZE_BYTES, size - DETS_SIZE_BYTES};
        bool found = size >= OBJECT_BYTES_MIN && size <= (uint64_t)(end - at) &&
                     *object.at == TAG_VERSION && take(s, site, object) == OK;
        at += found ? size : 1;
    }
    s->looks += (uint64_t)(at - b.at);
    dets_faults_note(s->faults, ERR_DAMAGED, site->at,
                     "in a collection of %llu bytes the sizes do not fit; objects found in it: %zu",
                     (unsigned long long)site->size, s->count - before);
}
