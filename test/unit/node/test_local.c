/* Calls of the program that the node is in. */
#include "limits.h"
#include "unit/node/outside.h"

/* By the `rex` of start_beam(), if it knows no nodes. */
#define NEVER_ANSWERED "{call, erlang, nodes, [connected], user}"
#define REPLICA        "{replica, r, #{crdt => gcounter}}. "

static void ask_at(uint64_t number, const char *node, const char *name, const char *term)
{
    const struct request request = {.kind = REQUEST_CALL,
                                    .node = bytes_of(node),
                                    .name = bytes_of(name),
                                    .term = term_of(term),
                                    .timeout_ms = 5000};
    step(0, (struct event){.kind = EVENT_CALL, .call = number, .request = &request});
}

static void ask(uint64_t number, const char *name, const char *term)
{
    ask_at(number, "", name, term);
}

/* The replies since the last look, one a line. */
static void assert_replies(const char *wanted)
{
    struct buf *replies = &nodes[0].replies;
    buf_put_u8(replies, 0);
    CU_ASSERT_STRING_EQUAL((const char *)replies->at, wanted);
    buf_clear(replies);
}

static void start_settled(const char *settings)
{
    start(0, "a@h", settings);
    run_for(LIMIT_CATCH_UP_MS + 1000);
}

static void each_call_has_its_reply(void)
{
    start_settled(REPLICA);
    ask(7, "r", "{mutate, {increment, [42]}}");
    assert_replies("7: ok ok\n");
    ask(8, "r", "value");
    ask_at(9, "a@h", "r", "value");
    ask(8, "coppice", "replicas");
    assert_replies("8: ok {ok,42}\n9: ok {ok,42}\n8: ok {ok,[r]}\n");
    ask(1, "nobody", "value");
    assert_replies("1: the connection was closed noproc\n");
    stop_all();
}

static void other_nodes_are_called(void)
{
    start_settled("");
    start(1, "b@h", REPLICA);
    ask_at(1, "b@h", "r", "value");
    ask_at(2, "c@h", "r", "value");
    assert_replies("");
    run_for(LIMIT_CATCH_UP_MS + 1000);
    CU_ASSERT_TRUE(connected(0, 1));
    assert_replies("2: the connection was closed noconnection\n1: ok {ok,0}\n");
    crash(1);
    ask_at(4, "b@h", "r", "value");
    run_for(10000);
    assert_replies("4: the connection was closed noconnection\n");
    stop_all();
}

static void a_call_ends_in_time(void)
{
    start_settled("");
    start_beam(1, "b@h", "", NULL);
    ask_at(1, "b@h", "rex", NEVER_ANSWERED);
    run_for(6000);
    assert_replies("1: no answer in time \n");
    stop_all();
}

static void start_with_open_calls(void)
{
    start_settled("");
    start_beam(1, "b@h", "", NULL);
    ask_at(1, "b@h", "rex", NEVER_ANSWERED);
    ask_at(2, "b@h", "rex", NEVER_ANSWERED);
    run_for(1000);
    assert_replies("");
}

static void open_calls_end_with_the_node(void)
{
    start_with_open_calls();
    step(0, (struct event){.kind = EVENT_STOP});
    CU_ASSERT_TRUE(nodes[0].ended);
    assert_replies("1: the node has stopped shutdown\n2: the node has stopped shutdown\n");
    ask(3, "coppice", "replicas");
    assert_replies("");
    stop_all();
}

static void open_calls_are_freed_with_the_node(void)
{
    start_with_open_calls();
    stop_all();
}

/* Whoever may write may kill it, as any process. */
static void the_caller_is_started_again(void)
{
    start_settled(REPLICA);
    start_beam(1, "b@h", "", NULL);
    ask_at(1, "b@h", "rex", NEVER_ANSWERED);
    run_for(1000);
    struct processes *table = node_processes(nodes[0].node);
    struct process *last = NULL;
    for (struct process *p = NULL; (p = processes_next(table, p)) != NULL;)
        last = p;
    CU_ASSERT_STRING_EQUAL(process_kind(last)->module, "coppice_local");
    exit2(0, last, "kill");
    assert_replies("1: the node has stopped killed\n");
    ask(2, "r", "value");
    assert_replies("2: ok {ok,0}\n");
    stop_all();
    outside_close();
}

static void versions_tell_changes(void)
{
    start_settled(REPLICA);
    CU_ASSERT_EQUAL(node_version(nodes[0].node, BYTES("s")), 0);
    CU_ASSERT_EQUAL(node_version(nodes[0].node, BYTES("coppice")), 0);
    uint64_t first = node_version(nodes[0].node, BYTES("r"));
    CU_ASSERT_NOT_EQUAL(first, 0);
    ask(1, "r", "value");
    CU_ASSERT_EQUAL(node_version(nodes[0].node, BYTES("r")), first);
    ask(2, "r", "{mutate, increment}");
    uint64_t second = node_version(nodes[0].node, BYTES("r"));
    CU_ASSERT_NOT_EQUAL(second, first);
    ask(3, "coppice", "{stop_replica, r}");
    CU_ASSERT_EQUAL(node_version(nodes[0].node, BYTES("r")), 0);
    ask(4, "coppice", "{start_replica, r, #{crdt => gcounter}}");
    CU_ASSERT_NOT_EQUAL(node_version(nodes[0].node, BYTES("r")), first);
    CU_ASSERT_NOT_EQUAL(node_version(nodes[0].node, BYTES("r")), second);
    stop_all();
}

SUITE("local", TEST(each_call_has_its_reply), TEST(other_nodes_are_called),
      TEST(a_call_ends_in_time), TEST(open_calls_end_with_the_node),
      TEST(open_calls_are_freed_with_the_node), TEST(the_caller_is_started_again),
      TEST(versions_tell_changes))
