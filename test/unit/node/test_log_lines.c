/* What peers may cause any number of times costs so many lines of the log a minute, and one that
 * says how many more there were. */
#include "limits.h"
#include "unit/node/nodes.h"

#define TIMES (2 * LIMIT_PEER_LINES)

/* How many of node 0's log have this text. */
static unsigned lines(const char *text)
{
    unsigned count = 0;
    buf_put_u8(&nodes[0].log, 0);
    nodes[0].log.len--;
    for (const char *at = (const char *)nodes[0].log.at; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void ask(uint64_t number, const char *term)
{
    const struct request request = {
        .kind = REQUEST_CALL, .name = BYTES("coppice"), .term = term_of(term), .timeout_ms = 5000};
    step(0, (struct event){.kind = EVENT_CALL, .call = number, .request = &request});
    settle();
}

static void peers_that_come_and_go(void)
{
    start(0, "a@h", "");
    for (unsigned i = 0; i < TIMES; i++) {
        start(1, "b@h", "{connect, ['a@h']}.");
        run_for(30);
        CU_ASSERT(connected(0, 1));
        crash(1);
        run_for(1);
    }
    CU_ASSERT_EQUAL(lines("connected to b@h"), LIMIT_PEER_LINES);
    CU_ASSERT_EQUAL(lines("b@h closed the connection"), LIMIT_PEER_LINES);
    run_for(LIMIT_FEW_LINES_MS);
    CU_ASSERT_EQUAL(lines("and 500 more peers have connected"), 1);
    CU_ASSERT_EQUAL(lines("and 500 more connections of peers have ended or were replaced"), 1);
    stop_all();
}

static void replicas_that_are_started_and_stopped(void)
{
    start(0, "a@h", "");
    run_for(1000);
    for (unsigned i = 0; i < TIMES; i++) {
        ask(i, "{start_replica, r, #{crdt => gcounter}}");
        ask(i, "{stop_replica, r}");
    }
    CU_ASSERT_EQUAL(lines("r stopped: normal"), LIMIT_PEER_LINES);
    run_for(LIMIT_FEW_LINES_MS);
    CU_ASSERT_EQUAL(lines("and 500 more replicas have stopped"), 1);
    stop_all();
}

SUITE("log lines", TEST(peers_that_come_and_go), TEST(replicas_that_are_started_and_stopped))
