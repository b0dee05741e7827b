/* Scenarios of replicas with storage: what is left after crashes, power and disk failures. */
#include <errno.h>

#include "scenario.h"

/* An append is a write and a sync; the first one creates the file before that. */
#define CALL_SYNC 2
/* The call of a snapshot that syncs the folder after the rename; more calls than it makes. */
#define CALL_SYNC_FOLDER 13
#define CALLS_MAX        20
/* Enough for a retry of the disk. */
#define RETRY_MS 1100
#define JOURNAL  "counter.dets.2440f8ad.2.journal"

static void acknowledged_changes_survive_a_kill(struct sim *s)
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

/* The record has been written when the power fails: its remains must not be taken for a record. */
static void power_fails_during_a_sync(struct sim *s)
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
                 "[ 2050] n1 will lose power in disk call 2\n"
                 "[ 2050] n1 += 3\n"
                 "[ 2051] n1 has 8\n"
                 "[ 2056] n1 loses power\n");
    sim_trace_logs(s);
    sim_start(s, 0);
    sim_run(s, 500);
    SIM_TRACE(
        s, "[ 2100] n1 starts\n"
           "[ 2122] epmd runs on h1\n"
           "[ 2356] n1: joined pg scope coppice_scope\n"
           "[ 2356] n1 is ready\n"
           "[ 2361] n1: counter: counter.dets.2440f8ad.2.journal: byte 184: torn write: the last "
           "113 bytes are ignored\n"
           "[ 2361] n1: counter: loaded counter.dets: a snapshot, 1 journal records\n"
           "[ 2361] n1 has 5\n");
}

/* The same, but only the process dies: the change was not acknowledged, and yet survives. */
static void an_unanswered_change_may_survive(struct sim *s)
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
                 "[ 2050] n1 will crash in disk call 2\n"
                 "[ 2050] n1 += 3\n"
                 "[ 2051] n1 has 8\n"
                 "[ 2056] n1 crashes\n"
                 "[ 2057] n1 += 3: connection lost\n"
                 "[ 2100] n1 starts\n"
                 "[ 2104] n1 is ready\n"
                 "[ 2109] n1 has 8\n"
                 "[ 2117] n2 has 8\n");
}

static void changes_are_refused_while_the_disk_is_full(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    sim_disk_fail(s, 0, 1, -ENOSPC, false);
    sim_add(s, 0, 3);
    sim_run(s, 12);
    sim_disk_fail(s, 0, 1, -ENOSPC, true); /* it has been loaded again, and is to be written to */
    sim_run(s, 50);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2050] n1's disk will fail in call 1: No space left on device\n"
                 "[ 2050] n1 += 3\n"
                 "[ 2051] n1 has 8\n"
                 "[ 2056] n1 has 0\n"
                 "[ 2057] n1 += 3: {error,{storage,enospc}}\n"
                 "[ 2061] n1 has 5\n"
                 "[ 2062] n1's disk will fail from call 1: No space left on device\n");
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
    SIM_TRACE(s, "[ 2162] n1's disk is healed\n"
                 "[ 3262] n1 += 1\n"
                 "[ 3263] n1 has 6\n"
                 "[ 3269] n1 += 1: ok\n");
}

/* Neither a sync nor a request shows a change before it is on disk, nor one that never gets
 * there. */
static void peers_get_only_what_is_durable(struct sim *s)
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
                 "[ 2150] n1's disk will fail in call 2: Input/output error\n"
                 "[ 2150] n1 += 3\n"
                 "[ 2150] n1, cast sync_now\n"
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
                 "[ 2300] n1, cast sync_now\n"
                 "[ 2301] n1 has 6\n"
                 "[ 2307] n1 += 1: ok\n"
                 "[ 2307] n2 has 6\n");
}

/* n2's file is older than what n1 knows: n2 catches up before it counts on. */
static void peers_restore_what_durability_interval_lost(struct sim *s)
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
                 "[ 4166] n2 has 8\n"
                 "[ 4171] n2 has 9\n"
                 "[ 4172] n2 += 1: ok\n"
                 "[ 4255] n1 has 9\n");
}

/* Whichever disk call is the last one before the power fails. */
static void power_may_fail_in_any_call_of_a_snapshot(struct sim *s)
{
    settle(s);
    for (unsigned n = 1; n < CALLS_MAX; n++) {
        sim_add(s, 0, 1);
        sim_run(s, 50);
        SIM_ASSERT(s, sim_acknowledged(s, 0) == n);
        sim_disk_cut(s, 0, n, true);
        sim_run(s, 2000);
        if (sim_runs(s, 0))
            sim_power_off(s, 0);
        sim_start(s, 0);
        sim_run(s, 500);
        SIM_ASSERT(s, sim_value(s, 0) == n);
        sim_call(s, 0, "value"); /* makes the caller connect again */
        sim_run(s, 50);
        sim_trace_clear(s);
    }
}

/* The new table has been renamed, but the folder is not synced; the journal is still there. */
static void power_fails_at_the_rename_of_a_snapshot(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    sim_disk_cut(s, 0, CALL_SYNC_FOLDER, true);
    sim_run(s, 1000);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2050] n1 will lose power in disk call 13\n"
                 "[ 2229] n1 loses power\n");
    sim_trace_logs(s);
    SIM_ASSERT(s, sim_disk_has(s, 0, JOURNAL));
    sim_start(s, 0);
    sim_run(s, 500);
    SIM_TRACE(s, "[ 3050] n1 starts\n"
                 "[ 3072] epmd runs on h1\n"
                 "[ 3306] n1: joined pg scope coppice_scope\n"
                 "[ 3306] n1 is ready\n"
                 "[ 3311] n1: counter: loaded counter.dets: a snapshot, 1 journal records\n"
                 "[ 3311] n1 has 5\n");
}

/* The table then contains everything, and can be copied elsewhere. */
static void a_stop_leaves_only_the_table(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    SIM_ASSERT(s, sim_disk_has(s, 0, JOURNAL));
    sim_stop(s, 0);
    SIM_ASSERT(s, sim_disk_has(s, 0, "counter.dets"));
    SIM_ASSERT(s, !sim_disk_has(s, 0, JOURNAL));
    sim_trace_logs(s);
    sim_start(s, 0);
    sim_run(s, 50);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2050] n1 is told to stop\n"
                 "[ 2050] n1 exits with 0\n"
                 "[ 2050] n1 starts\n"
                 "[ 2054] n1: joined pg scope coppice_scope\n"
                 "[ 2054] n1 is ready\n"
                 "[ 2059] n1: counter: loaded counter.dets: a snapshot, 0 journal records\n"
                 "[ 2059] n1 has 5\n");
}

/* The new disk is empty; n1 gets its state back from n2. */
static void a_machine_is_replaced(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    sim_power_off(s, 0);
    sim_disk_wipe(s, 0);
    sim_start(s, 0);
    SIM_WITHIN(s, LONG_MS, sim_all_ready);
    sim_call(s, 0, "value"); /* on a connection that is dead */
    sim_run(s, 2);
    sim_add(s, 0, 1);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2058] n2 has 5\n"
                 "[ 2150] n1 loses power\n"
                 "[ 2150] n1's disk is replaced\n"
                 "[ 2150] n1 starts\n"
                 "[ 2406] n1 is ready\n"
                 "[ 2406] n1, value\n"
                 "[ 2408] n1, value: connection lost\n"
                 "[ 2408] n1 += 1\n"
                 "[ 2418] n1 has 5\n"
                 "[ 2423] n1 has 6\n"
                 "[ 2429] n1 += 1: ok\n"
                 "[ 2507] n2 has 6\n");
}

/* It is restarted: its files are closed before they are read. */
static void a_killed_replica_comes_back(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    sim_trace_logs(s);
    sim_add(s, 0, 3);
    sim_kill_replica(s, 0);
    sim_run(s, 100);
    sim_add(s, 0, 1);
    sim_run(s, 100);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2050] n1 += 3\n"
                 "[ 2050] n1, kill\n"
                 "[ 2050] n1, kill: sent\n"
                 "[ 2051] n1 has 8\n"
                 "[ 2051] n1: counter ended: killed; restarting it\n"
                 "[ 2051] n1 has 0\n"
                 "[ 2052] n1 += 3: down, killed\n"
                 "[ 2052] n2 has 5\n"
                 "[ 2053] n1 has 5\n"
                 "[ 2081] n1: counter: loaded counter.dets: a snapshot, 0 journal records\n"
                 "[ 2081] n1 has 8\n"
                 "[ 2082] n2 has 8\n"
                 "[ 2150] n1 += 1\n"
                 "[ 2151] n1 has 9\n"
                 "[ 2157] n1 += 1: ok\n");
}

const struct scenario disk_scenarios[] = {
    {"disk: acknowledged changes survive a kill", 1, "gcounter",
     acknowledged_changes_survive_a_kill},
    {"disk: power fails during a sync", 1, "gcounter", power_fails_during_a_sync},
    {"disk: an unanswered change may survive", 2, "gcounter", an_unanswered_change_may_survive},
    {"disk: changes are refused while the disk is full", 1, "gcounter",
     changes_are_refused_while_the_disk_is_full},
    {"disk: peers get only what is durable", 2, "gcounter", peers_get_only_what_is_durable},
    {"disk: peers restore what durability interval lost", 2, "gcounter",
     peers_restore_what_durability_interval_lost},
    {"disk: power may fail in any call of a snapshot", 1, "gcounter",
     power_may_fail_in_any_call_of_a_snapshot},
    {"disk: power fails at the rename of a snapshot", 1, "gcounter",
     power_fails_at_the_rename_of_a_snapshot},
    {"disk: a stop leaves only the table", 1, "gcounter", a_stop_leaves_only_the_table},
    {"disk: a killed replica comes back", 2, "gcounter", a_killed_replica_comes_back},
    {"disk: a machine is replaced", 2, "gcounter", a_machine_is_replaced},
    {0},
};
