#include "tag_index.h"

#include "../mem.h"

#define SLOTS_AT_FIRST 8

void tag_index_init(struct tag_index *ix, const struct table *table, uint64_t seed)
{
    *ix = (struct tag_index){.table = table, .seed = seed};
}

void tag_index_free(struct tag_index *ix)
{
    mem_free(ix->slots);
    tag_index_init(ix, ix->table, ix->seed);
}

static uint32_t mask_of(const struct tag_index *ix)
{
    return (uint32_t)(ix->cap - 1);
}

/* NULL if the slot's element was removed. */
static struct tags *record_in(const struct tag_index *ix, uint32_t slot)
{
    size_t number = (slot & mask_of(ix)) - 1;
    return number < table_end(ix->table) ? table_at(ix->table, number) : NULL;
}

/* Iterates over the slots that may be for one tag. */
struct probe {
    const struct tag_index *ix;
    uint32_t hash, at;
};

static struct probe probe_open(const struct tag_index *ix, struct tag tag)
{
    uint32_t hash = (uint32_t)tag_hash(tag, ix->seed);
    return (struct probe){ix, hash, hash & mask_of(ix)};
}

/* 0 if p->at is free: the place for the tag's next slot. */
static uint32_t probe_next(struct probe *p)
{
    uint32_t mask = mask_of(p->ix), slot;
    while ((slot = p->ix->slots[p->at]) != 0) {
        if (((slot ^ p->hash) & ~mask) == 0)
            return slot;
        p->at = (p->at + 1) & mask;
    }
    return 0;
}

static void probe_skip(struct probe *p)
{
    p->at = (p->at + 1) & mask_of(p->ix);
}

/* Whether the tag leads to this record; *others gets the number of others before it. */
static bool is_found(struct probe *p, const struct tags *record, struct tag tag, unsigned *others)
{
    uint32_t slot;
    *others = 0;
    for (; (slot = probe_next(p)) != 0; probe_skip(p)) {
        const struct tags *other = record_in(p->ix, slot);
        if (other == record)
            return true;
        *others += other != NULL && tags_has(other, tag);
    }
    return false;
}

static void insert(struct tag_index *ix, const struct tags *record, size_t number, struct tag tag)
{
    struct probe p = probe_open(ix, tag);
    uint32_t mask = mask_of(ix);
    unsigned others;
    must(number < mask);
    if (is_found(&p, record, tag, &others) || others >= TAG_INDEX_ELEMENTS_MAX)
        return;
    ix->slots[p.at] = (p.hash & ~mask) | (uint32_t)(number + 1);
    ix->used++;
}

static size_t tags_in_table(const struct table *t)
{
    size_t tags = 0;
    for (size_t i = 0; i < table_end(t); i++) {
        const struct tags *record = table_at(t, i);
        tags += record != NULL ? record->count : 0;
    }
    return tags;
}

/* Rebuilds the index from the table, with room for n more tags. */
static void rebuild(struct tag_index *ix, size_t n)
{
    const struct table *t = ix->table;
    size_t tags = tags_in_table(t), cap = SLOTS_AT_FIRST;
    must(n <= UINT32_MAX / 4 && tags <= UINT32_MAX / 4);
    /* At least an eighth of the slots is left for tags that come and go. */
    while (cap / 8 * 5 < tags + n || cap <= table_end(t) + n)
        cap *= 2;
    mem_free(ix->slots);
    *ix = (struct tag_index){.table = t, .seed = ix->seed, .cap = cap, .generation = t->generation};
    ix->slots = mem_take(cap * sizeof(*ix->slots));
    for (size_t i = 0; i < table_end(t); i++) {
        const struct tags *record = table_at(t, i);
        struct tag tag;
        for (size_t at = 0; record != NULL && tags_next(record, &at, &tag);)
            insert(ix, record, i, tag);
    }
}

void tag_index_reserve(struct tag_index *ix, size_t n)
{
    if (ix->generation != ix->table->generation || ix->used + n > ix->cap / 4 * 3 ||
        ix->cap <= table_end(ix->table) + n)
        rebuild(ix, n);
}

struct tags *tag_index_find(struct tag_index *ix, struct tag tag)
{
    if (ix->table->live == 0)
        return NULL;
    tag_index_reserve(ix, 0);
    struct probe p = probe_open(ix, tag);
    uint32_t slot;
    for (; (slot = probe_next(&p)) != 0; probe_skip(&p)) {
        struct tags *record = record_in(ix, slot);
        if (record != NULL && tags_has(record, tag))
            return record;
    }
    return NULL;
}

void tag_index_add(struct tag_index *ix, const struct tags *record, struct tag tag)
{
    size_t number = table_number(ix->table, record);
    if (ix->generation != ix->table->generation || ix->used == ix->cap / 4 * 3 ||
        number + 1 >= ix->cap)
        rebuild(ix, 0);
    else
        insert(ix, record, number, tag);
}

void tag_index_check(const struct tag_index *ix)
{
    if (ix->generation != ix->table->generation)
        return; /* rebuilt before the next use */
    for (size_t i = 0; i < table_end(ix->table); i++) {
        const struct tags *record = table_at(ix->table, i);
        struct tag tag;
        for (size_t at = 0; record != NULL && tags_next(record, &at, &tag);) {
            struct probe p = probe_open(ix, tag);
            unsigned others;
            must(is_found(&p, record, tag, &others) || others >= TAG_INDEX_ELEMENTS_MAX);
        }
    }
}
