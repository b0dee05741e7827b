/* Scenarios of a coppice, n1, and two BEAMs that run Grove, n2 and n3: what Grove loses alone,
 * and what a coppice preserves. */
#include "scenario.h"

#define BACKOFF_MS 1000 /* enough for both to have dialled again */
/* Too short for anti-entropy. */
#define WHILE_MS 5000

static void begin(struct sim *s, unsigned first)
{
    for (unsigned i = first; i < 3; i++)
        sim_start(s, i);
    sim_run(s, 2000 - sim_now(s));
    sim_trace_clear(s);
}

/* n2 makes a change, and sends it while it is disconnected from n3. */
static void send_delta_that_n3_misses(struct sim *s)
{
    sim_reset(s, 1, 2);
    sim_add(s, 1, 5);
    sim_run(s, BACKOFF_MS);
}

static void a_coppice_learns_the_scope(struct sim *s)
{
    sim_start(s, 0);
    sim_run(s, 999);
    sim_trace_logs(s);
    sim_trace_clear(s);
    sim_start(s, 1);
    sim_run(s, 1000);
    sim_add(s, 1, 5);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 1000] n2 starts\n"
                 "[ 1022] epmd runs on h2\n"
                 "[ 1256] n2: joined pg scope grove\n"
                 "[ 1256] n2 is ready\n"
                 "[ 1258] n2: cannot connect to n3@h3: no epmd answers there\n"
                 "[ 1265] n1: connected to n2@h2\n"
                 "[ 1266] n2: connected to n1@h1\n"
                 "[ 1269] n1: joined pg scope grove\n"
                 "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n"
                 "[ 2057] n1 has 5\n");
}

static void beams_alone_lose_a_delta_for_good(struct sim *s)
{
    begin(s, 1);
    send_delta_that_n3_misses(s);
    sim_run(s, LONG_MS);
    SIM_ASSERT(s, !sim_converged(s));
    SIM_TRACE(s, "[ 2000] n2 - n3 is reset\n"
                 "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n");
}

static void a_coppice_passes_on_a_missed_delta_on_reconnect(struct sim *s)
{
    begin(s, 0);
    send_delta_that_n3_misses(s);
    SIM_ASSERT(s, !sim_converged(s));
    SIM_TRACE(s, "[ 2000] n2 - n3 is reset\n"
                 "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n"
                 "[ 2058] n1 has 5\n");
    sim_reset(s, 0, 2);
    SIM_WITHIN(s, BACKOFF_MS, sim_converged);
    SIM_TRACE(s, "[ 3000] n1 - n3 is reset\n"
                 "[ 3265] n3 has 5\n");
}

/* The coppice saw neither of them disconnect. */
static void anti_entropy_repairs_a_missed_delta(struct sim *s)
{
    begin(s, 0);
    send_delta_that_n3_misses(s);
    SIM_WITHIN(s, LONG_MS, sim_converged);
    SIM_TRACE(s, "[ 2000] n2 - n3 is reset\n"
                 "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n"
                 "[ 2058] n1 has 5\n"
                 "[55689] n3 has 5\n");
}

static void a_coppice_pulls_what_it_missed(struct sim *s)
{
    begin(s, 0);
    sim_reset(s, 0, 1);
    sim_add(s, 1, 5);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n1 - n2 is reset\n"
                 "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n"
                 "[ 2058] n3 has 5\n");
    SIM_WITHIN(s, BACKOFF_MS, sim_converged);
    SIM_TRACE(s, "[ 2237] n1 has 5\n");
}

static void a_restarted_beam_gets_its_state_back(struct sim *s)
{
    begin(s, 0);
    sim_add(s, 1, 5);
    sim_run(s, SOON_MS);
    sim_crash(s, 1);
    sim_crash(s, 2);
    sim_start(s, 1);
    sim_start(s, 2);
    SIM_WITHIN(s, LONG_MS, sim_converged);
    sim_add(s, 1, 2);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n"
                 "[ 2058] n1 has 5\n"
                 "[ 2058] n3 has 5\n"
                 "[ 2150] n2 crashes\n"
                 "[ 2150] n3 crashes\n"
                 "[ 2150] n2 starts\n"
                 "[ 2150] n3 starts\n"
                 "[ 2154] n2 is ready\n"
                 "[ 2154] n3 is ready\n"
                 "[ 2168] n2 has 5\n"
                 "[ 2168] n3 has 5\n"
                 "[ 2168] n2 += 2\n"
                 "[ 2168] n2 has 7\n"
                 "[ 2168] n2 += 2: ok\n"
                 "[ 2255] n1 has 7\n"
                 "[ 2255] n3 has 7\n");
}

/* Grove counts from 0, and its count is taken for an old one. */
static void a_restarted_beam_does_not_wait_for_its_state(struct sim *s)
{
    begin(s, 0);
    sim_add(s, 1, 5);
    sim_run(s, SOON_MS);
    sim_crash(s, 1);
    sim_start(s, 1);
    SIM_WITHIN(s, LONG_MS, sim_all_ready);
    sim_add(s, 1, 2);
    SIM_WITHIN(s, LONG_MS, sim_converged);
    SIM_TRACE(s, "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n"
                 "[ 2058] n1 has 5\n"
                 "[ 2058] n3 has 5\n"
                 "[ 2150] n2 crashes\n"
                 "[ 2150] n2 starts\n"
                 "[ 2154] n2 is ready\n"
                 "[ 2154] n2 += 2\n"
                 "[ 2154] n2 has 2\n"
                 "[ 2154] n2 += 2: ok\n"
                 "[ 2168] n2 has 5\n");
}

/* In Grove a delta that only removes has no value.  It is withheld until a change with a value
 * joins it, or somebody asks for the state. */
static void grove_withholds_a_removal(struct sim *s)
{
    begin(s, 0);
    sim_stop_accounting(s);
    sim_call(s, 0, "{mutate, [{add, [a]}, {add, [b]}]}");
    sim_run(s, SOON_MS);
    sim_call(s, 0, "{mutate, {remove, [a]}}");
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n1, {mutate, [{add, [a]}, {add, [b]}]}\n"
                 "[ 2007] n1 has a, b\n"
                 "[ 2008] n1, {mutate, [{add, [a]}, {add, [b]}]}: ok\n"
                 "[ 2058] n2 has a, b\n"
                 "[ 2058] n3 has a, b\n"
                 "[ 2150] n1, {mutate, {remove, [a]}}\n"
                 "[ 2151] n1 has b\n"
                 "[ 2152] n1, {mutate, {remove, [a]}}: ok\n"
                 "[ 2158] n2 has b\n"
                 "[ 2158] n3 has b\n");
    sim_call(s, 1, "{mutate, {remove, [b]}}");
    sim_run(s, WHILE_MS);
    SIM_TRACE(s, "[ 2300] n2, {mutate, {remove, [b]}}\n"
                 "[ 2300] n2 has nothing\n"
                 "[ 2300] n2, {mutate, {remove, [b]}}: ok\n");
    sim_call(s, 1, "{mutate, {add, [c]}}");
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 7300] n2, {mutate, {add, [c]}}\n"
                 "[ 7300] n2 has c\n"
                 "[ 7300] n2, {mutate, {add, [c]}}: ok\n"
                 "[ 7358] n1 has c\n"
                 "[ 7358] n3 has c\n");
    sim_call(s, 1, "{mutate, {remove, [c]}}");
    SIM_WITHIN(s, LONG_MS, sim_converged);
    SIM_TRACE(s, "[ 7450] n2, {mutate, {remove, [c]}}\n"
                 "[ 7450] n2 has nothing\n"
                 "[ 7450] n2, {mutate, {remove, [c]}}: ok\n"
                 "[25399] n1 has nothing\n"
                 "[25458] n3 has nothing\n");
}

/* The coppice sends what it pulled to all: others may have missed it. */
static void a_coppice_restarts_between_two_beams(struct sim *s)
{
    begin(s, 0);
    sim_crash(s, 0);
    send_delta_that_n3_misses(s);
    SIM_TRACE(s, "[ 2000] n1 crashes\n"
                 "[ 2000] n2 - n3 is reset\n"
                 "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n");
    sim_start(s, 0);
    SIM_WITHIN(s, BACKOFF_MS, sim_converged);
    SIM_TRACE(s, "[ 3000] n1 starts\n"
                 "[ 3004] n1 is ready\n"
                 "[ 3022] n1 has 5\n"
                 "[ 3105] n3 has 5\n");
}

const struct scenario beam_scenarios[] = {
    {"BEAM: a coppice learns the scope", 3, "gcounter", a_coppice_learns_the_scope},
    {"BEAM: two BEAMs alone lose a delta for good", 3, "gcounter",
     beams_alone_lose_a_delta_for_good},
    {"BEAM: a coppice passes on a missed delta on reconnect", 3, "gcounter",
     a_coppice_passes_on_a_missed_delta_on_reconnect},
    {"BEAM: anti-entropy repairs a missed delta", 3, "gcounter",
     anti_entropy_repairs_a_missed_delta},
    {"BEAM: a coppice pulls what it missed", 3, "gcounter", a_coppice_pulls_what_it_missed},
    {"BEAM: a restarted BEAM gets its state back", 3, "gcounter",
     a_restarted_beam_gets_its_state_back},
    {"BEAM: a restarted BEAM does not wait for its state", 3, "gcounter",
     a_restarted_beam_does_not_wait_for_its_state},
    {"BEAM: Grove withholds a removal", 3, "or_set", grove_withholds_a_removal},
    {"BEAM: a coppice restarts between two BEAMs", 3, "gcounter",
     a_coppice_restarts_between_two_beams},
    {0},
};
