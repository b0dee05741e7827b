/* Stories of whole nodes: what happens to them, and what their callers see of it,
 * as a trace with virtual times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "limits.h"
#include "story.h"

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

static void a_peer_that_was_cut_off_catches_up(struct sim *s)
{
    settle(s);
    sim_cut(s, 0, 1);
    sim_add(s, 0, 5);
    sim_run(s, 3 * TICKTIME_MS);
    SIM_TRACE(s, "[ 2000] n1 and n2 are cut\n"
                 "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2008] n1 += 5: ok\n"
                 "[ 2058] n3 has 5\n");
    sim_mend(s, 0, 1);
    SIM_WITHIN(s, LONG_MS, sim_agrees);
    SIM_TRACE(s, "[26000] n1 and n2 are mended\n"
                 "[26185] n2 has 5\n");
}

/* A delta is on its way, and is the last that is heard of the connection. */
static void a_broken_connection_loses_nothing(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 57);
    sim_break(s, 0, 1);
    SIM_WITHIN(s, LONG_MS, sim_agrees);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2008] n1 += 5: ok\n"
                 "[ 2057] n1 and n2 are broken\n"
                 "[ 2229] n2 has 5\n");
}

static void a_short_cut_only_delays(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 55);
    sim_cut(s, 0, 1);
    sim_run(s, 1000);
    sim_mend(s, 0, 1);
    sim_run(s, 1);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2008] n1 += 5: ok\n"
                 "[ 2055] n1 and n2 are cut\n"
                 "[ 3055] n1 and n2 are mended\n"
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
    sim_trace_forget(s);
    sim_start(s, 1);
    SIM_WITHIN(s, LONG_MS, sim_agrees);
    SIM_TRACE(s, "[ 6001] n2 starts\n"
                 "[ 6257] n2 is ready\n"
                 "[ 6271] n2 has 7\n");
}

/* What n1 told n2 alone before it crashed it hears from n2 again, and tells n3. */
static void what_one_knew_all_hear_in_the_end(struct sim *s)
{
    settle(s);
    sim_cut(s, 0, 2);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    sim_crash(s, 0);
    sim_run(s, 20000);
    sim_mend(s, 0, 2);
    sim_cut(s, 0, 1);
    SIM_TRACE(s, "[ 2000] n1 and n3 are cut\n"
                 "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2008] n1 += 5: ok\n"
                 "[ 2058] n2 has 5\n"
                 "[ 2150] n1 crashes\n"
                 "[22150] n1 and n3 are mended\n"
                 "[22150] n1 and n2 are cut\n");
    sim_start(s, 0);
    sim_run(s, 1000);
    sim_mend(s, 0, 1);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[22150] n1 starts\n"
                 "[22154] n1 is ready\n"
                 "[23150] n1 and n2 are mended\n"
                 "[23165] n1 has 5\n"
                 "[23255] n3 has 5\n");
}

/* A peer takes nothing for a while, and each delta is as large as a count may be: it
 * gets no more of them than the queue is to hold, and then the state. */
static void a_slow_peer_gets_the_state_when_it_has_drained(struct sim *s)
{
    static char request[LIMIT_COUNT_BYTES];
    int digits = sizeof(request) - 100;
    snprintf(request, sizeof(request), "{mutate, {increment, [16#f%0*d]}}", digits, 0);
    settle(s);
    sim_reckon_no_more(s);
    sim_cut(s, 0, 1);
    sim_call(s, 0, request);
    for (int i = 0; i < 500; i++) {
        sim_call(s, 0, "{mutate, increment}");
        sim_call(s, 0, "sync_now");
        sim_run(s, 5);
    }
    SIM_CLAIM(s, sim_under_way(s, 0, 1) > LIMIT_QUEUE_SLOW_BYTES);
    SIM_CLAIM(s, sim_under_way(s, 0, 1) < LIMIT_QUEUE_SLOW_BYTES + LIMIT_COUNT_BYTES);
    SIM_CLAIM(s, !sim_agrees(s));
    sim_mend(s, 0, 1);
    sim_run(s, 20); /* before the next sync */
    SIM_CLAIM(s, sim_agrees(s));
}

/* --- restarts ------------------------------------------------------------------- */

static void a_restarted_node_catches_up_before_it_writes(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    sim_trace_forget(s);
    sim_crash(s, 0);
    sim_start(s, 0);
    SIM_WITHIN(s, LONG_MS, sim_all_ready);
    sim_add(s, 0, 2);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2150] n1 crashes\n"
                 "[ 2150] n1 starts\n"
                 "[ 2154] n1 is ready\n"
                 "[ 2154] n1 += 2\n"
                 "[ 2168] n1 has 5\n"
                 "[ 2170] n1 has 7\n"
                 "[ 2171] n1 += 2: ok\n"
                 "[ 2255] n2 has 7\n");
}

/* Both may dial at once, one may find the other's old connection, epmd may not know
 * the name yet: every millisecond is another case. */
static void it_catches_up_whenever_it_comes_back(struct sim *s)
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
        SIM_CLAIM(s, sim_value(s, 0) == (int64_t)pause_ms + 1);
        SIM_CLAIM(s, sim_agrees(s));
    }
}

/* Between two ticks: its peer does not know yet that the old connection is dead. */
static void a_node_that_vanished_comes_back_under_its_name(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 300);
    sim_trace_forget(s);
    sim_trace_logs(s);
    sim_vanish(s, 0);
    sim_start(s, 0);
    sim_run(s, 1000);
    SIM_TRACE(s, "[ 2300] n1 vanishes\n"
                 "[ 2300] n1 starts\n"
                 "[ 2322] epmd runs on h1\n"
                 "[ 2556] n1: joined pg scope coppice_scope\n"
                 "[ 2556] n1 is ready\n"
                 "[ 2567] n2: n1@h1 reconnected\n"
                 "[ 2567] n2: connected to n1@h1\n"
                 "[ 2568] n1: connected to n2@h2\n"
                 "[ 2572] n1 has 5\n");
}

static void a_node_alone_does_not_wait_for_long(struct sim *s)
{
    settle(s);
    sim_crash(s, 1);
    sim_crash(s, 0);
    sim_start(s, 0);
    SIM_WITHIN(s, LONG_MS, sim_all_ready);
    sim_trace_forget(s);
    sim_add(s, 0, 1);
    sim_run(s, 100);
    SIM_TRACE(s, "[ 2004] n1 += 1\n"
                 "[ 2011] n1 has 1\n"
                 "[ 2012] n1 += 1: ok\n");
}

/* The machine of the only peer is dark, so nobody says that it is not there. */
static void a_silent_peer_is_waited_for_in_vain(struct sim *s)
{
    settle(s);
    sim_vanish(s, 1);
    sim_crash(s, 0);
    sim_start(s, 0);
    SIM_WITHIN(s, LONG_MS, sim_all_ready);
    sim_trace_forget(s);
    sim_add(s, 0, 1);
    sim_run(s, 6000);
    SIM_TRACE(s, "[ 2004] n1 += 1\n"
                 "[ 5011] n1 has 1\n"
                 "[ 5012] n1 += 1: ok\n");
}

/* --- connections ----------------------------------------------------------------- */

static void two_dial_at_once_and_are_connected_once(struct sim *s)
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

static void a_peer_that_falls_silent_is_given_up(struct sim *s)
{
    settle(s);
    sim_trace_logs(s);
    sim_vanish(s, 1);
    sim_run(s, 2 * TICKTIME_MS);
    SIM_TRACE(s, "[ 2000] n2 vanishes\n"
                 "[ 8274] n1: n2@h2 disconnected: silent for longer than net_ticktime\n");
}

static void epmd_comes_back_and_is_told_again(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_crash(s, 1);
    sim_run(s, 100);
    sim_trace_logs(s);
    sim_trace_forget(s);
    sim_epmd_down(s, 0);
    sim_run(s, 1000);
    sim_start(s, 1);
    SIM_WITHIN(s, LONG_MS, sim_agrees);
    SIM_TRACE(s, "[ 2100] epmd ends on h1\n"
                 "[ 2101] n1: lost epmd; registering again when it is back\n"
                 "[ 2121] epmd runs on h1\n"
                 "[ 2355] n1: registered again with epmd\n"
                 "[ 3100] n2 starts\n"
                 "[ 3104] n2: joined pg scope coppice_scope\n"
                 "[ 3104] n2 is ready\n"
                 "[ 3113] n1: connected to n2@h2\n"
                 "[ 3114] n2: connected to n1@h1\n"
                 "[ 3118] n2 has 5\n");
}

/* --- callers ----------------------------------------------------------------------- */

static void stop_says_good_bye(struct sim *s)
{
    settle(s);
    sim_monitor(s, 0);
    sim_add(s, 0, 5);
    sim_run(s, 20);
    sim_stop(s, 0);
    sim_run(s, 1000);
    SIM_TRACE(s, "[ 2000] watching n1\n"
                 "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2008] n1 += 5: ok\n"
                 "[ 2020] n1 is told to stop\n"
                 "[ 2020] n1 ends with 0\n"
                 "[ 2021] n2 has 5\n"
                 "[ 2021] watching n1: down, shutdown\n");
}

static void a_caller_hears_that_the_node_has_crashed(struct sim *s)
{
    settle(s);
    sim_monitor(s, 0);
    sim_run(s, 20);
    sim_add(s, 0, 5);
    sim_crash(s, 0);
    sim_run(s, 100);
    SIM_TRACE(s, "[ 2000] watching n1\n"
                 "[ 2020] n1 += 5\n"
                 "[ 2020] n1 crashes\n"
                 "[ 2021] watching n1: not connected any more\n"
                 "[ 2021] n1 += 5: not connected any more\n");
}

static void funs_run_on_their_callers_node_and_in_turn(struct sim *s)
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

static void a_lost_caller_takes_its_fun_along(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 1);
    sim_run(s, 20);
    sim_add_by_closure(s, 0, 3);
    sim_add(s, 0, 4);
    sim_run(s, 1);
    sim_break_caller(s, 0);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n1 += 1\n"
                 "[ 2007] n1 has 1\n"
                 "[ 2008] n1 += 1: ok\n"
                 "[ 2020] n1 += 3 by a closure\n"
                 "[ 2020] n1 += 4\n"
                 "[ 2021] caller1 is broken\n"
                 "[ 2022] n1 += 3 by a closure: not connected any more\n"
                 "[ 2022] n1 += 4: not connected any more\n"
                 "[ 2022] n1 has 5\n"
                 "[ 2058] n2 has 5\n");
}

static void what_is_wrong_changes_nothing(struct sim *s)
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
        "[ 2000] n1, without an answer, {mutate, increment, twice}\n"
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
    SIM_TRACE(
        s, "[ 2000] a command to n1: replicas\n"
           "[ 2012] the command is answered: {ok,[counter]}\n"
           "[ 2200] n2 crashes\n"
           "[ 2200] a command to n2: replicas\n"
           "[ 2204] the command is answered in vain: <<\"epmd there does not know that name\">>\n");
}

/* --- all of them ------------------------------------------------------------------- */

static const struct story stories[] = {
    {"a delta reaches the peer on sync", 2, "gcounter", a_delta_reaches_the_peer_on_sync},
    {"a peer that was cut off catches up", 3, "gcounter", a_peer_that_was_cut_off_catches_up},
    {"a broken connection loses nothing", 2, "gcounter", a_broken_connection_loses_nothing},
    {"a short cut only delays", 2, "pncounter", a_short_cut_only_delays},
    {"a late joiner gets the full state", 2, "gcounter", a_late_joiner_gets_the_full_state},
    {"a slow peer gets the state when it has drained", 2, "gcounter",
     a_slow_peer_gets_the_state_when_it_has_drained},
    {"what one knew all hear in the end", 3, "pncounter", what_one_knew_all_hear_in_the_end},
    {"a restarted node catches up before it writes", 2, "gcounter",
     a_restarted_node_catches_up_before_it_writes},
    {"it catches up whenever it comes back", 2, "gcounter", it_catches_up_whenever_it_comes_back},
    {"a node that vanished comes back under its name", 2, "gcounter",
     a_node_that_vanished_comes_back_under_its_name},
    {"a node alone does not wait for long", 2, "gcounter", a_node_alone_does_not_wait_for_long},
    {"a silent peer is waited for in vain", 2, "gcounter", a_silent_peer_is_waited_for_in_vain},
    {"two dial at once and are connected once", 2, "gcounter",
     two_dial_at_once_and_are_connected_once},
    {"a peer that falls silent is given up", 2, "gcounter", a_peer_that_falls_silent_is_given_up},
    {"epmd comes back and is told again", 2, "gcounter", epmd_comes_back_and_is_told_again},
    {"stop says good-bye", 2, "gcounter", stop_says_good_bye},
    {"a caller hears that the node has crashed", 2, "gcounter",
     a_caller_hears_that_the_node_has_crashed},
    {"funs run on their caller's node, and in turn", 2, "pncounter",
     funs_run_on_their_callers_node_and_in_turn},
    {"a lost caller takes its fun along", 2, "gcounter", a_lost_caller_takes_its_fun_along},
    {"what is wrong changes nothing", 2, "gcounter", what_is_wrong_changes_nothing},
    {"commands are answered", 2, "gcounter", commands_are_answered},
    {0},
};

struct tally {
    unsigned passed, failed;
};

static void tell(const struct story *story, struct cast cast, const char *program, struct tally *t)
{
    char command[200];
    snprintf(command, sizeof(command), "%s \"%s\"", program, story->name);
    sim_replay_with(command);
    struct sim *s = story_world(story, cast);
    story->tell(s);
    printf("  %s %s\n", sim_failed(s) ? "FAIL " : "ok   ", story->name);
    t->passed += !sim_failed(s);
    t->failed += sim_failed(s);
    sim_free(s);
}

/* stories [NAME]: all of them, or the one that is called so. */
int main(int argc, char **argv)
{
    struct tally tally = {0};
    static const struct {
        const struct story *stories;
        struct cast cast;
    } lists[] = {{stories, {0}},
                 {type_stories, {0}},
                 {beam_stories, {.beams = 2}},
                 {disk_stories, {.disks = true}}};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (const struct story *story = lists[i].stories; story->name != NULL; story++)
            if (argc <= 1 || strcmp(argv[1], story->name) == 0)
                tell(story, lists[i].cast, argv[0], &tally);
    printf("%u passed, %u failed\n", tally.passed, tally.failed);
    return tally.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
