/* Scenarios of replicas whose tables are mounted as single files: a snapshot is written in place.
 */
#include "scenario.h"

/* More disk calls than a snapshot makes, and the one that writes the table in place. */
#define CALLS_MAX  40
#define CALL_WRITE 20

#define TABLE "counter.dets"
#define NEXT  "counter.dets.next"

#define MOUNTED                                                                                    \
    " is mounted as a single file: it is written in place, and its journal is in the folder "      \
    "around it, which may vanish with its container: mount the folder"

static bool has_count(struct sim *s)
{
    return sim_runs(s, 0) && sim_value(s, 0) == (int64_t)sim_acknowledged(s, 0);
}

/* Whichever disk call is the last one before the power fails. */
static void power_may_fail_in_any_call(struct sim *s)
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
        SIM_ASSERT(s, has_count(s));
        SIM_ASSERT(s, !sim_disk_has(s, 0, NEXT));
        sim_call(s, 0, "value"); /* makes the caller connect again */
        sim_run(s, 50);
        sim_trace_clear(s);
    }
}

/* Half of it is written; the whole one is beside it. */
static void power_fails_while_the_table_is_written(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    sim_disk_cut(s, 0, CALL_WRITE, true);
    sim_run(s, 1000);
    SIM_TRACE(s, "[ 2000] n1 += 5\n"
                 "[ 2007] n1 has 5\n"
                 "[ 2013] n1 += 5: ok\n"
                 "[ 2050] n1 will lose power in disk call 20\n"
                 "[ 2229] n1 loses power\n");
    SIM_ASSERT(s, sim_disk_has(s, 0, NEXT));
    sim_trace_logs(s);
    sim_start(s, 0);
    sim_run(s, 500);
    SIM_ASSERT(s, !sim_disk_has(s, 0, NEXT));
    SIM_TRACE(s, "[ 3050] n1 starts\n"
                 "[ 3072] epmd runs on h1\n"
                 "[ 3306] n1: joined pg scope coppice_scope\n"
                 "[ 3306] n1 is ready\n"
                 "[ 3311] n1: counter: counter.dets: written again from counter.dets.next, since a "
                 "crash had interrupted that\n"
                 "[ 3311] n1: counter: counter.dets" MOUNTED "\n"
                 "[ 3311] n1: counter: loaded counter.dets: a snapshot, 1 journal records\n"
                 "[ 3311] n1 has 5\n");
}

static void a_stop_leaves_only_the_table(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, 50);
    sim_stop(s, 0);
    SIM_ASSERT(s, sim_disk_has(s, 0, TABLE));
    SIM_ASSERT(s, !sim_disk_has(s, 0, NEXT));
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
                 "[ 2059] n1: counter: counter.dets" MOUNTED "\n"
                 "[ 2059] n1: counter: loaded counter.dets: a snapshot, 0 journal records\n"
                 "[ 2059] n1 has 5\n");
}

const struct scenario mount_scenarios[] = {
    {"mount: power may fail in any call of a snapshot", 1, "gcounter", power_may_fail_in_any_call},
    {"mount: power fails while the table is written", 1, "gcounter",
     power_fails_while_the_table_is_written},
    {"mount: a stop leaves only the table", 1, "gcounter", a_stop_leaves_only_the_table},
    {0},
};
