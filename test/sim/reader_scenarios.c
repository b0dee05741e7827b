/* Scenarios of n1 and n2, on which n3 may only read: its changes are nowhere else (check.c). */
#include "scenario.h"

static void what_a_reader_changes_stays_with_it(struct sim *s)
{
    settle(s);
    sim_add(s, 2, 5);
    sim_add(s, 0, 2);
    sim_run(s, 10 * SOON_MS);
    SIM_ASSERT(s, sim_value(s, 0) == 2 && sim_value(s, 1) == 2 && sim_value(s, 2) == 7);
}

/* The states that are exchanged on reconnecting, and by anti-entropy. */
static void nor_does_its_state_get_further(struct sim *s)
{
    settle(s);
    sim_add(s, 2, 5);
    sim_reset(s, 0, 2);
    sim_reset(s, 1, 2);
    sim_add(s, 0, 2);
    sim_run(s, LONG_MS);
    SIM_ASSERT(s, sim_value(s, 0) == 2 && sim_value(s, 1) == 2 && sim_value(s, 2) == 7);
}

static void others_do_not_wait_for_it(struct sim *s)
{
    sim_start(s, 2);
    sim_run(s, 1000);
    sim_add(s, 2, 5);
    sim_start(s, 0);
    sim_run(s, 1000);
    size_t call = sim_add(s, 0, 2);
    sim_run(s, SOON_MS);
    SIM_ASSERT(s, sim_outcome(s, call) == SIM_REPLIED);
    SIM_ASSERT(s, sim_value(s, 0) == 2);
}

const struct scenario reader_scenarios[] = {
    {"reader: what it changes stays with it", 3, "gcounter", what_a_reader_changes_stays_with_it},
    {"reader: nor does its state get further", 3, "pncounter", nor_does_its_state_get_further},
    {"reader: others do not wait for it", 3, "gcounter", others_do_not_wait_for_it},
    {0},
};
