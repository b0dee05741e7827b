#include "table.h"

#include <string.h>

#include "../err.h"
#include "../mem.h"
#include "../term/keyed_hash.h"
#include "slots.h"

#define INDEX_AT_FIRST 8
/* Entry numbers and some bits of a hash share a slot's 32 bits. */
#define ENTRIES_MAX (UINT32_C(1) << 30)
#define HOLE        UINT32_MAX
/* Instead of the length of a key that has as many bytes or more: the length follows. */
#define LONG_KEY 255
/* A block or array doubles up to so many units or entries, and then grows by an eighth. */
#define DOUBLES_UP_TO 4096
/* Marks are kept of an array for so many entries. */
#define MARKED_FROM 4096
/* A block of no more units does not shrink. */
#define SMALL_BLOCK 1024

/* To take an entry out of the index costs as much as to put so many into one that is filled anew.
 */
#define FEW 8

/* Called for each entry that a walk looks at, and for each that is to be added; tests that count
 * work define it. */
#ifndef TABLE_PROBE
#define TABLE_PROBE() ((void)0)
#endif

void table_init(struct table *t, size_t record_bytes, uint64_t seed)
{
    must(record_bytes <= 4096);
    *t = (struct table){
        .record_bytes = (uint16_t)record_bytes,
        .unit_bits = record_bytes > 0 && record_bytes % 8 == 0 ? 3 : 2,
        .seed = seed,
    };
}

void table_keep_marks(struct table *t, table_mark *mark)
{
    must(t->cap == 0);
    t->mark = mark;
}

/* --- entries ----------------------------------------------------------------- */

static uint8_t *record_at(const struct table *t, uint32_t unit)
{
    return t->block + ((size_t)unit << t->unit_bits);
}

static struct bytes key_of(const struct table *t, const uint8_t *record)
{
    const uint8_t *at = record + t->record_bytes;
    uint32_t len = *at++;
    if (len == LONG_KEY) {
        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
    }
    return (struct bytes){at, len};
}

/* The size of an entry with such a key. */
static size_t units_for(const struct table *t, size_t key_len)
{
    size_t bytes = t->record_bytes + key_len + (key_len < LONG_KEY ? 1 : 1 + sizeof(uint32_t));
    return (bytes + (1u << t->unit_bits) - 1) >> t->unit_bits;
}

static uint32_t units_of(const struct table *t, const uint8_t *record)
{
    return (uint32_t)units_for(t, key_of(t, record).len);
}

static uint32_t hash_of(const struct table *t, struct bytes key)
{
    return (uint32_t)keyed_hash(key, t->seed);
}

void table_free(struct table *t, void (*free_record)(void *record))
{
    for (uint32_t i = 0; free_record != NULL && i < t->count; i++) {
        if (t->entries[i] != HOLE)
            free_record(record_at(t, t->entries[i]));
    }
    mem_free(t->block);
    mem_free(t->entries);
    mem_free(t->marks);
    mem_free(t->index);
    table_mark *mark = t->mark;
    table_init(t, t->record_bytes, t->seed);
    t->mark = mark;
}

/* --- the index ----------------------------------------------------------------- */

static uint32_t mask_of(const struct table *t)
{
    return t->index_cap - 1;
}

static uint32_t number_in(const struct table *t, uint32_t slot)
{
    return slot_number(t->index_cap, slot);
}

static uint8_t *record_in(const struct table *t, uint32_t slot)
{
    return record_at(t, t->entries[number_in(t, slot)]);
}

/* The slot of the key, or the free slot where it belongs. */
static uint32_t slot_of(const struct table *t, struct bytes key, uint32_t hash)
{
    uint32_t mask = mask_of(t), at = hash & mask, slot;
    for (; (slot = t->index[at]) != 0; at = (at + 1) & mask) {
        if (slot_has_hash(t->index_cap, slot, hash) &&
            bytes_equal(key_of(t, record_in(t, slot)), key))
            break;
    }
    return at;
}

/* The slot of an entry that is present: entries are compared by address, not by key. */
static uint32_t slot_of_record(const struct table *t, const uint8_t *record)
{
    uint32_t hash = hash_of(t, key_of(t, record)), mask = mask_of(t), at = hash & mask;
    for (; t->index[at] != 0; at = (at + 1) & mask) {
        if (slot_has_hash(t->index_cap, t->index[at], hash) && record_in(t, t->index[at]) == record)
            break;
    }
    must(t->index[at] != 0);
    return at;
}

static void slot_fill(struct table *t, uint32_t at, uint32_t hash, uint32_t number)
{
    t->index[at] = slot_of_entry(t->index_cap, hash, number);
}

static bool hash_of_entry(const void *table, uint32_t number, uint32_t *hash)
{
    const struct table *t = table;
    if (t->entries[number] == HOLE)
        return false;
    *hash = hash_of(t, key_of(t, record_at(t, t->entries[number])));
    return true;
}

/* Rebuilds the index from the entries. */
static void reindex(struct table *t, uint32_t cap)
{
    mem_free(t->index);
    t->index = mem_take(cap * sizeof(*t->index));
    t->index_cap = cap;
    slots_fill(t->index, cap, t, t->count, hash_of_entry, NULL);
}

/* The load factor is at most 3/4, which keeps probes short. */
static uint32_t index_for(uint32_t entries)
{
    uint32_t cap = INDEX_AT_FIRST;
    while (cap / 4 * 3 < entries)
        cap *= 2;
    return cap;
}

/* --- room ---------------------------------------------------------------------- */

/* Many nested states have a single entry. */
static uint32_t grown(uint32_t cap, size_t least)
{
    size_t cap_next = cap < DOUBLES_UP_TO ? 2 * (size_t)cap : cap + (size_t)cap / 8;
    size_t next = cap_next > least ? cap_next : least;
    must(next < HOLE);
    return (uint32_t)next;
}

static void set_room(struct table *t, uint32_t units)
{
    t->room = units;
    t->block = mem_resize(t->block, (size_t)units << t->unit_bits);
}

static void mark_all(struct table *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->entries[i] != HOLE)
            t->marks[i] = t->mark(key_of(t, record_at(t, t->entries[i])));
}

static void set_cap(struct table *t, uint32_t cap)
{
    bool marked = t->marks != NULL;
    t->cap = cap;
    t->entries = mem_resize(t->entries, cap * sizeof(*t->entries));
    if (t->mark == NULL)
        return;
    if (cap >= MARKED_FROM) {
        t->marks = mem_resize(t->marks, cap * sizeof(*t->marks));
        if (!marked)
            mark_all(t);
    } else {
        mem_free(t->marks);
        t->marks = NULL;
    }
}

/* Closes all holes. */
static void compact(struct table *t)
{
    uint32_t number = 0, to = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->entries[i] == HOLE)
            continue;
        const uint8_t *from = record_at(t, t->entries[i]);
        uint32_t units = units_of(t, from);
        memmove(record_at(t, to), from, (size_t)units << t->unit_bits);
        if (t->marks != NULL)
            t->marks[number] = t->marks[i];
        t->entries[number++] = to;
        to += units;
    }
    must(number == t->live && to == t->full);
    t->count = number;
    t->used = to;
    t->generation++;
    set_room(t, to);
    set_cap(t, number);
    reindex(t, index_for(number + 1));
}

static bool is_empty_mostly(const struct table *t)
{
    return t->full < t->room / 4 && t->room > SMALL_BLOCK;
}

/* Whether it is time to close holes, before an entry of so many units is added. */
static bool is_sparse(const struct table *t, size_t units)
{
    return is_empty_mostly(t) || (t->used + units > t->room && t->used - t->full > t->used / 4) ||
           (t->count == t->cap && t->count - t->live > t->count / 4);
}

/* Room for one more entry.  Never for as many as a peer's header counts, which may be the same
 * one many times. */
static void make_room(struct table *t, size_t units)
{
    must(t->count < ENTRIES_MAX);
    if (is_sparse(t, units))
        compact(t);
    if (t->used + units > t->room)
        set_room(t, grown(t->room, t->used + units));
    if (t->count == t->cap)
        set_cap(t, grown(t->cap, 1));
    if (t->count >= t->index_cap / 4 * 3)
        reindex(t, index_for(t->count + 1));
}

static bool has_room(const struct table *t, size_t units)
{
    return t->used + units <= t->room && t->count < t->cap && t->count < t->index_cap / 4 * 3 &&
           !is_empty_mostly(t);
}

/* --- finding, adding and removing ------------------------------------------------ */

void table_prefetch(const struct table *t, struct bytes key)
{
    if (t->index_cap > 0)
        __builtin_prefetch(&t->index[hash_of(t, key) & mask_of(t)], 1);
}

void *table_find(const struct table *t, struct bytes key)
{
    if (t->live == 0)
        return NULL;
    uint32_t slot = t->index[slot_of(t, key, hash_of(t, key))];
    return slot != 0 ? record_in(t, slot) : NULL;
}

static void *append(struct table *t, struct bytes key, uint32_t units)
{
    uint8_t *record = record_at(t, t->used), *at = record + t->record_bytes;
    uint32_t len = (uint32_t)key.len;
    memset(record, 0, t->record_bytes);
    *at++ = len < LONG_KEY ? (uint8_t)len : LONG_KEY;
    if (len >= LONG_KEY) {
        memcpy(at, &len, sizeof(len));
        at += sizeof(len);
    }
    if (len > 0)
        memcpy(at, key.at, len);
    if (t->marks != NULL)
        t->marks[t->count] = t->mark(key);
    t->entries[t->count++] = t->used;
    t->live++;
    t->used += units;
    t->full += units;
    return record;
}

/* A key that is present may be one of the table's own, so nothing moves until it is clear that
 * it is new. */
void *table_add(struct table *t, struct bytes key, bool *added)
{
    TABLE_PROBE();
    must(key.len < UINT32_MAX);
    uint32_t hash = hash_of(t, key), at = 0;
    if (t->index_cap > 0) {
        at = slot_of(t, key, hash);
        *added = t->index[at] == 0;
        if (!*added)
            return record_in(t, t->index[at]);
    }
    *added = true;
    size_t units = units_for(t, key.len);
    if (!has_room(t, units)) {
        make_room(t, units);
        at = slot_of(t, key, hash);
    }
    slot_fill(t, at, hash, t->count);
    return append(t, key, (uint32_t)units);
}

static void make_hole(struct table *t, uint32_t number)
{
    t->full -= units_of(t, record_at(t, t->entries[number]));
    t->entries[number] = HOLE;
    t->live--;
}

/* Drops the holes at the end. */
static void trim(struct table *t)
{
    while (t->count > 0 && t->entries[t->count - 1] == HOLE)
        t->count--;
    if (t->count == 0) {
        t->used = 0;
    } else {
        uint32_t last = t->entries[t->count - 1];
        t->used = last + units_of(t, record_at(t, last));
    }
}

void table_remove(struct table *t, void *record)
{
    uint32_t at = slot_of_record(t, record), number = number_in(t, t->index[at]);
    slots_clear(t->index, t->index_cap, at, t, hash_of_entry);
    make_hole(t, number);
    trim(t);
}

void table_doom(struct table_doomed *d, size_t number)
{
    must(number < HOLE);
    d->numbers = mem_room(d->numbers, d->count, &d->cap, sizeof(*d->numbers));
    d->numbers[d->count++] = (uint32_t)number;
}

static void remove_many(struct table *t, const struct table_doomed *d)
{
    for (size_t i = 0; i < d->count; i++)
        make_hole(t, d->numbers[i]);
    trim(t);
    reindex(t, t->index_cap);
}

void table_remove_doomed(struct table *t, struct table_doomed *d)
{
    if (d->count == 0)
        return;
    if (d->count >= t->live / FEW)
        remove_many(t, d);
    else
        for (size_t i = 0; i < d->count; i++)
            table_remove(t, record_at(t, t->entries[d->numbers[i]]));
    table_doomed_free(d);
}

void table_doomed_free(struct table_doomed *d)
{
    mem_free(d->numbers);
    *d = (struct table_doomed){0};
}

/* --- reading --------------------------------------------------------------------- */

void *table_at(const struct table *t, size_t i)
{
    TABLE_PROBE();
    must(i < t->count);
    return t->entries[i] != HOLE ? record_at(t, t->entries[i]) : NULL;
}

size_t table_end(const struct table *t)
{
    return t->count;
}

/* Often it is the one that was just added. */
size_t table_number(const struct table *t, const void *record)
{
    uint32_t last = t->count - 1;
    if (record_at(t, t->entries[last]) == record)
        return last;
    return number_in(t, t->index[slot_of_record(t, record)]);
}

struct bytes table_key(const struct table *t, const void *record)
{
    return key_of(t, record);
}

void table_check(const struct table *t)
{
    size_t live = 0, slots = 0;
    uint32_t full = 0, end = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->entries[i] == HOLE)
            continue;
        const uint8_t *record = record_at(t, t->entries[i]);
        must(t->entries[i] >= end);
        must(table_find(t, key_of(t, record)) == record);
        must(t->marks == NULL || t->marks[i] == t->mark(key_of(t, record)));
        end = t->entries[i] + units_of(t, record);
        full += units_of(t, record);
        live++;
    }
    for (uint32_t i = 0; i < t->index_cap; i++)
        slots += t->index[i] != 0;
    must(live == t->live && slots == live);
    must(full == t->full && end == t->used && t->used <= t->room && t->count <= t->cap);
    must(t->count == 0 || t->entries[t->count - 1] != HOLE);
    must((t->marks != NULL) == (t->mark != NULL && t->cap >= MARKED_FROM));
}
