/* intake.c with so low a limit that three large structs whose connections are lost are too much. */
#include "limits.h"

#undef LIMIT_FRAME_BYTES
#define LIMIT_FRAME_BYTES (5 * SIZE / 2)

#define LARGE_ONE 1000 /* elements of one */
#define SIZE      (LARGE_ONE * 107u)

#include "replica/intake.c"
#include "unit/replica/large.h"
#include "unit/replica/world.h"

static unsigned holds, lost, kept;  /* those up to `lost` are of lost connections, but for one */
static unsigned released[10], ends; /* in the order of their ends */

static uint64_t hold(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return ++holds;
}

static void release(struct post *post, uint64_t number)
{
    (void)post;
    released[ends++] = (unsigned)number;
}

static bool is_held(struct post *post, uint64_t number)
{
    (void)post;
    return number > lost || number == kept;
}

/* Each has elements of its own. */
static void deliver_large(void)
{
    struct buf message = {0};
    put_tuple(&message, 2);
    put_atom(&message, "delta");
    put_state(&message, "gset", "b", holds * LARGE_ONE, LARGE_ONE);
    CU_ASSERT(message.len > SIZE / 10 * 9 && message.len < SIZE / 10 * 11);
    deliver_bytes(buf_bytes(&message));
    buf_free(&message);
}

static void open_with(unsigned count)
{
    holds = lost = kept = ends = 0;
    world_open("#{crdt => gset, group => g, sync_interval => 1000, " NO_REPAIR "}");
    world.post.hold = hold;
    world.post.release = release;
    world.post.is_held = is_held;
    replica_settled(world.replica, true, &world.turn);
    for (unsigned i = 0; i < count; i++)
        deliver_large();
    CU_ASSERT(holds == count && ends == 0);
}

static uint64_t joined_all(void)
{
    while (wakeups_due(&world.wakeups) <= world.turn.now_ms)
        wakeups_ring(&world.wakeups, &world.turn);
    CU_ASSERT(ends == holds);
    return status("merges");
}

/* A peer that connects, sends one and is gone, again and again, costs no more memory. */
static void the_oldest_of_lost_connections_are_dropped(void)
{
    open_with(3);
    lost = 2;
    deliver_large();
    CU_ASSERT_EQUAL(ends, 0);
    lost = 3;
    deliver_large();
    CU_ASSERT(ends == 1 && released[0] == 1);
    lost = 5;
    deliver_large();
    CU_ASSERT(ends == 3 && released[1] == 2 && released[2] == 3);
    CU_ASSERT_EQUAL(joined_all(), 3);
    world_close();
}

/* However many: their peers are slowed down. */
static void those_of_peers_that_are_there_are_kept(void)
{
    open_with(8);
    CU_ASSERT_EQUAL(joined_all(), 8);
    world_close();
    open_with(4);
    lost = 4;
    kept = 1;
    deliver_large();
    CU_ASSERT(ends == 1 && released[0] == 2);
    CU_ASSERT_EQUAL(joined_all(), 4);
    world_close();
}

/* What came before its end is joined; a node that ends at once frees it. */
static void a_replica_may_end_meanwhile(void)
{
    open_with(3);
    lost = 3;
    process_exit(world.replica, term_of("killed"), &world.turn);
    CU_ASSERT_EQUAL(ends, 3);
    processes_tidy(world.table);
    world_close();
    open_with(3);
    world_close();
}

SUITE("intake_limit", TEST(the_oldest_of_lost_connections_are_dropped),
      TEST(those_of_peers_that_are_there_are_kept), TEST(a_replica_may_end_meanwhile))
