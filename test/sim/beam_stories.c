/* Stories of a coppice, n1, beside two BEAMs that run Grove, n2 and n3: what Grove loses
 * alone, and what it does not lose beside a coppice. */
#include "story.h"

#define BACKOFF_MS 1000 /* both dial again before */
/* So soon nobody asks out of habit. */
#define WHILE_MS 5000

static void begin(struct sim *s, unsigned first)
{
    for (unsigned i = first; i < 3; i++)
        sim_start(s, i);
    sim_run(s, 2000 - sim_now(s));
    sim_trace_forget(s);
}

/* n2 is asked for something, and tells it while n3 does not hear it. */
static void n3_misses(struct sim *s)
{
    sim_break(s, 1, 2);
    sim_add(s, 1, 5);
    sim_run(s, BACKOFF_MS);
}

static void a_scope_is_learned_from_a_beam(struct sim *s)
{
    sim_start(s, 0);
    sim_run(s, 999);
    sim_trace_logs(s);
    sim_trace_forget(s);
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
    n3_misses(s);
    sim_run(s, LONG_MS);
    SIM_CLAIM(s, !sim_agrees(s));
    SIM_TRACE(s, "[ 2000] n2 and n3 are broken\n"
                 "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n");
}

static void a_coppice_hears_what_a_beam_misses(struct sim *s)
{
    begin(s, 0);
    n3_misses(s);
    SIM_CLAIM(s, !sim_agrees(s));
    SIM_TRACE(s, "[ 2000] n2 and n3 are broken\n"
                 "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n"
                 "[ 2058] n1 has 5\n");
    sim_break(s, 0, 2);
    SIM_WITHIN(s, BACKOFF_MS, sim_agrees);
    SIM_TRACE(s, "[ 3000] n1 and n3 are broken\n"
                 "[ 3252] n3 has 5\n");
}

/* It saw neither of them go. */
static void a_coppice_tells_it_in_time(struct sim *s)
{
    begin(s, 0);
    n3_misses(s);
    SIM_WITHIN(s, LONG_MS, sim_agrees);
    SIM_TRACE(s, "[ 2000] n2 and n3 are broken\n"
                 "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n"
                 "[ 2058] n1 has 5\n"
                 "[58538] n3 has 5\n");
}

static void a_coppice_asks_for_what_it_missed(struct sim *s)
{
    begin(s, 0);
    sim_break(s, 0, 1);
    sim_add(s, 1, 5);
    sim_run(s, SOON_MS);
    SIM_TRACE(s, "[ 2000] n1 and n2 are broken\n"
                 "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n"
                 "[ 2058] n3 has 5\n");
    SIM_WITHIN(s, BACKOFF_MS, sim_agrees);
    SIM_TRACE(s, "[ 2239] n1 has 5\n");
}

static void a_restarted_beam_gets_its_past_back(struct sim *s)
{
    begin(s, 0);
    sim_add(s, 1, 5);
    sim_run(s, SOON_MS);
    sim_crash(s, 1);
    sim_crash(s, 2);
    sim_start(s, 1);
    sim_start(s, 2);
    SIM_WITHIN(s, LONG_MS, sim_agrees);
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
                 "[ 2170] n2 has 5\n"
                 "[ 2170] n3 has 5\n"
                 "[ 2170] n2 += 2\n"
                 "[ 2170] n2 has 7\n"
                 "[ 2170] n2 += 2: ok\n"
                 "[ 2255] n1 has 7\n"
                 "[ 2255] n3 has 7\n");
}

/* Grove counts from nothing, and its count is taken for an old one. */
static void a_restarted_beam_does_not_wait(struct sim *s)
{
    begin(s, 0);
    sim_add(s, 1, 5);
    sim_run(s, SOON_MS);
    sim_crash(s, 1);
    sim_start(s, 1);
    SIM_WITHIN(s, LONG_MS, sim_all_ready);
    sim_add(s, 1, 2);
    SIM_WITHIN(s, LONG_MS, sim_agrees);
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
                 "[ 2170] n2 has 5\n");
}

/* Of Grove's deltas one that only removes has no value, and waits for one that has, or until
 * somebody asks. */
static void a_removal_waits_for_company(struct sim *s)
{
    begin(s, 0);
    sim_reckon_no_more(s);
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
    SIM_WITHIN(s, LONG_MS, sim_agrees);
    SIM_TRACE(s, "[ 7450] n2, {mutate, {remove, [c]}}\n"
                 "[ 7450] n2 has nothing\n"
                 "[ 7450] n2, {mutate, {remove, [c]}}: ok\n"
                 "[23209] n1 has nothing\n"
                 "[23258] n3 has nothing\n");
}

/* What it asks for to catch up it tells to all: they may not have heard it. */
static void a_coppice_restarts_between_two_beams(struct sim *s)
{
    begin(s, 0);
    sim_crash(s, 0);
    n3_misses(s);
    SIM_TRACE(s, "[ 2000] n1 crashes\n"
                 "[ 2000] n2 and n3 are broken\n"
                 "[ 2000] n2 += 5\n"
                 "[ 2000] n2 has 5\n"
                 "[ 2000] n2 += 5: ok\n");
    sim_start(s, 0);
    SIM_WITHIN(s, BACKOFF_MS, sim_agrees);
    SIM_TRACE(s, "[ 3000] n1 starts\n"
                 "[ 3004] n1 is ready\n"
                 "[ 3022] n1 has 5\n"
                 "[ 3105] n3 has 5\n");
}

const struct story beam_stories[] = {
    {"BEAM: a scope is learned", 3, "gcounter", a_scope_is_learned_from_a_beam},
    {"BEAM: two alone lose a delta for good", 3, "gcounter", beams_alone_lose_a_delta_for_good},
    {"BEAM: a coppice hears what another misses", 3, "gcounter",
     a_coppice_hears_what_a_beam_misses},
    {"BEAM: a coppice tells it in time", 3, "gcounter", a_coppice_tells_it_in_time},
    {"BEAM: a coppice asks for what it missed", 3, "gcounter", a_coppice_asks_for_what_it_missed},
    {"BEAM: a restarted one gets its past back", 3, "gcounter",
     a_restarted_beam_gets_its_past_back},
    {"BEAM: a restarted one does not wait", 3, "gcounter", a_restarted_beam_does_not_wait},
    {"BEAM: a removal waits for company", 3, "or_set", a_removal_waits_for_company},
    {"BEAM: a coppice restarts between two", 3, "gcounter", a_coppice_restarts_between_two_beams},
    {0},
};
