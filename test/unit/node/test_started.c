/* {start_replica, Name, Map}: one node leaves room for others. */
#include "limits.h"
#include "unit/node/outside.h"

/* Of the processes that there may be. */
#define ONE_NODES (LIMIT_PROCESSES / LIMIT_NODE_PART)

/* The answer to start_replica from that node, without a step for each: there are many. */
static struct bytes start_by(const char *node, unsigned number)
{
    struct turn t = {.now_ms = net.now_ms, .random = number, .post = &outside.post};
    struct buf name = {0}, message = {0};
    put_atom(&name, "coppice");
    put_tuple(&message, 3);
    put_atom(&message, "$gen_call");
    put_term(&message, term_of("{" OUTSIDER ", t}"));
    put_tuple(&message, 3);
    put_atom(&message, "start_replica");
    char text[20];
    snprintf(text, sizeof(text), "r%u", number);
    put_atom(&message, text);
    put_term(&message, term_of("#{crdt => gcounter}"));
    const struct signal signal = {
        .kind = SIGNAL_REG_SEND, .to = buf_bytes(&name), .payload = buf_bytes(&message)};
    processes_signal(node_processes(nodes[0].node), bytes_of(node), &signal, &t);
    buf_free(&name);
    buf_free(&message);
    return answer();
}

static bool starts(const char *node, unsigned number)
{
    struct etf_in in = etf_open(start_by(node, number));
    etf_tuple_of(&in, 2);
    return etf_accept(&in, "ok");
}

static bool is_refused(const char *node, unsigned number)
{
    return bytes_equal(start_by(node, number), term_of("{error, limit}"));
}

static void one_node_starts_half(void)
{
    start(0, "a@h", "");
    run_for(5000);
    CU_ASSERT(bytes_equal(call(0, "{stop_replica, none}"), term_of("{error, not_found}")));
    for (unsigned i = 0; i < ONE_NODES; i++)
        CU_ASSERT_FATAL(starts("x@h", i));
    CU_ASSERT(is_refused("x@h", ONE_NODES));
    CU_ASSERT(starts("y@h", ONE_NODES));
    /* Whoever stops one; and one that is restarted stays its own. */
    ASSERT_TERM(call(0, "{stop_replica, r1}"), term_of("ok"));
    CU_ASSERT(starts("x@h", 1));
    CU_ASSERT(is_refused("x@h", ONE_NODES + 1));
    exit2(0, process_named(node_processes(nodes[0].node), BYTES("r2")), "kill");
    CU_ASSERT(process_named(node_processes(nodes[0].node), BYTES("r2")) != NULL);
    CU_ASSERT(is_refused("x@h", ONE_NODES + 1));
    outside_close();
    stop_all();
}

static void all_start_no_more_than_there_may_be(void)
{
    start(0, "a@h", "");
    run_for(5000);
    CU_ASSERT(bytes_equal(call(0, "{stop_replica, none}"), term_of("{error, not_found}")));
    unsigned i = 0;
    while (starts(i % 3 == 0 ? "x@h" : i % 3 == 1 ? "y@h" : "z@h", i))
        i++;
    CU_ASSERT(i > LIMIT_PROCESSES - 10 && i < LIMIT_PROCESSES);
    CU_ASSERT(is_refused("u@h", i));
    outside_close();
    stop_all();
}

SUITE("started", TEST(one_node_starts_half), TEST(all_start_no_more_than_there_may_be))
