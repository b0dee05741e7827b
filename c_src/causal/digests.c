#include "digests.h"

#include <stdlib.h>

#include "../err.h"
#include "../mem.h"
#include "../sorted.h"

/* The finalizer of splitmix64: sums of hashes are distinct only if the hashes are unrelated. */
static uint64_t mix(uint64_t h)
{
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

uint64_t digest_bytes(uint64_t so_far, struct bytes more)
{
    return bytes_hash(more, so_far);
}

uint64_t digest_number(uint64_t so_far, uint64_t more)
{
    return mix((so_far ^ more) + UINT64_C(0x9e3779b97f4a7c15));
}

uint64_t digest_tag(uint64_t so_far, const struct actors *a, struct tag more)
{
    return digest_number(digest_bytes(so_far, actors_term(a, more.actor)), more.n);
}

/* --- entries of a part -------------------------------------------------------------- */

void selection_add_bucket(struct selection *s, uint32_t bucket)
{
    s->buckets[bucket / 8] |= (uint8_t)(1u << bucket % 8);
}

void selection_remove_bucket(struct selection *s, uint32_t bucket)
{
    s->buckets[bucket / 8] &= (uint8_t) ~(1u << bucket % 8);
}

static int compare_key(const void *element, const void *key)
{
    uint64_t a = *(const uint64_t *)element, b = *(const uint64_t *)key;
    return (a > b) - (a < b);
}

bool selection_has_key(const struct selection *s, uint64_t key)
{
    return !s->by_key || sorted_find(s->keys, s->key_count, sizeof(key), &key, compare_key) != NULL;
}

uint16_t part_mark(struct bytes key)
{
    return (uint16_t)part_bucket(digest_bytes(0, key));
}

/* The next entry from `at` on that may be in the part. */
static size_t next_marked(struct part part, const struct table *t, size_t at)
{
    size_t end = table_end(t);
    while (at < end && !part_has_bucket(part, table_mark_at(t, at)))
        at++;
    return at;
}

void *part_next(struct part part, const struct table *t, size_t *at)
{
    bool whole = part_is_whole(part), marked = !whole && table_has_marks(t);
    for (size_t end = table_end(t); *at < end;) {
        if (marked && (*at = next_marked(part, t, *at)) == end)
            return NULL;
        void *record = table_at(t, (*at)++);
        if (record == NULL)
            continue;
        if (whole || part_has(part, digest_bytes(0, table_key(t, record))))
            return record;
    }
    return NULL;
}

/* --- items ----------------------------------------------------------------- */

static void items_add(struct items *items, struct item item)
{
    items->list = mem_room(items->list, items->count, &items->cap, sizeof(item));
    items->list[items->count++] = item;
}

static int compare_items(const void *a, const void *b)
{
    return compare_key(&((const struct item *)a)->key, &((const struct item *)b)->key);
}

void items_merge(struct items *items)
{
    size_t kept = 0;
    if (items->count > 0)
        qsort(items->list, items->count, sizeof(items->list[0]), compare_items);
    for (size_t i = 0; i < items->count; i++) {
        struct item next = items->list[i];
        if (kept > 0 && items->list[kept - 1].key == next.key)
            items->list[kept - 1].digest += next.digest;
        else
            items->list[kept++] = next;
    }
    items->count = kept;
}

/* --- digests --------------------------------------------------------------- */

static uint64_t path_of(const struct digests *d, unsigned field)
{
    return d->path * (DIGEST_FIELDS_MAX + 1) + field + 1;
}

void digests_add(const struct digests *d, unsigned field, uint64_t key, uint64_t entry)
{
    if (!part_has(d->part, key))
        return;
    uint64_t digest = digest_number(entry, path_of(d, field));
    if (d->items != NULL)
        items_add(d->items, (struct item){key, digest});
    else
        d->sums[(part_bucket(key) - d->part.first) >> d->width_bits] += digest;
}

void digests_add_singleton(const struct digests *d, unsigned field, uint64_t entry)
{
    digests_add(d, field, 0, entry);
}

struct digests digests_of_field(const struct digests *d, unsigned field)
{
    struct digests inner = *d;
    inner.path = path_of(d, field);
    return inner;
}
