/* Replicas that end: restarted, or the node ends. */
#include <sysexits.h>

#include "limits.h"
#include "unit/node/outside.h"

#define SCOPE   "{scope, s}. "
#define REPLICA "{replica, r, #{crdt => gcounter, group => g}}."

static struct process *replica(const char *name)
{
    return process_named(node_processes(nodes[0].node), bytes_of(name));
}

static void kill_replica(const char *name)
{
    struct process *p = replica(name);
    CU_ASSERT_FATAL(p != NULL);
    exit2(0, p, "kill");
}

/* --- tests ----------------------------------------------------------------------------- */

static void a_killed_replica_is_restarted(void)
{
    start(0, "a@h", SCOPE REPLICA);
    run_for(5000);
    struct buf pid = {0};
    buf_put(&pid, process_pid(replica("r")));
    kill_replica("r");
    CU_ASSERT_FATAL(replica("r") != NULL);
    CU_ASSERT_FALSE(bytes_equal(process_pid(replica("r")), buf_bytes(&pid)));
    CU_ASSERT(bytes_equal(replica_group(replica("r")), term_of("g")));
    CU_ASSERT_TRUE(logged(0, "r ended: killed; restarting it"));
    /* It is settled again: it takes mutations. */
    run_for(LIMIT_CATCH_UP_MS + 1000);
    cast(0, "{mutate, increment}");
    CU_ASSERT_EQUAL(status_number(0, "mutations"), 1);
    CU_ASSERT_FALSE(nodes[0].ended);
    buf_free(&pid);
    outside_close();
    stop_all();
}

static void too_many_restarts_end_the_node(void)
{
    start(0, "a@h", SCOPE REPLICA " {replica, q, #{crdt => gcounter}}.");
    run_for(5000);
    for (int i = 0; i < LIMIT_RESTARTS; i++)
        kill_replica(i % 2 == 0 ? "r" : "q");
    CU_ASSERT_FALSE(nodes[0].ended);
    kill_replica("q");
    CU_ASSERT_TRUE(nodes[0].ended);
    CU_ASSERT_EQUAL(nodes[0].code, EX_SOFTWARE);
    CU_ASSERT_TRUE(logged(0, "q ended: killed; replicas were restarted 3 times in 5 seconds"));
    outside_close();
    stop_all();
}

/* The limit is on a rate: any three in five seconds are allowed, for ever. */
static void restarts_that_are_far_between_go_on(void)
{
    start(0, "a@h", SCOPE REPLICA);
    run_for(5000);
    for (int i = 0; i < 10 * LIMIT_RESTARTS; i++) {
        if (i % LIMIT_RESTARTS == 0)
            run_for(LIMIT_RESTARTS_MS + 1);
        kill_replica("r");
    }
    CU_ASSERT_FALSE(nodes[0].ended);
    CU_ASSERT_PTR_NOT_NULL(replica("r"));
    run_for(LIMIT_RESTARTS_MS); /* not more than that: still within */
    kill_replica("r");
    CU_ASSERT_TRUE(nodes[0].ended);
    outside_close();
    stop_all();
}

static void other_exit_signals_are_ignored(void)
{
    start(0, "a@h", SCOPE REPLICA);
    run_for(5000);
    struct process *before = replica("r");
    exit2(0, before, "shutdown");
    exit2(0, before, "{badmatch, 1}");
    CU_ASSERT(replica("r") == before);
    CU_ASSERT_EQUAL(status_number(0, "ignored"), 2);
    outside_close();
    stop_all();
}

SUITE("restarts of replicas", TEST(a_killed_replica_is_restarted),
      TEST(too_many_restarts_end_the_node), TEST(restarts_that_are_far_between_go_on),
      TEST(other_exit_signals_are_ignored))
