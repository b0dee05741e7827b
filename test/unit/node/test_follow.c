/* Following: a node connects to the peers of its peers, reconnects while a peer is connected to
 * them, and forgets them when none is. */
#include "limits.h"
#include "unit/node/killer.h"
#include "unit/node/outside.h"

#define FORGET_MS (LIMIT_FOLLOW_TICKTIMES * 60000)

#define FOLLOWS "{follow, true}. {scope, s}. "

static void connects_to_the_peers_of_a_coppice(void)
{
    start(1, "b@h", "");
    start(2, "c@h", "{connect, ['b@h']}.");
    start(3, "d@h", "{connect, ['c@h']}.");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    CU_ASSERT(connected(0, 1) && connected(0, 2) && connected(0, 3));
    CU_ASSERT(!connected(1, 3)); /* only a follows */
    stop_all();
}

static void connects_to_the_peers_of_a_beam(void)
{
    start_beam(1, "b@h", "{scope, s}.", "['a@h', 'c@h', 'b@h']");
    start(2, "c@h", "{scope, s}.");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    CU_ASSERT(connected(0, 1) && connected(0, 2));
    stop_all();
}

static void does_not_follow_by_default(void)
{
    start_beam(1, "b@h", "{scope, s}.", "['c@h']");
    start(2, "c@h", "");
    start(0, "a@h", "{scope, s}. {connect, ['b@h']}.");
    run_for(10 * LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT(connected(0, 1) && !connected(0, 2));
    stop_all();
}

static void connects_to_nodes_that_join_later(void)
{
    start(1, "b@h", "");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    start(2, "c@h", "{connect, ['b@h']}.");
    CU_ASSERT(!connected(0, 2));
    run_for(LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT(connected(0, 2));
    stop_all();
}

/* A peer's answer may be any term, and so may each name in it. */
static void ignores_invalid_names(void)
{
    start_beam(1, "b@h", "{scope, s}.",
               "['nohost', <<\"c@h\">>, 'c@@h', 7, ['c@h'], 'x@y\x01', 'a@h']");
    start(2, "c@h", "");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    unsigned dials = nodes[0].dials;
    run_for(3 * LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT_EQUAL(nodes[0].dials, dials);
    nodes[1].known_nodes = "{'c@h'}";
    run_for(LIMIT_FOLLOW_ASK_MS);
    nodes[1].known_nodes = "['c@h'|'c@h']";
    run_for(LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT(connected(0, 1));
    stop_all();
}

/* Of the nodes that are followed. */
#define NAMED_BY_ONE (LIMIT_FOLLOWED / LIMIT_NODE_PART)

/* Starts a, whose only peer names count nodes in this format, and c last. */
static void start_with_names(const char *format, unsigned count)
{
    struct buf names = {0};
    buf_printf(&names, "[");
    for (unsigned i = 0; i < count; i++)
        buf_printf(&names, format, i);
    buf_printf(&names, "'c@h']");
    buf_put_u8(&names, '\0');
    start_beam(1, "b@h", "{scope, s}.", (const char *)names.at);
    start(2, "c@h", "");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    buf_free(&names);
}

static void limits_the_nodes_it_follows(void)
{
    start_with_names("'n%u@nowhere',", NAMED_BY_ONE - 2);
    CU_ASSERT(connected(0, 2));
    stop_all();
    start_with_names("'n%u@nowhere',", NAMED_BY_ONE + 200);
    /* The others: epmd to register, epmd for b, and b. */
    CU_ASSERT_EQUAL(nodes[0].dials, NAMED_BY_ONE + 3);
    stop_all();
}

static void limits_the_names_it_reads(void)
{
    start_with_names("n%u,", LIMIT_FOLLOWED - 2);
    CU_ASSERT(connected(0, 2));
    stop_all();
    start_with_names("n%u,", LIMIT_FOLLOWED + 200);
    CU_ASSERT(connected(0, 1) && !connected(0, 2));
    stop_all();
}

/* A peer names a command for a moment, but a command does not register with epmd. */
static void does_not_retry_commands(void)
{
    start_beam(1, "b@h", "{scope, s}.", "['coppice_0123@h']");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    CU_ASSERT(!logged(0, "coppice_0123"));
    nodes[1].known_nodes = "[]";
    run_for(LIMIT_FOLLOW_ASK_MS);
    unsigned dials = nodes[0].dials;
    run_for(2 * FORGET_MS);
    CU_ASSERT_EQUAL(nodes[0].dials, dials);
    stop_all();
}

/* Nor is one dialled whose name says that it is a command. */
static void does_not_dial_commands(void)
{
    start_beam(1, "b@h", "{scope, s}.", "['-coppice_3@h']");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    /* epmd to register, epmd for b, and b. */
    CU_ASSERT(connected(0, 1) && nodes[0].dials == 3);
    run_for(2 * LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT_EQUAL(nodes[0].dials, 3);
    stop_all();
}

static void reconnects_to_followed_nodes(void)
{
    start(1, "b@h", "");
    start(2, "c@h", "{connect, ['b@h']}.");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    CU_ASSERT(connected(0, 2));
    crash(2);
    run_for(10000);
    start(2, "c@h", "");
    run_for(LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(connected(0, 2)); /* though c dials no one */
    stop_all();
}

static void forgets_nodes_that_left(void)
{
    start(1, "b@h", "");
    start(2, "c@h", "{connect, ['b@h']}.");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    crash(2);
    run_for(FORGET_MS - 1);
    CU_ASSERT(!logged(0, "c@h is forgotten"));
    run_for(LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(logged(0, "c@h is forgotten"));
    unsigned dials = nodes[0].dials;
    run_for(10 * FORGET_MS);
    CU_ASSERT_EQUAL(nodes[0].dials, dials);
    start(2, "c@h", "{connect, ['b@h']}.");
    run_for(LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT(connected(0, 2));
    stop_all();
}

/* An unreachable node is dialled for as long as a peer is connected to it. */
static void keeps_nodes_that_a_peer_names(void)
{
    start_beam(1, "b@h", "{scope, s}.", "['c@h']");
    start(2, "c@h", "");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    crash(2);
    run_for(3 * FORGET_MS);
    CU_ASSERT(!logged(0, "forgotten"));
    start(2, "c@h", "");
    run_for(LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(connected(0, 2));
    stop_all();
}

/* Two followers do not remind each other of a node that has left. */
static void followers_forget_a_node_together(void)
{
    start(1, "b@h", FOLLOWS "{connect, ['a@h']}.");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    start(2, "c@h", "{connect, ['a@h']}.");
    run_for(2 * LIMIT_FOLLOW_ASK_MS); /* each learns of c from the other */
    CU_ASSERT(connected(1, 2));
    crash(2);
    run_for(FORGET_MS + LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(logged(0, "c@h is forgotten") && logged(1, "c@h is forgotten"));
    stop_all();
}

static void never_forgets_configured_nodes(void)
{
    start_beam(1, "b@h", "{scope, s}.", "['c@h']");
    start(0, "a@h", FOLLOWS "{connect, ['b@h', 'c@h']}.");
    nodes[1].known_nodes = "[]";
    run_for(3 * FORGET_MS);
    start(2, "c@h", "");
    run_for(LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(connected(0, 2));
    stop_all();
}

/* Whoever was asked is asked again at once. */
static void asks_again_when_its_process_is_ended(void)
{
    start_beam(1, "b@h", "{scope, s}.", NULL);
    start(2, "c@h", "");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    CU_ASSERT(!connected(0, 2));
    nodes[1].known_nodes = "['c@h']";
    kill_from(1, 0, process_of(0, "coppice_follow"));
    CU_ASSERT(connected(0, 2));
    kill_from(1, 0, process_of(0, "coppice_follow"));
    run_for(LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT(connected(0, 1) && connected(0, 2));
    stop_all();
}

static void asks_one_again_that_has_not_answered(void)
{
    struct turn t = {.now_ms = net.now_ms};
    start(1, "b@h", "");
    start(2, "c@h", "");
    process_suspend(process_named(node_processes(nodes[1].node), BYTES("coppice")), &t);
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    crash(2);
    start(2, "c@h", "{connect, ['b@h']}.");
    run_for(LIMIT_FOLLOW_ASK_MS / 3);
    CU_ASSERT(connected(1, 2) && !connected(0, 2));
    process_exit(process_named(node_processes(nodes[1].node), BYTES("coppice")), term_of("killed"),
                 &t);
    run_for(LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT(connected(0, 2));
    stop_all();
}

/* {connect, Node} is a promise that following alone is not. */
static void keeps_a_node_that_somebody_asks_for(void)
{
    start_beam(1, "b@h", "{scope, s}.", "['c@h']");
    start(2, "c@h", "");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    CU_ASSERT(connected(0, 2));
    ASSERT_TERM(call(0, "{connect, 'c@h'}"), term_of("ok"));
    nodes[1].known_nodes = "[]";
    crash(2);
    run_for(3 * FORGET_MS);
    CU_ASSERT(!logged(0, "forgotten"));
    start(2, "c@h", "");
    run_for(LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(connected(0, 2));
    outside_close();
    stop_all();
}

/* A replica's mutations wait until it has caught up, also with nodes that are yet to be found. */
static void mutations_wait_for_nodes_yet_to_be_found(void)
{
    static const char *const known[] = {"[]", "['c@h']", NULL};
    for (size_t i = 0; i < 3; i++) {
        start_beam(1, "b@h", "{scope, s}.", known[i]);
        start(2, "c@h", "");
        nodes[2].stalled = true;
        start(0, "a@h", FOLLOWS "{connect, ['b@h']}. {replica, r, #{crdt => gcounter}}.");
        cast(0, "{mutate, increment}");
        run_for(1);
        CU_ASSERT_EQUAL(status_number(0, "waiting"), i > 0);
        run_for(LIMIT_CATCH_UP_MS);
        CU_ASSERT_EQUAL(status_number(0, "waiting"), 0);
        stop_all();
    }
}

SUITE("follow", TEST(connects_to_the_peers_of_a_coppice), TEST(connects_to_the_peers_of_a_beam),
      TEST(does_not_follow_by_default), TEST(connects_to_nodes_that_join_later),
      TEST(ignores_invalid_names), TEST(limits_the_nodes_it_follows),
      TEST(limits_the_names_it_reads), TEST(does_not_retry_commands), TEST(does_not_dial_commands),
      TEST(reconnects_to_followed_nodes), TEST(forgets_nodes_that_left),
      TEST(keeps_nodes_that_a_peer_names), TEST(followers_forget_a_node_together),
      TEST(never_forgets_configured_nodes), TEST(asks_again_when_its_process_is_ended),
      TEST(asks_one_again_that_has_not_answered), TEST(keeps_a_node_that_somebody_asks_for),
      TEST(mutations_wait_for_nodes_yet_to_be_found))
