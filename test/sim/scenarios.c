/* Scenarios of whole nodes.  Each asserts its trace: faults, requests, replies and changed
 * values, with virtual times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "limits.h"
#include "scenario.h"

/* --- deltas and states --------------------------------------------------------- */

static void a_delta_reaches_the_peer_on_sync(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2008] n1 += 5: ok\n"
                 "[ 2058] n2 has 5\n");
    sim_add(s, 1, 3);
    sim_call(s, 1, "sync_now");
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2150] n2 += 3\n"
                 "[ 2150] n2, sync_now\n"
                 "[ 2157] n2 has 8\n"
                 "[ 2158] n2 += 3: ok\n"
                 "[ 2158] n2, sync_now: ok\n"
                 "[ 2158] n1 has 8\n");
}

static void a_partitioned_peer_catches_up(struct sim *s)
{
    settle(s);
    sim_cut(s, 0, 1);
    sim_add(s, 0, 5);
    sim_run(s, 3 * TICKTIME_MS);
    SIM_TRACE(s, "[ 2000] n1 - n2 is cut\n"
                 "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2008] n1 += 5: ok\n"
                 "[ 2058] n3 has 5\n");
    sim_heal(s, 0, 1);
    SIM_WITHIN(s, LONG_MS, sim_converged);
    SIM_TRACE(s, "[26000] n1 - n2 is healed\n"
                 "[26012] n2 has 5\n");
}

/* A peer that accepts us and then disconnects is not dialled several times a second for ever. */
static void a_link_that_dies_at_once_is_dialled_with_growing_pauses(struct sim *s)
{
    settle(s);
    for (unsigned i = 0; i < 7; i++) {
        uint64_t reset_ms = sim_now(s);
        sim_reset(s, 0, 1);
        sim_run(s, 10); /* until both have noticed */
        SIM_WITHIN(s, LONG_MS, sim_all_settled);
        SIM_ASSERT(s, sim_now(s) - reset_ms >= ((uint64_t)LIMIT_DIAL_BACKOFF_MIN_MS << i) / 2);
    }
    sim_run(s, LIMIT_LINK_LASTED_MS);
    sim_reset(s, 0, 1);
    sim_run(s, 10);
    SIM_WITHIN(s, 2 * LIMIT_DIAL_BACKOFF_MIN_MS, sim_all_settled);
}

/* The reset comes while a delta is in flight. */
static void a_reset_connection_loses_nothing(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 57);
    sim_reset(s, 0, 1);
    SIM_WITHIN(s, LONG_MS, sim_converged);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2008] n1 += 5: ok\n"
                 "[ 2057] n1 - n2 is reset\n"
                 "[ 2242] n2 has 5\n");
}

static void a_short_partition_only_delays(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 55);
    sim_cut(s, 0, 1);
    sim_run(s, 1000);
    sim_heal(s, 0, 1);
    sim_run(s, 1);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2008] n1 += 5: ok\n"
                 "[ 2055] n1 - n2 is cut\n"
                 "[ 3055] n1 - n2 is healed\n"
                 "[ 3056] n2 has 5\n");
}

static void a_late_joiner_gets_the_full_state(struct sim *s)
{
    sim_start(s, 0);
    sim_run(s, 2000);
    sim_add(s, 0, 5);
    sim_run(s, 2000);
    sim_add(s, 0, 2);
    sim_run(s, 2000);
    sim_trace_clear(s);
    sim_start(s, 1);
    SIM_WITHIN(s, LONG_MS, sim_converged);
    SIM_TRACE(s, "[ 6001] n2 starts\n"
                 "[ 6257] n2 is ready\n"
                 "[ 6269] n2 has 7\n");
}

/* n1's change reached only n2 before the crash; n1 gets it back from n2, and sends it to n3. */
static void a_restarted_node_passes_on_its_recovered_state(struct sim *s)
{
    settle(s);
    sim_cut(s, 0, 2);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    sim_crash(s, 0);
    sim_run(s, 20000);
    sim_heal(s, 0, 2);
    sim_cut(s, 0, 1);
    SIM_TRACE(s, "[ 2000] n1 - n3 is cut\n"
                 "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2008] n1 += 5: ok\n"
                 "[ 2058] n2 has 5\n"
                 "[ 2150] n1 crashes\n"
                 "[22150] n1 - n3 is healed\n"
                 "[22150] n1 - n2 is cut\n");
    sim_start(s, 0);
    sim_run(s, 1000);
    sim_heal(s, 0, 1);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[22150] n1 starts\n"
                 "[22154] n1 is ready\n"
                 "[23150] n1 - n2 is healed\n"
                 "[23163] n1 has 5\n"
                 "[23255] n3 has 5\n");
}

/* A peer reads nothing for a while, and each delta has the greatest size of a count: only as many
 * are queued as the limit allows, and then it gets the state. */
static void a_slow_peer_gets_the_state_once_drained(struct sim *s)
{
    static char request[LIMIT_COUNT_BYTES];
    int digits = sizeof(request) - 100;
    snprintf(request, sizeof(request), "{mutate, {increment, [16#f%0*d]}}", digits, 0);
    settle(s);
    sim_stop_accounting(s);
    sim_cut(s, 0, 1);
    sim_call(s, 0, request);
    for (int i = 0; i < 500; i++) {
        sim_call(s, 0, "{mutate, increment}");
        sim_call(s, 0, "sync_now");
        sim_run(s, 5);
    }
    SIM_ASSERT(s, sim_in_flight(s, 0, 1) > LIMIT_QUEUE_SLOW_BYTES);
    SIM_ASSERT(s, sim_in_flight(s, 0, 1) < LIMIT_QUEUE_SLOW_BYTES + LIMIT_COUNT_BYTES);
    SIM_ASSERT(s, !sim_converged(s));
    sim_heal(s, 0, 1);
    sim_run(s, 20); /* before the next sync */
    SIM_ASSERT(s, sim_converged(s));
}

/* --- restarts ------------------------------------------------------------------- */

static void a_restarted_node_catches_up_before_it_writes(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    sim_trace_clear(s);
    sim_crash(s, 0);
    sim_start(s, 0);
    SIM_WITHIN(s, LONG_MS, sim_all_ready);
    sim_add(s, 0, 2);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2150] n1 crashes\n"
                 "[ 2150] n1 starts\n"
                 "[ 2154] n1 is ready\n"
                 "[ 2154] n1 += 2\n"
                 "[ 2166] n1 has 5\n"
                 "[ 2168] n1 has 7\n"
                 "[ 2169] n1 += 2: ok\n"
                 "[ 2255] n2 has 7\n");
}

/* Both may dial at once, one may find the other's old connection, epmd may not know the name yet:
 * every millisecond of downtime is another case. */
static void a_node_catches_up_after_any_downtime(struct sim *s)
{
    settle(s);
    for (unsigned pause_ms = 0; pause_ms < 400; pause_ms++) {
        unsigned node = pause_ms % 2;
        sim_crash(s, node);
        sim_run(s, pause_ms);
        sim_start(s, node);
        SIM_WITHIN(s, LONG_MS, sim_all_ready);
        sim_add(s, node, 1);
        sim_run(s, 4000);
        SIM_ASSERT(s, sim_value(s, 0) == (int64_t)pause_ms + 1);
        SIM_ASSERT(s, sim_converged(s));
    }
}

/* Between two ticks, so its peer does not know yet that the old connection is dead. */
static void a_node_reconnects_after_a_power_loss(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 300);
    sim_trace_clear(s);
    sim_trace_logs(s);
    sim_power_off(s, 0);
    sim_start(s, 0);
    sim_run(s, 1000);
    SIM_TRACE(s, "[ 2300] n1 loses power\n"
                 "[ 2300] n1 starts\n"
                 "[ 2322] epmd runs on h1\n"
                 "[ 2556] n1: joined pg scope coppice_scope\n"
                 "[ 2556] n1 is ready\n"
                 "[ 2567] n2: n1@h1 reconnected\n"
                 "[ 2567] n2: connected to n1@h1\n"
                 "[ 2568] n1: connected to n2@h2\n"
                 "[ 2570] n1 has 5\n");
}

static void a_lone_node_does_not_wait_long(struct sim *s)
{
    settle(s);
    sim_crash(s, 1);
    sim_crash(s, 0);
    sim_start(s, 0);
    SIM_WITHIN(s, LONG_MS, sim_all_ready);
    sim_trace_clear(s);
    sim_add(s, 0, 1);
    sim_run(s, 100);
    SIM_TRACE(s, "[ 2004] n1 += 1\n"
                 "[ 2011] n1 has 1\n"
                 "[ 2012] n1 += 1: ok\n");
}

/* The only peer's machine is off, so nothing refuses the dial. */
static void waiting_for_a_silent_peer_times_out(struct sim *s)
{
    settle(s);
    sim_power_off(s, 1);
    sim_crash(s, 0);
    sim_start(s, 0);
    SIM_WITHIN(s, LONG_MS, sim_all_ready);
    sim_trace_clear(s);
    sim_add(s, 0, 1);
    sim_run(s, 6000);
    SIM_TRACE(s, "[ 2004] n1 += 1\n"
                 "[ 5011] n1 has 1\n"
                 "[ 5012] n1 += 1: ok\n");
}

/* --- connections ----------------------------------------------------------------- */

static void simultaneous_dials_give_one_connection(struct sim *s)
{
    sim_trace_logs(s);
    sim_start_all(s);
    sim_run(s, 3 * TICKTIME_MS);
    SIM_TRACE(s, "[    1] n1 starts\n"
                 "[    1] n2 starts\n"
                 "[   23] epmd runs on h1\n"
                 "[   23] epmd runs on h2\n"
                 "[  257] n1: joined pg scope coppice_scope\n"
                 "[  257] n1 is ready\n"
                 "[  257] n2: joined pg scope coppice_scope\n"
                 "[  257] n2 is ready\n"
                 "[  266] n1: connected to n2@h2\n"
                 "[  267] n2: connected to n1@h1\n");
}

static void a_silent_peer_is_disconnected(struct sim *s)
{
    settle(s);
    sim_trace_logs(s);
    sim_power_off(s, 1);
    sim_run(s, 2 * TICKTIME_MS);
    SIM_TRACE(s, "[ 2000] n2 loses power\n"
                 "[ 8272] n1: n2@h2 disconnected: silent for longer than net_ticktime\n");
}

static void a_node_registers_again_when_epmd_is_back(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_crash(s, 1);
    sim_run(s, 100);
    sim_trace_logs(s);
    sim_trace_clear(s);
    sim_epmd_down(s, 0);
    sim_run(s, 800);
    sim_epmd_up(s, 0);
    sim_run(s, 1200);
    sim_start(s, 1);
    SIM_WITHIN(s, LONG_MS, sim_converged);
    SIM_TRACE(s, "[ 2100] epmd ends on h1\n"
                 "[ 2101] n1: lost epmd; registering again when it is back\n"
                 "[ 2900] epmd runs on h1\n"
                 "[ 3859] n1: registered again with epmd\n"
                 "[ 4100] n2 starts\n"
                 "[ 4104] n2: joined pg scope coppice_scope\n"
                 "[ 4104] n2 is ready\n"
                 "[ 4113] n1: connected to n2@h2\n"
                 "[ 4114] n2: connected to n1@h1\n"
                 "[ 4116] n2 has 5\n");
}

/* --- callers ----------------------------------------------------------------------- */

static void stop_flushes_deltas_and_sends_down(struct sim *s)
{
    settle(s);
    sim_monitor(s, 0);
    sim_add(s, 0, 5);
    sim_run(s, 20);
    sim_stop(s, 0);
    sim_run(s, 1000);
    SIM_TRACE(s, "[ 2000] monitor n1\n"
                 "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2008] n1 += 5: ok\n"
                 "[ 2020] n1 is told to stop\n"
                 "[ 2020] n1 exits with 0\n"
                 "[ 2021] n2 has 5\n"
                 "[ 2021] monitor n1: down, shutdown\n");
}

static void a_caller_notices_that_the_node_has_crashed(struct sim *s)
{
    settle(s);
    sim_monitor(s, 0);
    sim_run(s, 20);
    sim_add(s, 0, 5);
    sim_crash(s, 0);
    sim_run(s, 100);
    SIM_TRACE(s, "[ 2000] monitor n1\n"
                 "[ 2020] n1 += 5\n"
                 "[ 2020] n1 crashes\n"
                 "[ 2021] monitor n1: connection lost\n"
                 "[ 2021] n1 += 5: connection lost\n");
}

static void funs_run_on_their_callers_node_in_order(struct sim *s)
{
    settle(s);
    sim_add_by_closure(s, 0, 3);
    sim_add(s, 0, 4);
    sim_add_by_export(s, 0);
    sim_add(s, 1, 10);
    sim_add(s, 1, -1);
    sim_call(s, 0, "value");
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n1 += 3 by a closure\n"
                 "[ 2000] n1 += 4\n"
                 "[ 2000] n1 += 1 by a named fun\n"
                 "[ 2000] n2 += 10\n"
                 "[ 2000] n2 -= 1\n"
                 "[ 2000] n1, value\n"
                 "[ 2007] n2 has 10\n"
                 "[ 2007] n2 has 9\n"
                 "[ 2008] n1, value: {ok,0}\n"
                 "[ 2008] n2 += 10: ok\n"
                 "[ 2008] n2 -= 1: ok\n"
                 "[ 2009] n1 has 8\n"
                 "[ 2010] n1 += 3 by a closure: ok\n"
                 "[ 2010] n1 += 4: ok\n"
                 "[ 2010] n1 += 1 by a named fun: ok\n"
                 "[ 2058] n2 has 17\n"
                 "[ 2058] n1 has 17\n");
}

/* The second and the third share a question. */
static void funs_that_wait_are_sent_together(struct sim *s)
{
    settle(s);
    sim_add_by_closure(s, 0, 3);
    sim_add_by_closure(s, 0, 10);
    sim_add_by_closure(s, 0, 20);
    sim_call(s, 0, "value");
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n1 += 3 by a closure\n"
                 "[ 2000] n1 += 10 by a closure\n"
                 "[ 2000] n1 += 20 by a closure\n"
                 "[ 2000] n1, value\n"
                 "[ 2008] n1, value: {ok,0}\n"
                 "[ 2009] n1 has 3\n"
                 "[ 2010] n1 += 3 by a closure: ok\n"
                 "[ 2011] n1 has 33\n"
                 "[ 2012] n1 += 10 by a closure: ok\n"
                 "[ 2012] n1 += 20 by a closure: ok\n"
                 "[ 2058] n2 has 33\n");
}

static void a_fun_is_dropped_with_its_caller(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 1);
    sim_run(s, 20);
    sim_add_by_closure(s, 0, 3);
    sim_add(s, 0, 4);
    sim_run(s, 1);
    sim_reset_caller(s, 0);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n1 += 1\n"
                 "[ 2007] n1 has 1\n"
                 "[ 2008] n1 += 1: ok\n"
                 "[ 2020] n1 += 3 by a closure\n"
                 "[ 2020] n1 += 4\n"
                 "[ 2021] caller1 is reset\n"
                 "[ 2022] n1 += 3 by a closure: connection lost\n"
                 "[ 2022] n1 += 4: connection lost\n"
                 "[ 2022] n1 has 5\n"
                 "[ 2058] n2 has 5\n");
}

static void invalid_requests_change_nothing(struct sim *s)
{
    settle(s);
    sim_call(s, 0, "{batch, [increment, {increment, [-1]}]}");
    sim_call(s, 0, "{mutate, {multiply, [2]}}");
    sim_call(s, 0, "{forget, everything}");
    sim_cast(s, 0, "{mutate, increment, twice}");
    sim_call(s, 0, "value");
    sim_run(s, SOON_MS);
    SIM_TRACE(
        s,
        "[ 2000] n1, {batch, [increment, {increment, [-1]}]}\n"
        "[ 2000] n1, {mutate, {multiply, [2]}}\n"
        "[ 2000] n1, {forget, everything}\n"
        "[ 2000] n1, cast {mutate, increment, twice}\n"
        "[ 2000] n1, value\n"
        "[ 2008] n1, {batch, [increment, {increment, [-1]}]}: {error,{bad_op,{increment,[-1]}}}\n"
        "[ 2008] n1, {mutate, {multiply, [2]}}: {error,{bad_op,{multiply,[2]}}}\n"
        "[ 2008] n1, {forget, everything}: {error,{unknown_request,{forget,everything}}}\n"
        "[ 2008] n1, value: {ok,0}\n");
}

static void commands_are_answered(struct sim *s)
{
    settle(s);
    sim_command(s, 0, "replicas");
    sim_run(s, 200);
    sim_crash(s, 1);
    sim_command(s, 1, "replicas");
    sim_run(s, 1000);
    SIM_TRACE(s, "[ 2000] command to n1: replicas\n"
                 "[ 2012] the command returns: {ok,[counter]}\n"
                 "[ 2200] n2 crashes\n"
                 "[ 2200] command to n2: replicas\n"
                 "[ 2204] the command fails: <<\"epmd there does not know that name\">>\n");
}

/* --- all of them ------------------------------------------------------------------- */

static const struct scenario scenarios[] = {
    {"a delta reaches the peer on sync", 2, "gcounter", a_delta_reaches_the_peer_on_sync},
    {"a partitioned peer catches up", 3, "gcounter", a_partitioned_peer_catches_up},
    {"a reset connection loses nothing", 2, "gcounter", a_reset_connection_loses_nothing},
    {"a link that dies at once is dialled with growing pauses", 2, "gcounter",
     a_link_that_dies_at_once_is_dialled_with_growing_pauses},
    {"a short partition only delays", 2, "pncounter", a_short_partition_only_delays},
    {"a late joiner gets the full state", 2, "gcounter", a_late_joiner_gets_the_full_state},
    {"a slow peer gets the state once drained", 2, "gcounter",
     a_slow_peer_gets_the_state_once_drained},
    {"a restarted node passes on its recovered state", 3, "pncounter",
     a_restarted_node_passes_on_its_recovered_state},
    {"a restarted node catches up before it writes", 2, "gcounter",
     a_restarted_node_catches_up_before_it_writes},
    {"a node catches up after any downtime", 2, "gcounter", a_node_catches_up_after_any_downtime},
    {"a node reconnects after a power loss", 2, "gcounter", a_node_reconnects_after_a_power_loss},
    {"a lone node does not wait long", 2, "gcounter", a_lone_node_does_not_wait_long},
    {"waiting for a silent peer times out", 2, "gcounter", waiting_for_a_silent_peer_times_out},
    {"simultaneous dials give one connection", 2, "gcounter",
     simultaneous_dials_give_one_connection},
    {"a silent peer is disconnected", 2, "gcounter", a_silent_peer_is_disconnected},
    {"a node registers again when epmd is back", 2, "gcounter",
     a_node_registers_again_when_epmd_is_back},
    {"stop flushes deltas and sends DOWN", 2, "gcounter", stop_flushes_deltas_and_sends_down},
    {"a caller notices that the node has crashed", 2, "gcounter",
     a_caller_notices_that_the_node_has_crashed},
    {"funs run on their caller's node, in order", 2, "pncounter",
     funs_run_on_their_callers_node_in_order},
    {"funs that wait are sent together", 2, "pncounter", funs_that_wait_are_sent_together},
    {"a fun is dropped with its caller", 2, "gcounter", a_fun_is_dropped_with_its_caller},
    {"invalid requests change nothing", 2, "gcounter", invalid_requests_change_nothing},
    {"commands are answered", 2, "gcounter", commands_are_answered},
    {0},
};

struct tally {
    unsigned passed, failed;
};

static void run(const struct scenario *scenario, struct cast cast, const char *program,
                struct tally *t)
{
    char command[200];
    snprintf(command, sizeof(command), "%s \"%s\"", program, scenario->name);
    sim_replay_with(command);
    struct sim *s = scenario_sim(scenario, cast);
    scenario->run(s);
    printf("  %s %s\n", sim_failed(s) ? "FAIL " : "ok   ", scenario->name);
    t->passed += !sim_failed(s);
    t->failed += sim_failed(s);
    sim_free(s);
}

/* scenarios [NAME]: runs all of them, or the one with that name. */
int main(int argc, char **argv)
{
    struct tally tally = {0};
    static const struct {
        const struct scenario *scenarios;
        struct cast cast;
    } lists[] = {{scenarios, {0}},
                 {type_scenarios, {0}},
                 {beam_scenarios, {.beams = 2}},
                 {disk_scenarios, {.disks = true}},
                 {mount_scenarios, {.disks = true, .mounts = true}},
                 {pubsub_scenarios, {.beams = 1, .pubsub = true}},
                 {reader_scenarios, {.reader = true}},
                 {reader_scenarios, {.beams = 1, .reader = true}},
                 {reader_scenarios, {.beams = 1, .pubsub = true, .reader = true}}};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (const struct scenario *scenario = lists[i].scenarios; scenario->name != NULL;
             scenario++)
            if (argc <= 1 || strcmp(argv[1], scenario->name) == 0)
                run(scenario, lists[i].cast, argv[0], &tally);
    printf("%u passed, %u failed\n", tally.passed, tally.failed);
    return tally.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
