/* {connect, Node}: nodes that are wanted by request. */
#include "limits.h"
#include "unit/node/outside.h"

#define MINUTE_MS 60000
/* Of those that may be asked for. */
#define ONE_NODES (LIMIT_CONNECT_REQUESTS / LIMIT_NODE_PART)

static bool connect_is(unsigned n, const char *reply)
{
    char request[60];
    snprintf(request, sizeof(request), "{connect, 'n%u@h'}", n);
    return bytes_equal(call(0, request), term_of(reply));
}

/* One that was asked for stays wanted, and so does a configured one. */
static void requests_are_limited(void)
{
    start(0, "a@h", "{connect, ['c@h']}.");
    run_for(5000);
    for (unsigned n = 0; n < ONE_NODES; n++)
        CU_ASSERT_FATAL(connect_is(n, "ok"));
    CU_ASSERT_TRUE(connect_is(ONE_NODES, "{error, limit}"));
    CU_ASSERT_TRUE(connect_is(0, "ok"));
    ASSERT_TERM(call(0, "{connect, 'c@h'}"), term_of("ok"));
    ASSERT_TERM(call(0, "{connect, 'a@h'}"), term_of("{error, bad_node}"));
    CU_ASSERT_FALSE(logged(0, "n128@h"));
    /* Also after the process that was asked has ended. */
    exit2(0, process_named(node_processes(nodes[0].node), BYTES("coppice")), "kill");
    CU_ASSERT_TRUE(connect_is(ONE_NODES, "{error, limit}"));
    /* Others can connect meanwhile. */
    start(1, "b@h", "{connect, ['a@h']}.");
    run_for(1000);
    CU_ASSERT_TRUE(connected(0, 1));
    outside_close();
    stop_all();
}

/* How often a node dials in ten minutes: each attempt is a look-up. */
static unsigned dials_in_ten_minutes(void)
{
    unsigned before = nodes[0].dials;
    run_for(10 * MINUTE_MS);
    return nodes[0].dials - before;
}

static void pauses_grow_for_a_node_that_never_connects(void)
{
    start(0, "a@h", "");
    run_for(5000);
    CU_ASSERT_TRUE(connect_is(1, "ok"));
    unsigned growing = 7; /* doublings from the first pause to the last */
    unsigned most = 10 * MINUTE_MS / (LIMIT_DIAL_BACKOFF_MAX_MS / 2);
    CU_ASSERT(dials_in_ten_minutes() <= most + growing);
    /* Asked again it is dialled at once, and the pauses stay long. */
    unsigned before = nodes[0].dials;
    for (int i = 0; i < 20; i++)
        CU_ASSERT_TRUE(connect_is(1, "ok"));
    CU_ASSERT_EQUAL(nodes[0].dials - before, 20);
    CU_ASSERT(dials_in_ten_minutes() <= most);
    outside_close();
    stop_all();
}

static void a_node_that_comes_is_connected_again_and_again(void)
{
    start(0, "a@h", "");
    run_for(5000);
    ASSERT_TERM(call(0, "{connect, 'b@h'}"), term_of("ok"));
    run_for(MINUTE_MS);
    for (int i = 0; i < 2; i++) {
        start(1, "b@h", "");
        run_for(MINUTE_MS);
        CU_ASSERT_TRUE(connected(0, 1));
        crash(1);
    }
    outside_close();
    stop_all();
}

SUITE("connect requests", TEST(requests_are_limited),
      TEST(pauses_grow_for_a_node_that_never_connects),
      TEST(a_node_that_comes_is_connected_again_and_again))
