/* narrow.c with so low a limit that any bucket with two elements has too many. */
#include "limits.h"

#undef LIMIT_COMPARED_ENTRIES
#define LIMIT_COMPARED_ENTRIES 1

#include "replica/narrow.c"
#include "unit/replica/pair.h"

static void receive(struct side *s, const char *actor, uint32_t first, uint32_t count)
{
    struct buf delta = {0};
    put_delta(&delta, "gset", actor, first, count);
    side_receives(s, buf_bytes(&delta));
    buf_free(&delta);
}

/* A bucket with too many is exchanged with its range, and the others one by one. */
static void crowded_buckets_are_exchanged_as_parts(void)
{
    pair_open("gset", "anti_entropy_interval => 86400000");
    receive(&pair.a, "x", 0, LARGE);
    receive(&pair.b, "x", 0, LARGE);
    receive(&pair.a, "y", LARGE, 20);
    receive(&pair.b, "z", LARGE + 20, 20);
    pair_reset_counts();
    side_sees(&pair.a, &pair.b);
    CU_ASSERT(pair_agrees());
    /* Three for digests; and what we send in return for a part is our range, of 30 elements. */
    CU_ASSERT(pair.b.messages > 3 + 10 && pair.b.messages <= 3 + 40 + 40);
    CU_ASSERT(pair.a.bytes > 5 * 30 * 100 && pair.a.bytes < 40 * 30 * 100);
    pair_close();
}

SUITE("narrow_limit", TEST(crowded_buckets_are_exchanged_as_parts))
