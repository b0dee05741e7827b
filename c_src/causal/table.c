#include "table.h"

#include <string.h>

#include "../err.h"
#include "../mem.h"

#define INDEX_AT_FIRST 8
/* Entry numbers and some bits of a hash share a slot's 32 bits. */
#define ENTRIES_MAX (UINT32_C(1) << 30)

/* Called for each entry that a walk looks at, and for each that is to be added; tests that count
 * work define it. */
#ifndef TABLE_PROBE
#define TABLE_PROBE() ((void)0)
#endif

struct table_entry {
    uint32_t hash, len;
    uint8_t rest[]; /* record, key */
};

_Static_assert(sizeof(struct table_entry) % sizeof(void *) == 0, "records are aligned");

static struct table_entry *entry_of(const void *record)
{
    return (struct table_entry *)((uintptr_t)record - sizeof(struct table_entry));
}

static struct bytes key_of(const struct table *t, const struct table_entry *e)
{
    return (struct bytes){e->rest + t->record_bytes, e->len};
}

static uint32_t hash_of(const struct table *t, struct bytes key)
{
    return (uint32_t)bytes_hash(key, t->seed);
}

static uint32_t mask_of(const struct table *t)
{
    return (uint32_t)(t->index_cap - 1);
}

static struct table_entry *entry_in(const struct table *t, uint32_t slot)
{
    return t->entries[(slot & mask_of(t)) - 1];
}

void table_init(struct table *t, size_t record_bytes, uint64_t seed)
{
    *t = (struct table){.record_bytes = record_bytes, .seed = seed};
}

void table_free(struct table *t, void (*free_record)(void *record))
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->entries[i] != NULL && free_record != NULL)
            free_record(t->entries[i]->rest);
        mem_free(t->entries[i]);
    }
    mem_free(t->entries);
    mem_free(t->index);
    table_init(t, t->record_bytes, t->seed);
}

/* The slot of the key, or the free slot where it belongs. */
static uint32_t slot_of(const struct table *t, struct bytes key, uint32_t hash)
{
    uint32_t mask = mask_of(t), at = hash & mask;
    for (; t->index[at] != 0; at = (at + 1) & mask) {
        if (((t->index[at] ^ hash) & ~mask) != 0)
            continue;
        const struct table_entry *e = entry_in(t, t->index[at]);
        if (e->hash == hash && bytes_equal(key_of(t, e), key))
            break;
    }
    return at;
}

void *table_find(const struct table *t, struct bytes key)
{
    if (t->live == 0)
        return NULL;
    uint32_t slot = t->index[slot_of(t, key, hash_of(t, key))];
    return slot != 0 ? entry_in(t, slot)->rest : NULL;
}

/* --- room ------------------------------------------------------------------ */

/* Rebuilds the index from the entries. */
static void reindex(struct table *t, size_t cap)
{
    mem_free(t->index);
    t->index = mem_take(cap * sizeof(*t->index));
    t->index_cap = cap;
    uint32_t mask = mask_of(t);
    for (size_t i = 0; i < t->count; i++) {
        if (t->entries[i] == NULL)
            continue;
        uint32_t hash = t->entries[i]->hash, at = hash & mask;
        while (t->index[at] != 0)
            at = (at + 1) & mask;
        t->index[at] = (hash & ~mask) | (uint32_t)(i + 1);
    }
}

static void compact(struct table *t)
{
    size_t to = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (t->entries[i] != NULL)
            t->entries[to++] = t->entries[i];
    }
    t->count = to;
    t->generation++;
    must(t->count == t->live);
}

/* The load factor is at most 3/4, which keeps probes short. */
static size_t index_for(size_t entries)
{
    size_t cap = INDEX_AT_FIRST;
    while (cap / 4 * 3 < entries)
        cap *= 2;
    return cap;
}

/* Room for one more entry.  Never for as many as a peer's header counts, which may be the same
 * one many times.  A full array is compacted once more than a quarter of it is holes, so the cost
 * is amortized over as many removals. */
static void make_room(struct table *t)
{
    must(t->count < ENTRIES_MAX);
    bool compacts = t->count == t->cap && t->count - t->live > t->count / 4;
    if (compacts)
        compact(t);
    if (t->count == t->cap) {
        t->cap = t->cap > 0 ? 2 * t->cap : 1; /* many nested states have a single entry */
        t->entries = mem_resize(t->entries, t->cap * sizeof(struct table_entry *));
    }
    size_t index_cap = index_for(t->count + 1);
    if (compacts || index_cap > t->index_cap)
        reindex(t, index_cap > t->index_cap ? index_cap : t->index_cap);
}

/* --- entries --------------------------------------------------------------- */

static struct table_entry *entry_new(const struct table *t, struct bytes key, uint32_t hash)
{
    must(key.len <= UINT32_MAX);
    struct table_entry *e = mem_take(sizeof(*e) + t->record_bytes + key.len);
    e->hash = hash;
    e->len = (uint32_t)key.len;
    if (key.len > 0)
        memcpy(e->rest + t->record_bytes, key.at, key.len);
    return e;
}

void *table_add(struct table *t, struct bytes key, bool *added)
{
    TABLE_PROBE();
    if (t->count == t->cap || t->count >= t->index_cap / 4 * 3)
        make_room(t);
    uint32_t hash = hash_of(t, key), at = slot_of(t, key, hash);
    *added = t->index[at] == 0;
    if (*added) {
        t->entries[t->count++] = entry_new(t, key, hash);
        t->index[at] = (hash & ~mask_of(t)) | (uint32_t)t->count;
        t->live++;
    }
    return entry_in(t, t->index[at])->rest;
}

/* Backward-shift deletion: no probe ends before its goal. */
static void slot_clear(struct table *t, uint32_t hole)
{
    uint32_t mask = mask_of(t);
    for (uint32_t at = (hole + 1) & mask; t->index[at] != 0; at = (at + 1) & mask) {
        uint32_t home = entry_in(t, t->index[at])->hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        t->index[hole] = t->index[at];
        hole = at;
    }
    t->index[hole] = 0;
}

/* The slot of an entry that is present: entries are compared by address, not by key. */
static uint32_t slot_of_entry(const struct table *t, const struct table_entry *e)
{
    uint32_t mask = mask_of(t), at = e->hash & mask;
    for (; t->index[at] != 0; at = (at + 1) & mask) {
        if (((t->index[at] ^ e->hash) & ~mask) == 0 && entry_in(t, t->index[at]) == e)
            break;
    }
    must(t->index[at] != 0);
    return at;
}

void table_remove(struct table *t, void *record)
{
    struct table_entry *e = entry_of(record);
    uint32_t at = slot_of_entry(t, e), slot = t->index[at];
    slot_clear(t, at);
    t->entries[(slot & mask_of(t)) - 1] = NULL;
    t->live--;
    mem_free(e);
    while (t->count > 0 && t->entries[t->count - 1] == NULL)
        t->count--;
}

void *table_at(const struct table *t, size_t i)
{
    TABLE_PROBE();
    must(i < t->count);
    return t->entries[i] != NULL ? t->entries[i]->rest : NULL;
}

size_t table_end(const struct table *t)
{
    return t->count;
}

size_t table_number(const struct table *t, const void *record)
{
    return (t->index[slot_of_entry(t, entry_of(record))] & mask_of(t)) - 1;
}

struct bytes table_key(const struct table *t, const void *record)
{
    return key_of(t, entry_of(record));
}

void table_check(const struct table *t)
{
    size_t live = 0, slots = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (t->entries[i] == NULL)
            continue;
        struct bytes key = key_of(t, t->entries[i]);
        must(t->entries[i]->hash == hash_of(t, key));
        must(table_find(t, key) == t->entries[i]->rest);
        live++;
    }
    for (size_t i = 0; i < t->index_cap; i++)
        slots += t->index[i] != 0;
    must(live == t->live && slots == live);
    must(t->count == 0 || t->entries[t->count - 1] != NULL);
}
