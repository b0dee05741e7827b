/* Scenarios of two coppices, n1 and n2, and a BEAM, n3, whose replicas are on a topic of
 * Phoenix.PubSub: n3's server is in no group, and beside a LiveView that no question may reach. */
#include "scenario.h"

#define BACKOFF_MS 1000
/* Too short for anti-entropy. */
#define WHILE_MS 5000

static void deltas_go_by_the_topic(struct sim *s)
{
    settle(s);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    sim_add(s, 2, 2);
    sim_run(s, SOON_MS);
    SIM_ASSERT(s, sim_converged(s));
    SIM_ASSERT(s, sim_value(s, 2) == 7);
}

static void what_was_missed_on_both_sides_is_exchanged(struct sim *s)
{
    settle(s);
    sim_reset(s, 0, 2);
    sim_reset(s, 1, 2);
    sim_add(s, 0, 5);
    sim_add(s, 2, 2);
    SIM_WITHIN(s, WHILE_MS, sim_converged);
    SIM_ASSERT(s, sim_value(s, 2) == 7);
}

static void a_restarted_server_gets_its_state_back(struct sim *s)
{
    settle(s);
    sim_add(s, 2, 5);
    sim_run(s, SOON_MS);
    sim_crash(s, 2);
    sim_start(s, 2);
    SIM_WITHIN(s, WHILE_MS, sim_converged);
    SIM_ASSERT(s, sim_value(s, 2) == 5);
}

static void a_restarted_coppice_counts_on(struct sim *s)
{
    settle(s);
    sim_crash(s, 1);
    sim_add(s, 0, 5);
    sim_run(s, SOON_MS);
    SIM_ASSERT(s, sim_value(s, 2) == 5);
    sim_crash(s, 0);
    sim_start(s, 0);
    sim_run(s, BACKOFF_MS);
    sim_add(s, 0, 1);
    sim_run(s, SOON_MS);
    SIM_ASSERT(s, sim_value(s, 2) == 6);
}

const struct scenario pubsub_scenarios[] = {
    {"PubSub: deltas go by the topic", 3, "gcounter", deltas_go_by_the_topic},
    {"PubSub: what was missed on both sides is exchanged", 3, "gcounter",
     what_was_missed_on_both_sides_is_exchanged},
    {"PubSub: a restarted server gets its state back", 3, "gcounter",
     a_restarted_server_gets_its_state_back},
    {"PubSub: a restarted coppice counts on", 3, "gcounter", a_restarted_coppice_counts_on},
    {0},
};
