/* The index of a hash table: filled anew, and entries taken out of it. */
#include "causal/slots.h"

#include "mem.h"
#include "term/keyed_hash.h"
#include "unit/suite.h"

/* An entry in so many is a hole. */
static uint32_t one_in;

static bool is_hole(uint32_t number)
{
    return one_in > 0 && keyed_hash_pair(number, 0, 1) % one_in == 0;
}

static bool hash_of(const void *seed, uint32_t number, uint32_t *hash)
{
    *hash = (uint32_t)keyed_hash_pair(number, 0, *(const uint64_t *)seed);
    return !is_hole(number);
}

/* All in the last slots: they go on in the first. */
static bool hash_at_the_end(const void *seed, uint32_t number, uint32_t *hash)
{
    (void)seed;
    *hash = number << 31 | 0x7fffffff;
    return true;
}

static bool is_found(const uint32_t *slots, uint32_t cap, uint32_t number, uint32_t hash)
{
    uint32_t mask = cap - 1, at = hash & mask;
    while (slots[at] != 0 && slots[at] != ((hash & ~mask) | (number + 1)))
        at = (at + 1) & mask;
    return slots[at] != 0;
}

static void check_fill(uint32_t cap, uint32_t count, slots_hash *hash)
{
    uint64_t seed = cap + count;
    uint32_t *slots = mem_take(cap * sizeof(*slots)), entries = 0, full = 0, h;
    slots_fill(slots, cap, &seed, count, hash, NULL);
    for (uint32_t i = 0; i < count; i++) {
        bool present = hash(&seed, i, &h);
        entries += present;
        CU_ASSERT_FATAL(!present || is_found(slots, cap, i, h));
    }
    for (uint32_t i = 0; i < cap; i++)
        full += slots[i] != 0;
    CU_ASSERT_EQUAL(full, entries);
    mem_free(slots);
}

static void every_entry_is_found(void)
{
    static const uint32_t caps[] = {8, 1024, 65536, 131072, 1u << 19};
    for (one_in = 0; one_in < 4; one_in++)
        for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
            check_fill(caps[i], 0, hash_of);
            check_fill(caps[i], caps[i] / 2, hash_of);
            check_fill(caps[i], caps[i] / 4 * 3, hash_of);
        }
}

static void the_last_slot_is_before_the_first(void)
{
    check_fill(8, 6, hash_at_the_end);
    check_fill(1u << 18, 1000, hash_at_the_end);
}

static uint32_t place_of(const uint32_t *slots, uint32_t cap, uint32_t number, uint32_t hash)
{
    uint32_t mask = cap - 1, at = hash & mask;
    while (slots[at] != ((hash & ~mask) | (number + 1)))
        at = (at + 1) & mask;
    return at;
}

/* Each that step leaves, from the last one on or from the first. */
static void check_clear(uint32_t cap, uint32_t count, uint32_t step, bool last_first,
                        slots_hash *hash)
{
    uint64_t seed = cap + count;
    uint32_t *slots = mem_take(cap * sizeof(*slots)), h;
    slots_fill(slots, cap, &seed, count, hash, NULL);
    for (uint32_t i = 0; i < count; i += step) {
        uint32_t number = last_first ? count - 1 - i : i;
        hash(&seed, number, &h);
        slots_clear(slots, cap, place_of(slots, cap, number, h), &seed, hash);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = last_first ? count - 1 - i : i;
        hash(&seed, number, &h);
        CU_ASSERT_EQUAL_FATAL(is_found(slots, cap, number, h), i % step != 0);
    }
    mem_free(slots);
}

static void others_are_found_when_one_is_cleared(void)
{
    static const uint32_t caps[] = {8, 1024, 131072, 1u << 18};
    one_in = 0;
    for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
        for (uint32_t step = 1; step < 4; step++)
            for (int last_first = 0; last_first < 2; last_first++)
                check_clear(caps[i], caps[i] / 4 * 3, step, last_first, hash_of);
    check_clear(8, 6, 2, false, hash_at_the_end);
    check_clear(8, 6, 2, true, hash_at_the_end);
}

SUITE("slots", TEST(every_entry_is_found), TEST(the_last_slot_is_before_the_first),
      TEST(others_are_found_when_one_is_cleared))
