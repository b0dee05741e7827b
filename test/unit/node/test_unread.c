/* Peers that do not read what they are sent, or hardly. */
#include "limits.h"
#include "unit/node/nodes.h"

#define TICKTIME_MS 60000
#define TICK_MS     (TICKTIME_MS / 4)
#define UNREAD_MS   (4 * TICKTIME_MS)

#define SCOPE "{scope, s}. "
#define REPLICA(actor)                                                                             \
    "{replica, r, #{crdt => lww_register, actor => " actor ", group => g, sync_interval => "       \
    "1000}}."

/* b always sends its ticks; that it has read something a hears only when reads() says so. */
static void meet(void)
{
    start(1, "b@h", SCOPE REPLICA("b"));
    start(0, "a@h", SCOPE "{connect, ['b@h']}. " REPLICA("a"));
    pass(5000);
    CU_ASSERT_FATAL(linked(0, 1));
    CU_ASSERT_EQUAL(number_of(0, "peers"), 1);
    nodes[1].secretive = true;
}

static struct buf value_of(unsigned i)
{
    struct buf value = {0};
    crdt_value(replica_crdt(process_named(node_processes(nodes[i].node), BYTES("r"))), &value);
    return value;
}

static bool agree(void)
{
    struct buf a = value_of(0), b = value_of(1);
    bool equal = bytes_equal(buf_bytes(&a), buf_bytes(&b));
    buf_free(&a);
    buf_free(&b);
    return equal;
}

static void ends_with_who_reads_nothing(void)
{
    meet();
    while (unread_by(1, 0) == 0)
        pass(1);
    pass(UNREAD_MS - 10);
    CU_ASSERT(linked(0, 1) && !logged(0, "disconnected"));
    pass(20);
    CU_ASSERT(logged(0, "b@h disconnected: it reads nothing of what it is sent"));
    end_all();
}

static void stays_with_who_reads_slowly(void)
{
    meet();
    pass(TICK_MS);
    for (unsigned i = 0; i < 20; i++) {
        pass(UNREAD_MS - TICK_MS);
        reads(1, 0, 1);
    }
    CU_ASSERT(unread_by(1, 0) > 100 && !logged(0, "disconnected"));
    reads(1, 0, unread_by(1, 0));
    nodes[1].secretive = false;
    pass(3 * UNREAD_MS);
    CU_ASSERT(!logged(0, "disconnected"));
    end_all();
}

/* What is sent after a long silence is not late at once. */
static void counts_from_when_something_is_queued(void)
{
    meet();
    for (unsigned i = 0; i < 100; i++) {
        pass(TICK_MS);
        if (unread_by(1, 0) > 0)
            reads(1, 0, unread_by(1, 0));
    }
    CU_ASSERT(!logged(0, "disconnected"));
    end_all();
}

/* Who has read nothing for a while is told nothing more that can be told later, and then
 * all of it at once. */
static void spares_who_reads_nothing(void)
{
    meet();
    cast(0, "{mutate, {set, [first]}}");
    pass(2000);
    CU_ASSERT(agree() && unread_by(1, 0) > 0);
    pass(TICKTIME_MS);
    cast(0, "{mutate, {set, [x]}}"); /* is told, and finds out */
    pass(2000);
    size_t before = unread_by(1, 0);
    for (unsigned i = 0; i < 30; i++) {
        cast(0, "{mutate, {set, [y]}}");
        pass(2000);
    }
    /* Ticks, and what it asks for; the 30 would be thousands. */
    CU_ASSERT(unread_by(1, 0) - before < 1000);
    CU_ASSERT_EQUAL(number_of(0, "behind"), 1);
    nodes[1].secretive = false;
    reads(1, 0, unread_by(1, 0));
    pass(2000);
    CU_ASSERT(agree());
    CU_ASSERT_EQUAL(number_of(0, "behind"), 0);
    end_all();
}

/* A state that takes long: each piece that was read shows that it is. */
static void sends_in_pieces(void)
{
    struct buf set = {0};
    meet();
    nodes[1].secretive = false;
    nodes[0].longest = 0;
    buf_printf(&set, "{mutate, {set, [<<\"");
    for (unsigned i = 0; i < 700000; i++)
        buf_put_u8(&set, 'z');
    buf_printf(&set, "\">>]}}");
    buf_put_u8(&set, '\0');
    cast(0, (const char *)set.at);
    buf_free(&set);
    pass(2000);
    CU_ASSERT(agree());
    struct buf value = value_of(1);
    CU_ASSERT(value.len > 700000);
    buf_free(&value);
    CU_ASSERT_EQUAL(nodes[0].longest, 256 * 1024);
    end_all();
}

SUITE("unread", TEST(ends_with_who_reads_nothing), TEST(stays_with_who_reads_slowly),
      TEST(counts_from_when_something_is_queued), TEST(spares_who_reads_nothing),
      TEST(sends_in_pieces))
