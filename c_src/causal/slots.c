#include "slots.h"

#include <stddef.h>

#include "../err.h"
#include "../mem.h"

#define REGIONS 256
/* Entries of a batch: as many as an eighth of the slots, which takes half of their memory. */
#define BATCH_PART  8
#define BATCH_LEAST (UINT32_C(1) << 17)
/* Slots that fit into a cache: there is nothing to gain for fewer. */
#define SMALL_SLOTS (UINT32_C(1) << 16)

struct entry {
    uint32_t hash, number;
};

/* What slots_fill() is given. */
struct filling {
    uint32_t *slots, cap, count;
    void *table;
    slots_hash *hash;
    slots_same *same;
};

/* `unsorted` has count of them, `sorted` has them by region. */
struct batch {
    struct entry *unsorted, *sorted;
    uint32_t count, ends[REGIONS];
};

static void put(const struct filling *f, struct entry e)
{
    uint32_t mask = f->cap - 1, at = e.hash & mask, slot;
    for (; (slot = f->slots[at]) != 0; at = (at + 1) & mask)
        if (f->same != NULL && slot_has_hash(f->cap, slot, e.hash) &&
            f->same(f->table, slot_number(f->cap, slot), e.number))
            return;
    f->slots[at] = slot_of_entry(f->cap, e.hash, e.number);
}

/* The number of slots in a region is a power of two: a shift costs a tenth of a division. */
static void sort(struct batch *b, uint32_t cap)
{
    uint32_t mask = cap - 1, bits = (uint32_t)__builtin_ctz(cap / REGIONS), before = 0;
    for (size_t i = 0; i < REGIONS; i++)
        b->ends[i] = 0;
    for (uint32_t i = 0; i < b->count; i++)
        b->ends[(b->unsorted[i].hash & mask) >> bits]++;
    for (size_t i = 0; i < REGIONS; i++) {
        uint32_t count = b->ends[i];
        b->ends[i] = before;
        before += count;
    }
    for (uint32_t i = 0; i < b->count; i++)
        b->sorted[b->ends[(b->unsorted[i].hash & mask) >> bits]++] = b->unsorted[i];
}

static void fill_by_region(const struct filling *f)
{
    uint32_t most = f->cap / BATCH_PART > BATCH_LEAST ? f->cap / BATCH_PART : BATCH_LEAST;
    struct batch b = {.unsorted = mem_take(most * sizeof(*b.unsorted)),
                      .sorted = mem_take(most * sizeof(*b.sorted))};
    for (uint32_t number = 0; number < f->count;) {
        struct entry e;
        for (b.count = 0; number < f->count && b.count < most; number++) {
            e.number = number;
            if (f->hash(f->table, number, &e.hash))
                b.unsorted[b.count++] = e;
        }
        sort(&b, f->cap);
        for (uint32_t i = 0; i < b.count; i++)
            put(f, b.sorted[i]);
    }
    mem_free(b.unsorted);
    mem_free(b.sorted);
}

void slots_fill(uint32_t *slots, uint32_t cap, void *table, uint32_t count, slots_hash *hash,
                slots_same *same)
{
    const struct filling f = {slots, cap, count, table, hash, same};
    struct entry e;
    if (cap > SMALL_SLOTS) {
        fill_by_region(&f);
        return;
    }
    for (e.number = 0; e.number < count; e.number++)
        if (hash(table, e.number, &e.hash))
            put(&f, e);
}

/* Where the search for a slot's entry begins. */
static uint32_t home_of(uint32_t slot, uint32_t cap, const void *table, slots_hash *hash)
{
    uint32_t home = 0;
    bool there = hash(table, slot_number(cap, slot), &home);
    must(there);
    return home & (cap - 1);
}

void slots_clear(uint32_t *slots, uint32_t cap, uint32_t hole, const void *table, slots_hash *hash)
{
    uint32_t mask = cap - 1;
    for (uint32_t at = (hole + 1) & mask; slots[at] != 0; at = (at + 1) & mask) {
        if (((at - home_of(slots[at], cap, table, hash)) & mask) < ((at - hole) & mask))
            continue;
        slots[hole] = slots[at];
        hole = at;
    }
    slots[hole] = 0;
}
