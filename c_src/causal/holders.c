#include "holders.h"

#include "../mem.h"

#define SLOTS_AT_FIRST 8

void holders_init(struct holders *h, const struct table *table, uint64_t seed)
{
    *h = (struct holders){.table = table, .seed = seed};
}

void holders_free(struct holders *h)
{
    mem_free(h->slots);
    holders_init(h, h->table, h->seed);
}

static uint32_t mask_of(const struct holders *h)
{
    return (uint32_t)(h->cap - 1);
}

/* NULL where the element that the slot was for is no more. */
static struct tags *record_in(const struct holders *h, uint32_t slot)
{
    size_t number = (slot & mask_of(h)) - 1;
    return number < table_end(h->table) ? table_at(h->table, number) : NULL;
}

/* The slots that may be for one tag, one by one. */
struct probe {
    const struct holders *h;
    uint32_t hash, at;
};

static struct probe probe_open(const struct holders *h, struct tag tag)
{
    uint32_t hash = (uint32_t)tag_hash(tag, h->seed);
    return (struct probe){h, hash, hash & mask_of(h)};
}

/* 0 when p->at is free: where a slot for the tag belongs. */
static uint32_t probe_next(struct probe *p)
{
    uint32_t mask = mask_of(p->h), slot;
    while ((slot = p->h->slots[p->at]) != 0) {
        if (((slot ^ p->hash) & ~mask) == 0)
            return slot;
        p->at = (p->at + 1) & mask;
    }
    return 0;
}

static void probe_pass(struct probe *p)
{
    p->at = (p->at + 1) & mask_of(p->h);
}

/* Whether this record is found by the tag; *others gets how many more have it. */
static bool is_found(struct probe *p, const struct tags *record, struct tag tag, unsigned *others)
{
    uint32_t slot;
    *others = 0;
    for (; (slot = probe_next(p)) != 0; probe_pass(p)) {
        const struct tags *other = record_in(p->h, slot);
        if (other == record)
            return true;
        *others += other != NULL && tags_has(other, tag);
    }
    return false;
}

static void insert(struct holders *h, const struct tags *record, size_t number, struct tag tag)
{
    struct probe p = probe_open(h, tag);
    uint32_t mask = mask_of(h);
    unsigned others;
    must(number < mask);
    if (is_found(&p, record, tag, &others) || others >= HOLDERS_MAX)
        return;
    h->slots[p.at] = (p.hash & ~mask) | (uint32_t)(number + 1);
    h->used++;
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

/* A new index over what is in the table, with room for n more tags. */
static void rebuild(struct holders *h, size_t n)
{
    const struct table *t = h->table;
    size_t tags = tags_in_table(t), cap = SLOTS_AT_FIRST;
    must(n <= UINT32_MAX / 4 && tags <= UINT32_MAX / 4);
    /* An eighth of the slots at least is left to those that come and go. */
    while (cap / 8 * 5 < tags + n || cap <= table_end(t) + n)
        cap *= 2;
    mem_free(h->slots);
    *h = (struct holders){.table = t, .seed = h->seed, .cap = cap, .renumbered = t->renumbered};
    h->slots = mem_take(cap * sizeof(*h->slots));
    for (size_t i = 0; i < table_end(t); i++) {
        const struct tags *record = table_at(t, i);
        struct tag tag;
        for (size_t at = 0; record != NULL && tags_next(record, &at, &tag);)
            insert(h, record, i, tag);
    }
}

void holders_reserve(struct holders *h, size_t n)
{
    if (h->renumbered != h->table->renumbered || h->used + n > h->cap / 4 * 3 ||
        h->cap <= table_end(h->table) + n)
        rebuild(h, n);
}

struct tags *holders_find(struct holders *h, struct tag tag)
{
    if (h->table->live == 0)
        return NULL;
    holders_reserve(h, 0);
    struct probe p = probe_open(h, tag);
    uint32_t slot;
    for (; (slot = probe_next(&p)) != 0; probe_pass(&p)) {
        struct tags *record = record_in(h, slot);
        if (record != NULL && tags_has(record, tag))
            return record;
    }
    return NULL;
}

void holders_add(struct holders *h, const struct tags *record, struct tag tag)
{
    size_t number = table_number(h->table, record);
    if (h->renumbered != h->table->renumbered || h->used == h->cap / 4 * 3 || number + 1 >= h->cap)
        rebuild(h, 0);
    else
        insert(h, record, number, tag);
}

void holders_check(const struct holders *h)
{
    if (h->renumbered != h->table->renumbered)
        return; /* it is rebuilt before it is used */
    for (size_t i = 0; i < table_end(h->table); i++) {
        const struct tags *record = table_at(h->table, i);
        struct tag tag;
        for (size_t at = 0; record != NULL && tags_next(record, &at, &tag);) {
            struct probe p = probe_open(h, tag);
            unsigned others;
            must(is_found(&p, record, tag, &others) || others >= HOLDERS_MAX);
        }
    }
}
