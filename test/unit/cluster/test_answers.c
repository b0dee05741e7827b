/* Answers to callers on nodes that are not connected. */
#include "sides.h"

static void answer(struct side *s, struct bytes node, size_t bytes)
{
    send_as(s, node, bytes, true);
    cluster_flush(s->cluster, &s->turn);
    cluster_check(s->cluster);
}

/* a's dial reaches b. */
static void connects(void)
{
    looks_up(&a, true);
    event(&b, (struct connection_event){CONNECTION_ACCEPTED, AT_B, .written = 0});
    opened(&a, a.dialled);
    carry(a.dialled, AT_B);
}

static void the_node_is_dialled_and_gets_them_in_order(void)
{
    serve(&a, BYTES("a@h"));
    serve(&b, BYTES("b@h"));
    unsigned dials = a.dials;
    answer(&a, BYTES("b@h"), 10);
    answer(&a, BYTES("b@h"), 20);
    CU_ASSERT_EQUAL(a.dials, dials + 1);
    connects();
    CU_ASSERT(are(&a.events, "up b@h;"));
    CU_ASSERT(are(&b.events, "up a@h;signal a@h;signal a@h;"));
    CU_ASSERT(a.log.len == 0 && !cluster_is_wanted(a.cluster, BYTES("b@h")));
    close_both();
}

static void a_connected_node_gets_it_at_once(void)
{
    uint32_t at_a = connect_both();
    answer(&a, BYTES("b@h"), 10);
    carry(at_a, AT_B);
    CU_ASSERT(are(&b.events, "signal a@h;"));
    close_both();
}

/* b's look-up is given up: it may be in vain, and a knows nothing of it. */
static void a_node_that_connects_during_the_look_up_gets_it(void)
{
    serve(&a, BYTES("a@h"));
    serve(&b, BYTES("b@h"));
    answer(&b, BYTES("a@h"), 10);
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    looks_up(&a, true);
    event(&b, (struct connection_event){CONNECTION_ACCEPTED, AT_B, .written = 0});
    opened(&a, a.dialled);
    carry(a.dialled, AT_B);
    CU_ASSERT(are(&a.events, "up b@h;signal b@h;"));
    close_both();
}

static void it_is_said_why_not(void)
{
    serve(&a, BYTES("a@h"));
    answer(&a, BYTES("b@h"), 10);
    looks_up(&a, false);
    CU_ASSERT(are(&a.log, "a message for b@h is dropped: epmd there does not know that name;"));
    CU_ASSERT(are(&a.events, "unknown b@h;undelivered b@h;"));
    unsigned dials = a.dials;
    passes(&a, LIMIT_FEW_LINES_MS);
    CU_ASSERT(a.dials == dials && a.log.len == 0);
    CU_ASSERT_EQUAL(wakeups_due(&a.wakeups), UINT64_MAX);

    answer(&a, BYTES("nowhere"), 10);
    CU_ASSERT(are(&a.log, "a message for nowhere is dropped: not a valid node name;"));
    CU_ASSERT(are(&a.events, "undelivered nowhere;"));
    CU_ASSERT_EQUAL(cluster_undelivered(a.cluster), 2);
    close_side(&a);
}

/* Of the nodes that are dialled, and of the bytes that wait for them. */
#define ONE_NODES (LIMIT_ANSWERED_NODES / LIMIT_NODE_PART)
#define ITS_BYTES (LIMIT_ANSWER_BYTES / LIMIT_NODE_PART)

/* Answers to so many nodes, for what this one has sent. */
static void answer_many(const char *by, unsigned count)
{
    char name[32];
    a.turn.node = bytes_of(by);
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "n%u-%s", i, by);
        answer(&a, bytes_of(name), 10);
    }
}

static void only_so_many_wait(void)
{
    serve(&a, BYTES("a@h"));
    unsigned dials = a.dials;
    answer_many("x@h", ONE_NODES);
    answer_many("y@h", ONE_NODES);
    CU_ASSERT_EQUAL(a.log.len, 0);
    CU_ASSERT_EQUAL(a.dials, dials + LIMIT_ANSWERED_NODES);
    answer_many("z@h", 1);
    CU_ASSERT_EQUAL(a.dials, dials + LIMIT_ANSWERED_NODES);
    CU_ASSERT(are(&a.log, "a message for n0-z@h is dropped: it is not connected, and too many "
                          "wait;"));
    answer(&a, BYTES("n1-x@h"), LIMIT_ANSWER_BYTES);
    CU_ASSERT(
        are(&a.log, "a message for n1-x@h is dropped: it is not connected, and too many wait;"));
    answer(&a, BYTES("n1-x@h"), 1000);
    passes(&a, LIMIT_EPMD_MS);
    CU_ASSERT(a.log.len > 0);
    passes(&a, LIMIT_FEW_LINES_MS);
    CU_ASSERT(a.log.len > 0);
    buf_clear(&a.log);
    answer(&a, BYTES("n1-x@h"), 10);
    CU_ASSERT(a.log.len == 0 && a.dials == dials + LIMIT_ANSWERED_NODES + 1);
    close_side(&a);
}

static void one_node_leaves_room_for_others(void)
{
    serve(&a, BYTES("a@h"));
    unsigned dials = a.dials;
    answer_many("x@h", ONE_NODES + 1);
    CU_ASSERT(are(&a.log, "a message for n32-x@h is dropped: it is not connected, and too many "
                          "wait;"));
    CU_ASSERT_EQUAL(a.dials, dials + ONE_NODES);
    answer(&a, BYTES("n0-x@h"), ITS_BYTES - 1000 * ONE_NODES);
    CU_ASSERT_EQUAL(a.log.len, 0);
    answer(&a, BYTES("n1-x@h"), 1000 * ONE_NODES);
    CU_ASSERT(
        are(&a.log, "a message for n1-x@h is dropped: it is not connected, and too many wait;"));
    a.turn.node = BYTES("y@h");
    answer(&a, BYTES("n33-x@h"), 10);
    CU_ASSERT_EQUAL(a.dials, dials + ONE_NODES + 1);
    CU_ASSERT_EQUAL(a.log.len, 0);
    close_side(&a);
}

/* Whoever gives an alias may lie about its node. */
static void none_is_sent_to_an_alias_on_a_node_without_them(void)
{
    struct cluster_options options = options_of(BYTES("b@h"), true);
    options.flags &= ~(DFLAG_ALIAS | DFLAG_ALTACT_SIG);
    serve(&a, BYTES("a@h"));
    open_side_with(&b, &options);
    cluster_start(b.cluster, PORT, 0, &b.turn);
    registers(&b, "\0");
    const struct signal to_alias = {.kind = SIGNAL_ALIAS_SEND,
                                    .node = BYTES("b@h"),
                                    .from = term_of("#Pid<'a@h'.1.0.9>"),
                                    .to = term_of("#Ref<'b@h'.9.1.2.3>"),
                                    .payload = term_of("answer")};
    cluster_deliver(a.cluster, &to_alias, &a.turn);
    answer(&a, BYTES("b@h"), 10);
    connects();
    CU_ASSERT(are(&b.events, "up a@h;signal a@h;"));
    CU_ASSERT(are(&a.log, "a message for b@h is dropped: it does not support aliases;"));
    CU_ASSERT_EQUAL(cluster_undelivered(a.cluster), 1);
    close_both();
}

/* A node that is wanted and away is dialled no faster for an answer, which waits. */
static void one_waits_for_the_next_attempt(void)
{
    serve(&a, BYTES("a@h"));
    serve(&b, BYTES("b@h"));
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    looks_up(&a, false);
    unsigned dials = a.dials;
    answer(&a, BYTES("b@h"), 10);
    CU_ASSERT_EQUAL(a.dials, dials);
    passes(&a, LIMIT_DIAL_BACKOFF_MIN_MS);
    connects();
    CU_ASSERT(are(&b.events, "up a@h;signal a@h;"));
    close_both();
}

static void it_does_not_wait_longer_than_a_dial_may_take(void)
{
    serve(&a, BYTES("a@h"));
    answer(&a, BYTES("b@h"), 10);
    looks_up(&a, true);
    opened(&a, a.dialled);
    /* b dials, too: its connection is the one that is kept, but comes to nothing. */
    reads(&a, a.dialled, BYTES("\0\4snok"));
    CU_ASSERT_EQUAL(a.log.len, 0);
    passes(&a, LIMIT_ANSWER_MS);
    CU_ASSERT(are(&a.log, "a message for b@h is dropped: no connection in time;"));
    passes(&a, LIMIT_FEW_LINES_MS);
    CU_ASSERT_EQUAL(wakeups_due(&a.wakeups), UINT64_MAX);
    close_side(&a);
}

static void none_waits_when_the_node_ends(void)
{
    serve(&a, BYTES("a@h"));
    answer(&a, BYTES("b@h"), 10);
    cluster_release(a.cluster, BYTES("b@h"));
    cluster_check(a.cluster);
    cluster_stop(a.cluster);
    unsigned dials = a.dials;
    answer(&a, BYTES("c@h"), 10);
    CU_ASSERT(a.dials == dials && a.log.len == 0);
    close_side(&a);
}

SUITE("answers", TEST(the_node_is_dialled_and_gets_them_in_order),
      TEST(a_connected_node_gets_it_at_once), TEST(a_node_that_connects_during_the_look_up_gets_it),
      TEST(it_is_said_why_not), TEST(only_so_many_wait), TEST(one_node_leaves_room_for_others),
      TEST(none_is_sent_to_an_alias_on_a_node_without_them), TEST(one_waits_for_the_next_attempt),
      TEST(it_does_not_wait_longer_than_a_dial_may_take), TEST(none_waits_when_the_node_ends))
