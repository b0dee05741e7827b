/* Stories of whole nodes: what happens to them, and what their callers see of it,
 * as a trace with virtual times. */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

#define SYNC_MS     100
#define TICKTIME_MS 8000
/* A round trip and the sync after it. */
#define SOON_MS (SYNC_MS + 50)

static struct sim *world_of(unsigned nodes, const char *crdt)
{
    return sim_new(&(struct sim_options){.seed = 1,
                                         .nodes = nodes,
                                         .crdt = crdt,
                                         .sync_ms = SYNC_MS,
                                         .ticktime_ms = TICKTIME_MS,
                                         .latency_min_ms = 1,
                                         .latency_max_ms = 1});
}

/* All are up and know each other; the clock stands at 2000. */
static void settle(struct sim *s)
{
    sim_start_all(s);
    sim_run(s, 2000 - sim_now(s));
    sim_trace_forget(s);
}

static void a_delta_reaches_the_peer_on_sync(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 2 * SYNC_MS);
    SIM_TRACE(s, "");
}

static void a_peer_that_was_cut_off_catches_up(struct sim *s)
{
    settle(s);
    sim_cut(s, 0, 1);
    sim_add(s, 0, 5);
    sim_run(s, 3 * TICKTIME_MS);
    sim_mend(s, 0, 1);
    SIM_WITHIN(s, 60000, sim_agrees);
    SIM_TRACE(s, "");
}

static void a_broken_connection_loses_nothing(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 55);
    sim_break(s, 0, 1);
    SIM_WITHIN(s, 60000, sim_agrees);
    SIM_TRACE(s, "");
}

static void a_late_joiner_gets_the_full_state(struct sim *s)
{
    sim_start(s, 0);
    sim_run(s, 2000);
    sim_add(s, 0, 5);
    sim_run(s, 2000);
    sim_add(s, 0, 2);
    sim_run(s, 2000);
    sim_trace_forget(s);
    sim_start(s, 1);
    SIM_WITHIN(s, 60000, sim_agrees);
    SIM_TRACE(s, "");
}

static void a_restarted_node_catches_up_before_it_writes(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    sim_crash(s, 0);
    sim_start(s, 0);
    SIM_WITHIN(s, 60000, sim_all_ready);
    sim_add(s, 0, 2);
    sim_run(s, 2000);
    SIM_TRACE(s, "");
}

static void a_node_that_vanished_comes_back_under_its_name(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    sim_vanish(s, 0);
    sim_run(s, 100);
    sim_start(s, 0);
    sim_run(s, 2000);
    SIM_TRACE(s, "");
}

static void stop_says_good_bye(struct sim *s)
{
    settle(s);
    sim_monitor(s, 0);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    sim_stop(s, 0);
    sim_run(s, 1000);
    SIM_TRACE(s, "");
}

static void funs_and_deltas_do_not_wait_for_each_other(struct sim *s)
{
    settle(s);
    sim_add_by_closure(s, 0, 3);
    sim_add(s, 0, 4);
    sim_add_by_export(s, 0);
    sim_add(s, 1, 10);
    sim_add(s, 1, -1);
    sim_call(s, 0, "value");
    sim_cast(s, 0, "sync_now");
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "");
}

static void commands_are_answered(struct sim *s)
{
    settle(s);
    sim_command(s, 0, "replicas");
    sim_run(s, 200);
    sim_crash(s, 1);
    sim_command(s, 1, "replicas");
    sim_run(s, 1000);
    SIM_TRACE(s, "");
}

static const struct story {
    const char *name;
    unsigned nodes;
    const char *crdt;
    void (*tell)(struct sim *s);
} stories[] = {
    {"a delta reaches the peer on sync", 2, "gcounter", a_delta_reaches_the_peer_on_sync},
    {"a peer that was cut off catches up", 3, "gcounter", a_peer_that_was_cut_off_catches_up},
    {"a broken connection loses nothing", 2, "gcounter", a_broken_connection_loses_nothing},
    {"a late joiner gets the full state", 2, "gcounter", a_late_joiner_gets_the_full_state},
    {"a restarted node catches up before it writes", 2, "gcounter",
     a_restarted_node_catches_up_before_it_writes},
    {"a node that vanished comes back under its name", 2, "gcounter",
     a_node_that_vanished_comes_back_under_its_name},
    {"stop says good-bye", 2, "gcounter", stop_says_good_bye},
    {"funs and deltas do not wait for each other", 2, "pncounter",
     funs_and_deltas_do_not_wait_for_each_other},
    {"commands are answered", 2, "gcounter", commands_are_answered},
};

int main(void)
{
    unsigned passed = 0, failed = 0;
    sim_replay_with("build/gcc/stories");
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        struct sim *s = world_of(stories[i].nodes, stories[i].crdt);
        stories[i].tell(s);
        printf("  %s %s\n", sim_failed(s) ? "FAIL " : "ok   ", stories[i].name);
        passed += !sim_failed(s);
        failed += sim_failed(s);
        sim_free(s);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
