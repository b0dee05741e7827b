/* Replicas that end: restarted, or the node ends. */
#include <sysexits.h>

#include "limits.h"
#include "unit/node/nodes.h"

#define SCOPE   "{scope, s}. "
#define REPLICA "{replica, r, #{crdt => gcounter, group => g}}."

static struct process *replica(const char *name)
{
    return process_named(node_processes(nodes[0].node), bytes_of(name));
}

/* --- signals from outside ------------------------------------------------------------ */

static void ignore(struct post *post, const struct signal *signal)
{
    (void)post;
    (void)signal;
}

static bool is_connected(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return false;
}

static uint64_t no_flags(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return 0;
}

static void log_to_node(struct post *post, enum log_level level, struct bytes line)
{
    (void)post;
    buf_printf(&nodes[0].log, "%d %.*s\n", (int)level, TEXT(line));
}

static void exit2(struct process *p, const char *reason)
{
    struct post post = {ignore, is_connected, no_flags, is_connected, log_to_node};
    struct turn t = {.now_ms = net.now_ms, .post = &post};
    struct buf pid = {0}, why = {0};
    buf_put(&pid, process_pid(p));
    buf_put(&why, term_of(reason));
    processes_signal(node_processes(nodes[0].node), BYTES("x@h"),
                     &(struct signal){.kind = SIGNAL_EXIT2,
                                      .from = term_of("#Pid<'x@h'.1.0.1>"),
                                      .to = buf_bytes(&pid),
                                      .reason = buf_bytes(&why)},
                     &t);
    buf_free(&pid);
    buf_free(&why);
    run_for(0);
    step(0, (struct event){.kind = EVENT_WAKE});
}

static void kill_replica(const char *name)
{
    struct process *p = replica(name);
    CU_ASSERT_FATAL(p != NULL);
    exit2(p, "kill");
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
    stop_all();
}

static void other_exit_signals_are_ignored(void)
{
    start(0, "a@h", SCOPE REPLICA);
    run_for(5000);
    struct process *before = replica("r");
    exit2(before, "shutdown");
    exit2(before, "{badmatch, 1}");
    CU_ASSERT(replica("r") == before);
    CU_ASSERT_EQUAL(status_number(0, "ignored"), 2);
    stop_all();
}

SUITE("restarts of replicas", TEST(a_killed_replica_is_restarted),
      TEST(too_many_restarts_end_the_node), TEST(restarts_that_are_far_between_go_on),
      TEST(other_exit_signals_are_ignored))
