/* Filling a hash table's index anew, and taking an entry out of it.
 *
 * An index has linear probing, as many slots as a power of two says, and 0 in those that are free.
 * The low bits of a slot, as many as the number of slots needs, are an entry's number + 1, the
 * others are those of its hash.
 *
 * The slots of neighbouring entries lie on pages far apart: taken in the order of their numbers,
 * each entry of ten millions costs more than a tenth of a microsecond.  So they are taken in
 * batches, and those of a batch region by region, in the order of their numbers within each. */
#ifndef COPPICE_CAUSAL_SLOTS_H
#define COPPICE_CAUSAL_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

/* What is in a slot. */
static inline uint32_t slot_of_entry(uint32_t cap, uint32_t hash, uint32_t number)
{
    return (hash & ~(cap - 1)) | (number + 1);
}

static inline uint32_t slot_number(uint32_t cap, uint32_t slot)
{
    return (slot & (cap - 1)) - 1;
}

/* False: the slot's entry has another hash. */
static inline bool slot_has_hash(uint32_t cap, uint32_t slot, uint32_t hash)
{
    return ((slot ^ hash) & ~(cap - 1)) == 0;
}

/* Stores the hash of an entry; false if there is none with this number. */
typedef bool slots_hash(const void *table, uint32_t number, uint32_t *hash);

/* Whether an entry has the key of one that has a slot, where the slot's part of the hash is the
 * same: then it gets none. */
typedef bool slots_same(void *table, uint32_t present, uint32_t number);

/* Puts the entries below count into slots that are all free.  cap: at least a quarter more than
 * there are entries, and above count.  same: NULL if all are different. */
void slots_fill(uint32_t *slots, uint32_t cap, void *table, uint32_t count, slots_hash *hash,
                slots_same *same);

/* Frees the slot at this place.  Those behind it move up, so that no search ends before its goal;
 * hash() is asked for their entries. */
void slots_clear(uint32_t *slots, uint32_t cap, uint32_t hole, const void *table, slots_hash *hash);

#endif
