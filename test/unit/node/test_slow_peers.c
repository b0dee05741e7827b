/* Peers that read slowly, or not at all. */
#include "limits.h"
#include "unit/node/nodes.h"

#define TICKTIME_MS 60000
#define TICK_MS     (TICKTIME_MS / 4)
#define UNREAD_MS   (4 * TICKTIME_MS)

#define SCOPE "{scope, s}. "
#define REPLICA(actor)                                                                             \
    "{replica, r, #{crdt => lww_register, actor => " actor ", group => g, sync_interval => "       \
    "1000}}."

/* Connects a to b.  Afterwards b sends its ticks as usual, but a's writes wait for acknowledge().
 */
static void connect_nodes(void)
{
    start(1, "b@h", SCOPE REPLICA("b"));
    start(0, "a@h", SCOPE "{connect, ['b@h']}. " REPLICA("a"));
    run_for(5000);
    CU_ASSERT_FATAL(connected(0, 1));
    CU_ASSERT_EQUAL(status_number(0, "peers"), 1);
    nodes[1].hold_acks = true;
}

static struct buf value_of(unsigned i)
{
    struct buf value = {0};
    crdt_value(replica_crdt(process_named(node_processes(nodes[i].node), BYTES("r"))), &value);
    return value;
}

static bool values_equal(void)
{
    struct buf a = value_of(0), b = value_of(1);
    bool equal = bytes_equal(buf_bytes(&a), buf_bytes(&b));
    buf_free(&a);
    buf_free(&b);
    return equal;
}

static void disconnects_a_peer_that_reads_nothing(void)
{
    connect_nodes();
    while (unacked_by(1, 0) == 0)
        run_for(1);
    run_for(UNREAD_MS - 10);
    CU_ASSERT(connected(0, 1) && !logged(0, "disconnected"));
    run_for(20);
    CU_ASSERT(logged(0, "b@h disconnected: it reads nothing of what it is sent"));
    stop_all();
}

static void keeps_a_peer_that_reads_slowly(void)
{
    connect_nodes();
    run_for(TICK_MS);
    for (unsigned i = 0; i < 20; i++) {
        run_for(UNREAD_MS - TICK_MS);
        acknowledge(1, 0, 1);
    }
    CU_ASSERT(unacked_by(1, 0) > 100 && !logged(0, "disconnected"));
    acknowledge(1, 0, unacked_by(1, 0));
    nodes[1].hold_acks = false;
    run_for(3 * UNREAD_MS);
    CU_ASSERT(!logged(0, "disconnected"));
    stop_all();
}

/* The time before something was queued does not count. */
static void the_timeout_starts_when_something_is_queued(void)
{
    connect_nodes();
    for (unsigned i = 0; i < 100; i++) {
        run_for(TICK_MS);
        if (unacked_by(1, 0) > 0)
            acknowledge(1, 0, unacked_by(1, 0));
    }
    CU_ASSERT(!logged(0, "disconnected"));
    stop_all();
}

/* A peer that has read nothing for a while is sent no deltas; what it missed follows at once when
 * it reads again. */
static void sends_no_deltas_to_a_slow_peer(void)
{
    connect_nodes();
    cast(0, "{mutate, {set, [first]}}");
    run_for(2000);
    CU_ASSERT(values_equal() && unacked_by(1, 0) > 0);
    run_for(TICKTIME_MS);
    cast(0, "{mutate, {set, [x]}}"); /* still sent; then b counts as slow */
    run_for(2000);
    size_t before = unacked_by(1, 0);
    for (unsigned i = 0; i < 30; i++) {
        cast(0, "{mutate, {set, [y]}}");
        run_for(2000);
    }
    /* Ticks and replies to b's requests; 30 deltas would be thousands of bytes. */
    CU_ASSERT(unacked_by(1, 0) - before < 1000);
    CU_ASSERT_EQUAL(status_number(0, "behind"), 1);
    nodes[1].hold_acks = false;
    acknowledge(1, 0, unacked_by(1, 0));
    run_for(2000);
    CU_ASSERT(values_equal());
    CU_ASSERT_EQUAL(status_number(0, "behind"), 0);
    stop_all();
}

/* A large state is written in pieces, so that each one read counts as progress. */
static void sends_in_pieces(void)
{
    struct buf set = {0};
    connect_nodes();
    nodes[1].hold_acks = false;
    nodes[0].longest_write = 0;
    buf_printf(&set, "{mutate, {set, [<<\"");
    for (unsigned i = 0; i < 700000; i++)
        buf_put_u8(&set, 'z');
    buf_printf(&set, "\">>]}}");
    buf_put_u8(&set, '\0');
    cast(0, (const char *)set.at);
    buf_free(&set);
    run_for(2000);
    CU_ASSERT(values_equal());
    struct buf value = value_of(1);
    CU_ASSERT(value.len > 700000);
    buf_free(&value);
    CU_ASSERT(nodes[0].longest_write <= 256 * 1024 && nodes[0].longest_write > 128 * 1024);
    stop_all();
}

SUITE("slow peers", TEST(disconnects_a_peer_that_reads_nothing),
      TEST(keeps_a_peer_that_reads_slowly), TEST(the_timeout_starts_when_something_is_queued),
      TEST(sends_no_deltas_to_a_slow_peer), TEST(sends_in_pieces))
