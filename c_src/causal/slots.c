#include "slots.h"

#include <stddef.h>

#include "../err.h"
#include "../mem.h"

#define REGIONS       256
#define BATCH_ENTRIES (UINT32_C(1) << 17)
/* Slots that fit into a cache: there is nothing to gain for fewer. */
#define SMALL_SLOTS (UINT32_C(1) << 16)

struct entry {
    uint32_t hash, number;
};

/* `unsorted` has count of them, `sorted` has them by region. */
struct batch {
    struct entry *unsorted, *sorted;
    uint32_t count, ends[REGIONS];
};

static void put(uint32_t *slots, uint32_t cap, struct entry e)
{
    uint32_t mask = cap - 1, at = e.hash & mask;
    while (slots[at] != 0)
        at = (at + 1) & mask;
    slots[at] = slot_of_entry(cap, e.hash, e.number);
}

static void sort(struct batch *b, uint32_t cap)
{
    uint32_t mask = cap - 1, width = cap / REGIONS, before = 0;
    for (size_t i = 0; i < REGIONS; i++)
        b->ends[i] = 0;
    for (uint32_t i = 0; i < b->count; i++)
        b->ends[(b->unsorted[i].hash & mask) / width]++;
    for (size_t i = 0; i < REGIONS; i++) {
        uint32_t count = b->ends[i];
        b->ends[i] = before;
        before += count;
    }
    for (uint32_t i = 0; i < b->count; i++)
        b->sorted[b->ends[(b->unsorted[i].hash & mask) / width]++] = b->unsorted[i];
}

static void fill_by_region(uint32_t *slots, uint32_t cap, const void *table, uint32_t count,
                           slots_hash *hash)
{
    struct batch b = {.unsorted = mem_take(BATCH_ENTRIES * sizeof(*b.unsorted)),
                      .sorted = mem_take(BATCH_ENTRIES * sizeof(*b.sorted))};
    for (uint32_t number = 0; number < count;) {
        struct entry e;
        for (b.count = 0; number < count && b.count < BATCH_ENTRIES; number++) {
            e.number = number;
            if (hash(table, number, &e.hash))
                b.unsorted[b.count++] = e;
        }
        sort(&b, cap);
        for (uint32_t i = 0; i < b.count; i++)
            put(slots, cap, b.sorted[i]);
    }
    mem_free(b.unsorted);
    mem_free(b.sorted);
}

void slots_fill(uint32_t *slots, uint32_t cap, const void *table, uint32_t count, slots_hash *hash)
{
    struct entry e;
    if (cap > SMALL_SLOTS) {
        fill_by_region(slots, cap, table, count, hash);
        return;
    }
    for (e.number = 0; e.number < count; e.number++)
        if (hash(table, e.number, &e.hash))
            put(slots, cap, e);
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
