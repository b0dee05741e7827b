#include "digests.h"

#define BUCKET_BITS 16

_Static_assert(PART_BUCKETS == 1u << BUCKET_BITS, "the top bits of a hash are its bucket");

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

static uint32_t bucket_of(uint64_t key)
{
    return (uint32_t)(key >> (64 - BUCKET_BITS));
}

/* For a bucket below first, the unsigned difference exceeds any count. */
bool part_has(struct part part, uint64_t key)
{
    return bucket_of(key) - part.first < part.count;
}

void *part_next(struct part part, const struct table *t, size_t *at)
{
    for (size_t end = table_end(t); *at < end;) {
        void *record = table_at(t, (*at)++);
        if (record == NULL)
            continue;
        if (part_is_whole(part) || part_has(part, digest_bytes(0, table_key(t, record))))
            return record;
    }
    return NULL;
}

/* --- digests --------------------------------------------------------------- */

static uint64_t path_of(const struct digests *d, unsigned field)
{
    return d->path * (DIGEST_FIELDS_MAX + 1) + field + 1;
}

void digests_add(const struct digests *d, unsigned field, uint64_t key, uint64_t entry)
{
    if (part_has(d->part, key))
        d->sums[(bucket_of(key) - d->part.first) / d->width] +=
            digest_number(entry, path_of(d, field));
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
