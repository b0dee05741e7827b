#include <stdint.h>

#include "../mem.h"
#include "../term/keyed_hash.h"
#include "slots.h"
#include "tags.h"

/* Up to so many tags are searched one by one, without an index. */
#define UNINDEXED_MAX 8
#define NOT_FOUND     SIZE_MAX
/* Positions and some bits of a hash share a slot's 32 bits. */
#define TAGS_MAX (UINT32_C(1) << 30)

/* Called for each slot or tag that a search looks at; tests that count work define it. */
#ifndef TAG_SET_PROBE
#define TAG_SET_PROBE() ((void)0)
#endif

uint64_t tag_hash(struct tag tag, uint64_t seed)
{
    return keyed_hash_pair(tag.n, tag.actor, seed);
}

void tag_set_init(struct tag_set *s, uint64_t seed)
{
    *s = (struct tag_set){.seed = seed};
}

void tag_set_free(struct tag_set *s)
{
    mem_free(s->list);
    mem_free(s->slots);
    tag_set_init(s, s->seed);
}

/* --- the index --------------------------------------------------------------- */

static uint32_t hash_of(const struct tag_set *s, struct tag tag)
{
    return (uint32_t)tag_hash(tag, s->seed);
}

static uint32_t mask_of(const struct tag_set *s)
{
    return (uint32_t)(s->slots_cap - 1);
}

static size_t position_in(const struct tag_set *s, uint32_t slot)
{
    return slot_number((uint32_t)s->slots_cap, slot);
}

static void slot_fill(struct tag_set *s, uint32_t at, uint32_t hash, size_t position)
{
    s->slots[at] = slot_of_entry((uint32_t)s->slots_cap, hash, (uint32_t)position);
}

/* The slot of the tag, or the free slot where it belongs. */
static uint32_t slot_of(const struct tag_set *s, struct tag tag)
{
    uint32_t mask = mask_of(s), hash = hash_of(s, tag), at = hash & mask, slot;
    for (; (slot = s->slots[at]) != 0; at = (at + 1) & mask) {
        TAG_SET_PROBE();
        if (slot_has_hash(mask + 1, slot, hash) && tag_equal(s->list[position_in(s, slot)], tag))
            break;
    }
    return at;
}

static bool hash_of_tag(const void *set, uint32_t number, uint32_t *hash)
{
    const struct tag_set *s = set;
    TAG_SET_PROBE();
    *hash = hash_of(s, s->list[number]);
    return true;
}

static void reindex(struct tag_set *s, size_t cap)
{
    mem_free(s->slots);
    s->slots = mem_take(cap * sizeof(*s->slots));
    s->slots_cap = cap;
    slots_fill(s->slots, (uint32_t)cap, s, (uint32_t)s->count, hash_of_tag, NULL);
}

/* --- tags -------------------------------------------------------------------- */

static size_t position_of(const struct tag_set *s, struct tag tag)
{
    if (s->slots != NULL) {
        uint32_t slot = s->slots[slot_of(s, tag)];
        return slot != 0 ? position_in(s, slot) : NOT_FOUND;
    }
    for (size_t i = 0; i < s->count; i++) {
        TAG_SET_PROBE();
        if (tag_equal(s->list[i], tag))
            return i;
    }
    return NOT_FOUND;
}

bool tag_set_find(const struct tag_set *s, struct tag tag, size_t *position)
{
    size_t found = position_of(s, tag);
    if (found != NOT_FOUND)
        *position = found;
    return found != NOT_FOUND;
}

bool tag_set_has(const struct tag_set *s, struct tag tag)
{
    return position_of(s, tag) != NOT_FOUND;
}

/* The load factor is at most 3/4. */
static void make_room(struct tag_set *s)
{
    must(s->count < TAGS_MAX);
    if (s->list == NULL) {
        s->cap = 2; /* a single tag is kept elsewhere (struct tags) */
        s->list = mem_resize(NULL, s->cap * sizeof(*s->list));
    }
    s->list = mem_room(s->list, s->count, &s->cap, sizeof(*s->list));
    if (s->slots == NULL ? s->count == UNINDEXED_MAX : s->count == s->slots_cap / 4 * 3)
        reindex(s, s->slots == NULL ? 2 * UNINDEXED_MAX : 2 * s->slots_cap);
}

bool tag_set_add(struct tag_set *s, struct tag tag)
{
    must(tag.n <= INT64_MAX);
    if (tag_set_has(s, tag))
        return false;
    make_room(s);
    if (s->slots != NULL)
        slot_fill(s, slot_of(s, tag), hash_of(s, tag), s->count);
    s->list[s->count++] = tag;
    return true;
}

/* The last tag takes the place of the removed one. */
bool tag_set_remove(struct tag_set *s, struct tag tag)
{
    size_t position = position_of(s, tag);
    if (position == NOT_FOUND)
        return false;
    struct tag last = s->list[s->count - 1];
    if (s->slots != NULL) {
        slots_clear(s->slots, (uint32_t)s->slots_cap, slot_of(s, tag), s, hash_of_tag);
        if (position < s->count - 1)
            slot_fill(s, slot_of(s, last), hash_of(s, last), position);
    }
    s->list[position] = last;
    s->count--;
    return true;
}

bool tag_set_next(const struct tag_set *s, size_t *at, struct tag *tag)
{
    if (*at >= s->count)
        return false;
    *tag = s->list[(*at)++];
    return true;
}

void tag_set_check(const struct tag_set *s)
{
    size_t slots = 0;
    for (size_t i = 0; i < s->count; i++)
        must(position_of(s, s->list[i]) == i);
    for (size_t i = 0; i < s->slots_cap; i++)
        slots += s->slots[i] != 0;
    must(s->slots != NULL ? slots == s->count : s->count <= UNINDEXED_MAX);
    must(s->count <= s->cap && (s->slots == NULL || s->count <= s->slots_cap / 4 * 3));
}
