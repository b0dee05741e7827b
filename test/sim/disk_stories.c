/* Stories of replicas that are kept on disk: what is left of them. */
#include <errno.h>

#include "story.h"

/* The calls of an append are a write and a sync; the first of all makes the file before. */
#define CALL_SYNC 2
/* Of a snapshot the call that makes sure of the new table's name, and more than all. */
#define CALL_SYNC_FOLDER 10
#define CALLS_MAX        20
/* When the disk is tried again, and has answered. */
#define RETRY_MS 1100
#define JOURNAL  "counter.dets.2440f8ad.2.journal"

static void what_was_acknowledged_survives_a_kill(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    sim_crash(s, 0);
    sim_start(s, 0);
    sim_run(s, 50);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2050] n1 crashes\n"
                 "[ 2050] n1 starts\n"
                 "[ 2054] n1 is ready\n"
                 "[ 2059] n1 has 5\n");
}

/* The record is written, and the sync is its end: what is left of it is not taken for more. */
static void power_is_cut_in_the_middle_of_a_flush(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    sim_disk_cut(s, 0, CALL_SYNC, true);
    sim_add(s, 0, 3);
    sim_run(s, 50);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2050] n1's end is to come in call 2 to its disk\n"
                 "[ 2050] n1 += 3\n"
                 "[ 2051] n1 has 8\n"
                 "[ 2056] n1 vanishes\n");
    sim_trace_logs(s);
    sim_start(s, 0);
    sim_run(s, 500);
    SIM_TRACE(s, "[ 2100] n1 starts\n"
                 "[ 2122] epmd runs on h1\n"
                 "[ 2356] n1: joined pg scope coppice_scope\n"
                 "[ 2356] n1 is ready\n"
                 "[ 2361] n1: counter: loaded counter.dets: a snapshot, 1 journal records\n"
                 "[ 2361] n1 has 5\n");
}

/* The same, but the machine goes on: nobody was told, and yet it has happened. */
static void what_was_not_answered_may_have_happened(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    sim_disk_cut(s, 0, CALL_SYNC, false);
    sim_add(s, 0, 3);
    sim_run(s, 50);
    sim_start(s, 0);
    sim_run(s, 1000);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2050] n1's end is to come in call 2 to its disk\n"
                 "[ 2050] n1 += 3\n"
                 "[ 2051] n1 has 8\n"
                 "[ 2056] n1 crashes\n"
                 "[ 2057] n1 += 3: not connected any more\n"
                 "[ 2100] n1 starts\n"
                 "[ 2104] n1 is ready\n"
                 "[ 2109] n1 has 8\n"
                 "[ 2119] n2 has 8\n");
}

static void a_full_disk_refuses_until_there_is_room(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    sim_disk_fail(s, 0, 1, -ENOSPC, false);
    sim_add(s, 0, 3);
    sim_run(s, 12);
    sim_disk_fail(s, 0, 1, -ENOSPC, true); /* it has been read again, and is to be written to */
    sim_run(s, 50);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2050] n1's disk says in call 1: No space left on device\n"
                 "[ 2050] n1 += 3\n"
                 "[ 2051] n1 has 8\n"
                 "[ 2056] n1 has 0\n"
                 "[ 2057] n1 += 3: {error,{storage,enospc}}\n"
                 "[ 2061] n1 has 5\n"
                 "[ 2062] n1's disk says in call 1 and ever after: No space left on device\n");
    sim_add(s, 0, 2);
    sim_call(s, 0, "value");
    sim_run(s, 50);
    SIM_TRACE(s, "[ 2112] n1 += 2\n"
                 "[ 2112] n1, value\n"
                 "[ 2114] n1 += 2: {error,{storage,enospc}}\n"
                 "[ 2114] n1, value: {ok,5}\n");
    sim_disk_heal(s, 0);
    sim_run(s, RETRY_MS);
    sim_add(s, 0, 1);
    sim_run(s, 50);
    SIM_TRACE(s, "[ 2162] n1's disk is well\n"
                 "[ 3262] n1 += 1\n"
                 "[ 3263] n1 has 6\n"
                 "[ 3269] n1 += 1: ok\n");
}

/* Neither by a sync nor by asking: not before it is on disk, and what never gets there never. */
static void a_peer_hears_nothing_that_is_not_safe(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    sim_disk_fail(s, 0, CALL_SYNC, -EIO, false);
    sim_add(s, 0, 3);
    sim_cast(s, 0, "sync_now");
    sim_call(s, 0, "value");
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2058] n2 has 5\n"
                 "[ 2150] n1's disk says in call 2: Input/output error\n"
                 "[ 2150] n1 += 3\n"
                 "[ 2150] n1, without an answer, sync_now\n"
                 "[ 2150] n1, value\n"
                 "[ 2151] n1 has 8\n"
                 "[ 2156] n1 has 0\n"
                 "[ 2157] n1 += 3: {error,{storage,eio}}\n"
                 "[ 2158] n1 has 5\n"
                 "[ 2162] n1, value: {ok,5}\n");
    sim_add(s, 0, 1);
    sim_cast(s, 0, "sync_now");
    sim_run(s, 50);
    SIM_TRACE(s, "[ 2300] n1 += 1\n"
                 "[ 2300] n1, without an answer, sync_now\n"
                 "[ 2301] n1 has 6\n"
                 "[ 2307] n1 += 1: ok\n"
                 "[ 2307] n2 has 6\n");
}

/* Its file is older than what n1 knows: it hears of that before it counts on. */
static void an_interval_is_made_good_by_peers(struct sim *s)
{
    settle(s);
    sim_add(s, 1, 5);
    sim_run(s, 2000);
    sim_add(s, 1, 3);
    sim_run(s, SOON_MS);
    sim_crash(s, 1);
    SIM_TRACE(s, "[ 2000] n2 += 5\n"
                 "[ 2007] n2 has 5\n"
                 "[ 2008] n2 += 5: ok\n"
                 "[ 2058] n1 has 5\n"
                 "[ 4000] n2 += 3\n"
                 "[ 4001] n2 has 8\n"
                 "[ 4002] n2 += 3: ok\n"
                 "[ 4058] n1 has 8\n"
                 "[ 4150] n2 crashes\n");
    sim_start(s, 1);
    sim_run(s, 10);
    sim_add(s, 1, 1);
    sim_run(s, 1000);
    SIM_TRACE(s, "[ 4150] n2 starts\n"
                 "[ 4154] n2 is ready\n"
                 "[ 4159] n2 has 5\n"
                 "[ 4160] n2 += 1\n"
                 "[ 4168] n2 has 8\n"
                 "[ 4171] n2 has 9\n"
                 "[ 4172] n2 += 1: ok\n"
                 "[ 4255] n1 has 9\n");
}

/* Whatever call to the disk is the last before the power goes. */
static void a_snapshot_may_end_in_any_call(struct sim *s)
{
    settle(s);
    for (unsigned n = 1; n < CALLS_MAX; n++) {
        sim_add(s, 0, 1);
        sim_run(s, 50);
        SIM_CLAIM(s, sim_acknowledged_since(s, 0) == n);
        sim_disk_cut(s, 0, n, true);
        sim_run(s, 2000);
        if (sim_runs(s, 0))
            sim_vanish(s, 0);
        sim_start(s, 0);
        sim_run(s, 500);
        SIM_CLAIM(s, sim_value(s, 0) == n);
        sim_call(s, 0, "value"); /* the connection is a new one from here on */
        sim_run(s, 50);
        sim_trace_forget(s);
    }
}

/* The new table has its name, but nobody knows for sure; the journal is still there. */
static void a_snapshot_is_cut_as_it_is_renamed(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    sim_disk_cut(s, 0, CALL_SYNC_FOLDER, true);
    sim_run(s, 1000);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2050] n1's end is to come in call 10 to its disk\n"
                 "[ 2854] n1 vanishes\n");
    sim_trace_logs(s);
    SIM_CLAIM(s, sim_disk_has(s, 0, JOURNAL));
    sim_start(s, 0);
    sim_run(s, 500);
    SIM_TRACE(s, "[ 3050] n1 starts\n"
                 "[ 3072] epmd runs on h1\n"
                 "[ 3306] n1: joined pg scope coppice_scope\n"
                 "[ 3306] n1 is ready\n"
                 "[ 3311] n1: counter: loaded counter.dets: a snapshot, 1 journal records\n"
                 "[ 3311] n1 has 5\n");
}

/* Then the table has everything, and could be taken elsewhere. */
static void a_stop_leaves_the_table_alone(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    SIM_CLAIM(s, sim_disk_has(s, 0, JOURNAL));
    sim_stop(s, 0);
    SIM_CLAIM(s, sim_disk_has(s, 0, "counter.dets"));
    SIM_CLAIM(s, !sim_disk_has(s, 0, JOURNAL));
    sim_trace_logs(s);
    sim_start(s, 0);
    sim_run(s, 50);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2050] n1 is told to stop\n"
                 "[ 2050] n1 ends with 0\n"
                 "[ 2050] n1 starts\n"
                 "[ 2054] n1: joined pg scope coppice_scope\n"
                 "[ 2054] n1 is ready\n"
                 "[ 2059] n1: counter: loaded counter.dets: a snapshot, 0 journal records\n"
                 "[ 2059] n1 has 5\n");
}

/* Nothing is on it; but n2 knows. */
static void a_machine_is_replaced(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    sim_vanish(s, 0);
    sim_disk_wipe(s, 0);
    sim_start(s, 0);
    SIM_WITHIN(s, LONG_MS, sim_all_ready);
    sim_call(s, 0, "value"); /* on a connection that is no more */
    sim_run(s, 2);
    sim_add(s, 0, 1);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2058] n2 has 5\n"
                 "[ 2150] n1 vanishes\n"
                 "[ 2150] n1's disk is a new one\n"
                 "[ 2150] n1 starts\n"
                 "[ 2406] n1 is ready\n"
                 "[ 2406] n1, value\n"
                 "[ 2408] n1, value: not connected any more\n"
                 "[ 2408] n1 += 1\n"
                 "[ 2420] n1 has 5\n"
                 "[ 2425] n1 has 6\n"
                 "[ 2431] n1 += 1: ok\n"
                 "[ 2507] n2 has 6\n");
}

const struct story disk_stories[] = {
    {"disk: what was acknowledged survives a kill", 1, "gcounter",
     what_was_acknowledged_survives_a_kill},
    {"disk: the power is cut in the middle of a flush", 1, "gcounter",
     power_is_cut_in_the_middle_of_a_flush},
    {"disk: what was not answered may have happened", 2, "gcounter",
     what_was_not_answered_may_have_happened},
    {"disk: a full disk refuses until there is room", 1, "gcounter",
     a_full_disk_refuses_until_there_is_room},
    {"disk: a peer hears nothing that is not safe", 2, "gcounter",
     a_peer_hears_nothing_that_is_not_safe},
    {"disk: an interval is made good by peers", 2, "gcounter", an_interval_is_made_good_by_peers},
    {"disk: a snapshot may end in any call", 1, "gcounter", a_snapshot_may_end_in_any_call},
    {"disk: a snapshot is cut as it is renamed", 1, "gcounter", a_snapshot_is_cut_as_it_is_renamed},
    {"disk: a stop leaves the table alone", 1, "gcounter", a_stop_leaves_the_table_alone},
    {"disk: a machine is replaced", 2, "gcounter", a_machine_is_replaced},
    {0},
};
