/* Large structs from peers: joined over several wake-ups, while nothing else of that peer is
 * handled. */
#include "unit/replica/large.h"
#include "unit/replica/world.h"

#define GSET "#{crdt => gset, group => {set, <<\"v\">>}, sync_interval => 1000, " NO_REPAIR "}"

/* The holds of b@h. */
static unsigned holds, releases;

static uint64_t hold(struct post *post, struct bytes node)
{
    (void)post;
    CU_ASSERT(bytes_equal(node, BYTES("b@h")));
    return ++holds;
}

static void release(struct post *post, uint64_t number)
{
    (void)post;
    CU_ASSERT(number > 0 && number <= holds);
    releases++;
}

static bool is_held(struct post *post, uint64_t number)
{
    (void)post;
    (void)number;
    return holds > releases;
}

static void open_set(void)
{
    holds = releases = 0;
    world_open(GSET);
    world.post.hold = hold;
    world.post.release = release;
    world.post.is_held = is_held;
    replica_settled(world.replica, true, &world.turn);
}

static void deliver_large(const char *name, uint32_t first, uint32_t count, const char *sender)
{
    struct buf message = {0};
    put_tuple(&message, sender != NULL ? 3 : 2);
    put_atom(&message, name);
    put_state(&message, "gset", "b", first, count);
    if (sender != NULL)
        put_term(&message, term_of(sender));
    CU_ASSERT(message.len > 10 * LIMIT_SLICE_BYTES);
    deliver_bytes(buf_bytes(&message));
    buf_free(&message);
}

static size_t elements(void)
{
    struct buf value = {0};
    crdt_value(replica_crdt(world.replica), &value);
    struct etf_in in = etf_open(buf_bytes(&value));
    size_t count = 0;
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        bool map = etf_accept(&in, "map");
        if (!map)
            etf_any(&in);
        struct etf_in inside = etf_open(etf_any(&in));
        count = map ? etf_map(&inside) : count;
    }
    buf_free(&value);
    return count;
}

/* One wake-up, due at once; false when there is none. */
static bool wakes(void)
{
    bool due = wakeups_due(&world.wakeups) <= world.turn.now_ms;
    if (due)
        wakeups_ring(&world.wakeups, &world.turn);
    return due;
}

static void joins_a_large_delta_slice_by_slice(void)
{
    open_set();
    deliver_large("grove_delta", 0, LARGE, THEM(9));
    CU_ASSERT(holds == 1 && releases == 0 && elements() == 0);
    unsigned steps = 0, grown = 0;
    for (size_t before = 0; wakes(); steps++) {
        size_t now = elements();
        CU_ASSERT(now <= before + LIMIT_SLICE_BYTES / 100);
        grown += now > before;
        before = now;
    }
    CU_ASSERT(steps > grown && grown > 40);
    CU_ASSERT(holds == 1 && releases == 1 && elements() == LARGE);
    CU_ASSERT(status("merges") == 1 && status("refused") == 0);
    world_close();
}

/* Two peers' structs take turns. */
static void joins_two_at_a_time(void)
{
    open_set();
    deliver_large("delta", 0, LARGE, THEM(9));
    deliver_large("grove_delta", LARGE, LARGE / 4, NULL);
    while (status("merges") == 0)
        CU_ASSERT_FATAL(wakes());
    CU_ASSERT(elements() >= LARGE / 4 && elements() < LARGE);
    while (wakes())
        ;
    CU_ASSERT(elements() == LARGE + LARGE / 4 && releases == 2);
    world_close();
}

static void refuses_one_of_another_type(void)
{
    struct buf message = {0};
    open_set();
    put_tuple(&message, 2);
    put_atom(&message, "delta");
    put_state(&message, "two_p_set", "b", 0, LARGE);
    deliver_bytes(buf_bytes(&message));
    while (wakes())
        ;
    CU_ASSERT(elements() == 0 && holds == 1 && releases == 1);
    CU_ASSERT(status("refused") == 1 && status("merges") == 0);
    buf_free(&message);
    world_close();
}

/* Its own broadcast is dropped. */
static void drops_its_own(void)
{
    open_set();
    deliver_large("grove_delta", 0, LARGE, US);
    while (wakes())
        ;
    CU_ASSERT(elements() == 0 && releases == 1 && status("merges") == 0);
    world_close();
}

/* What came before sys:suspend is handled before it, whatever its size. */
static void finishes_before_it_is_suspended(void)
{
    open_set();
    deliver_large("grove_delta", 0, LARGE, THEM(9));
    CU_ASSERT(wakes());
    process_suspend(world.replica, &world.turn);
    CU_ASSERT(elements() == LARGE && releases == 1);
    process_resume(world.replica, &world.turn);
    world_close();
}

/* A pull ends when its answer is joined. */
static void joins_the_answer_to_a_pull(void)
{
    struct buf reply = {0};
    open_set();
    joined(THEM(1), true);
    skip_sent();
    put_tuple(&reply, 2);
    put_term(&reply, term_of(OUR_REF(1)));
    put_tuple(&reply, 2);
    put_atom(&reply, "ok");
    put_state(&reply, "gset", "b", 0, LARGE);
    deliver_bytes(buf_bytes(&reply));
    CU_ASSERT(holds == 1 && elements() == 0);
    left(OTHERS(1)); /* somebody else */
    while (wakes())
        ;
    CU_ASSERT(elements() == LARGE && releases == 1 && status("merges") == 1);
    buf_free(&reply);
    world_close();
}

/* The member has left meanwhile: its state is joined all the same. */
static void joins_the_answer_of_a_member_that_has_left(void)
{
    struct buf reply = {0};
    open_set();
    joined(THEM(1), true);
    put_tuple(&reply, 2);
    put_term(&reply, term_of(OUR_REF(1)));
    put_tuple(&reply, 2);
    put_atom(&reply, "ok");
    put_state(&reply, "gset", "b", 0, LARGE);
    deliver_bytes(buf_bytes(&reply));
    CU_ASSERT(wakes());
    left(THEM(1));
    while (wakes())
        ;
    CU_ASSERT(elements() == LARGE && status("merges") == 1);
    buf_free(&reply);
    world_close();
}

SUITE("intake", TEST(joins_a_large_delta_slice_by_slice), TEST(joins_two_at_a_time),
      TEST(refuses_one_of_another_type), TEST(drops_its_own), TEST(finishes_before_it_is_suspended),
      TEST(joins_the_answer_to_a_pull), TEST(joins_the_answer_of_a_member_that_has_left))
