/* Helpers for the suites of parts and digests. */
#ifndef COPPICE_TEST_CRDT_PARTS_H
#define COPPICE_TEST_CRDT_PARTS_H

#include "crdt/part.h"
#include "unit/crdt/worlds.h"

#define ROUNDS 6
#define STEPS  120
#define RANGES 64

static const struct crdt_options plain = {{(const uint8_t *)"w\1p", 3}, 1, MAPSET_PLAIN};
static const struct crdt_options versioned = {{(const uint8_t *)"w\1v", 3}, 2, MAPSET_VERSIONED};

static inline bool merge_part(struct crdt *c, const struct crdt *from, struct part part)
{
    struct buf out = {0};
    size_t len;
    bool changed = true;
    crdt_state_of(from, part, &out);
    CU_ASSERT(etf_check(wall(buf_bytes(&out)), &len) == OK && len == out.len);
    CU_ASSERT(crdt_merge(c, wall(buf_bytes(&out)), NULL, &changed) == OK);
    crdt_check(c);
    buf_free(&out);
    return changed;
}

static inline void digest_all(const struct crdt *c, uint64_t *digests)
{
    crdt_digest(c, PART_WHOLE, RANGES, digests);
}

static inline struct part range_at(uint32_t i, uint32_t ranges)
{
    return PART_RANGE(i * (PART_BUCKETS / ranges), PART_BUCKETS / ranges);
}

static inline uint64_t digest_of(const struct crdt *c)
{
    uint64_t digest;
    crdt_digest(c, PART_WHOLE, 1, &digest);
    return digest;
}

#endif
