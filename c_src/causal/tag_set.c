#include "../mem.h"
#include "tags.h"

#define SLOTS_AT_FIRST 4
#define FREE           UINT64_MAX

/* The seed is added before the mixing (the finalizer of splitmix64). */
uint64_t tag_hash(struct tag tag, uint64_t seed)
{
    uint64_t h = (tag.n ^ seed) + tag.actor * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

static size_t home_of(const struct tag_set *s, struct tag tag)
{
    return (size_t)tag_hash(tag, s->seed) & (s->cap - 1);
}

/* The slot of the tag, or the free slot where it belongs. */
static size_t slot_of(const struct tag_set *s, struct tag tag)
{
    size_t at = home_of(s, tag);
    while (s->slots[at].n != FREE && !tag_equal(s->slots[at], tag))
        at = (at + 1) & (s->cap - 1);
    return at;
}

void tag_set_init(struct tag_set *s, uint64_t seed)
{
    *s = (struct tag_set){.seed = seed};
}

void tag_set_free(struct tag_set *s)
{
    mem_free(s->slots);
    tag_set_init(s, s->seed);
}

bool tag_set_has(const struct tag_set *s, struct tag tag)
{
    return s->count > 0 && s->slots[slot_of(s, tag)].n != FREE;
}

static void resize(struct tag_set *s, size_t cap)
{
    struct tag_set old = *s;
    s->slots = mem_resize(NULL, cap * sizeof(*s->slots));
    s->cap = cap;
    for (size_t i = 0; i < cap; i++)
        s->slots[i].n = FREE;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].n != FREE)
            s->slots[slot_of(s, old.slots[i])] = old.slots[i];
    }
    mem_free(old.slots);
}

void tag_set_reserve(struct tag_set *s, size_t n)
{
    size_t cap = s->cap > 0 ? s->cap : SLOTS_AT_FIRST;
    must(n <= SIZE_MAX / 64 - s->count);
    while (cap / 4 * 3 < s->count + n)
        cap *= 2;
    if (cap > s->cap)
        resize(s, cap);
}

bool tag_set_add(struct tag_set *s, struct tag tag)
{
    must(tag.n <= INT64_MAX);
    tag_set_reserve(s, 1);
    size_t at = slot_of(s, tag);
    if (s->slots[at].n != FREE)
        return false;
    s->slots[at] = tag;
    s->count++;
    return true;
}

/* Backward-shift deletion: no probe ends before its goal. */
bool tag_set_remove(struct tag_set *s, struct tag tag)
{
    if (!tag_set_has(s, tag))
        return false;
    size_t mask = s->cap - 1, hole = slot_of(s, tag);
    for (size_t at = (hole + 1) & mask; s->slots[at].n != FREE; at = (at + 1) & mask) {
        if (((at - home_of(s, s->slots[at])) & mask) < ((at - hole) & mask))
            continue;
        s->slots[hole] = s->slots[at];
        hole = at;
    }
    s->slots[hole].n = FREE;
    s->count--;
    return true;
}

bool tag_set_next(const struct tag_set *s, size_t *at, struct tag *tag)
{
    while (*at < s->cap && s->slots[*at].n == FREE)
        ++*at;
    if (*at == s->cap)
        return false;
    *tag = s->slots[(*at)++];
    return true;
}

void tag_set_check(const struct tag_set *s)
{
    size_t count = 0;
    struct tag tag;
    for (size_t at = 0; tag_set_next(s, &at, &tag); count++)
        must(slot_of(s, tag) == at - 1);
    must(count == s->count && count <= s->cap / 4 * 3);
}
