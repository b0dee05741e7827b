#include "deeds.h"
#include "storm.h"

/* What each BEAM is asked when others do not hear it. */
#define PARTING_DEEDS 3
/* Somewhere in it is a moment when no two replicas compare. */
#define UNWATCHED_MS 30000
/* In it everybody hears that a connection is broken. */
#define HEARD_MS 300
/* How often it is looked whether calm has come. */
#define GLANCE_MS 20

/* --- calm -------------------------------------------------------------------------- */

bool storm_all_told(struct sim *s)
{
    return sim_all_ready(s) && sim_quiet(s) && sim_agrees(s);
}

static bool all_met_and_told(struct sim *s)
{
    return storm_all_told(s) && sim_all_met(s);
}

bool storm_waits(struct storm *st, bool (*holds)(struct sim *s))
{
    uint64_t until_ms = sim_now(st->sim) + st->calm_ms;
    while (!holds(st->sim)) {
        if (sim_now(st->sim) >= until_ms)
            return false;
        sim_run(st->sim, GLANCE_MS);
    }
    return true;
}

static void must_agree(struct storm *st)
{
    if (storm_waits(st, all_met_and_told))
        return;
    sim_violated(st->sim, "in calm the replicas %s after %llu ms",
                 !sim_agrees(st->sim) ? "still differ" : "have not met",
                 (unsigned long long)st->calm_ms);
}

/* BEAMs lose each other: what they say now others of them do not hear, and Grove never
 * repeats it.  They hear it from a coppice. */
static void part_beams(struct storm *st)
{
    struct sim *s = st->sim;
    for (unsigned a = 0; a < st->nodes; a++)
        for (unsigned b = 0; b < a; b++)
            if (sim_is_beam(s, a) && sim_is_beam(s, b))
                sim_break(s, a, b);
    for (unsigned i = 0; i < PARTING_DEEDS * st->nodes; i++)
        if (sim_is_beam(s, i % st->nodes))
            deed_ask(s, i % st->nodes);
    must_agree(st);
}

static void mend_all(struct storm *st)
{
    struct sim *s = st->sim;
    deed_heal_disks(s);
    for (unsigned a = 0; a < st->nodes; a++) {
        for (unsigned b = 0; b < a; b++)
            sim_mend(s, a, b);
        sim_epmd_up(s, a);
        sim_break_caller(s, a);
        if (!sim_runs(s, a) && !sim_has_left(s, a))
            sim_start(s, a);
    }
    sim_run(s, HEARD_MS);
}

/* Replicas compare now and then, each call with a monitor; but between two of those nobody
 * has one on a replica that has answered all its calls. */
static void unwatched(struct storm *st)
{
    struct sim *s = st->sim;
    for (unsigned i = 0; i < st->nodes; i++) {
        uint64_t until_ms = sim_now(s) + UNWATCHED_MS;
        if (!sim_runs(s, i))
            continue;
        while (sim_watchers(s, i) > 0 && sim_now(s) < until_ms)
            sim_run(s, 1);
        if (sim_watchers(s, i) > 0)
            sim_violated(s, "n%u holds monitors for %d ms although no call is under way", i + 1,
                         UNWATCHED_MS);
    }
}

/* Waits until the calls, one a node, are answered, and known to all. */
static void answered(struct storm *st, const size_t *calls)
{
    struct sim *s = st->sim;
    if (!storm_waits(st, storm_all_told))
        sim_violated(s, "in calm a delta does not reach everybody");
    for (unsigned i = 0; i < st->nodes; i++)
        if (calls[i] != SIZE_MAX &&
            (sim_outcome(s, calls[i]) != SIM_REPLIED || sim_refused(s, calls[i])))
            sim_violated(s, "in calm n%u does not answer, or refuses", i + 1);
}

static unsigned bits(uint64_t set)
{
    return (unsigned)__builtin_popcountll(set);
}

/* The next node that is there. */
static unsigned next(struct storm *st, unsigned node)
{
    do
        node = (node + 1) % st->nodes;
    while (!sim_runs(st->sim, node));
    return node;
}

/* A node has an item of its own and adds it; then another removes it, which has seen it, so
 * that it is gone and nothing else is. */
static void probe_items(struct storm *st)
{
    struct sim *s = st->sim;
    size_t calls[SIM_NODES_MAX];
    unsigned removals = 0, there = 0;
    uint64_t probes = sim_probes(s), before = sim_items(s, 0);
    for (unsigned i = 0; i < st->nodes; i++) {
        calls[i] = sim_runs(s, i) ? sim_probe(s, i, i, true) : SIZE_MAX;
        there += sim_runs(s, i);
    }
    answered(st, calls);
    uint64_t all = sim_items(s, 0);
    if (all == before ||
        (sim_keeps_all(s) && (bits(all & probes) != there || (all & ~probes) != before)))
        sim_violated(s, "in calm something is not added, or takes something away");
    for (unsigned i = 0; i < st->nodes; i++) {
        calls[i] = sim_runs(s, i) ? sim_probe(s, i, next(st, i), false) : SIZE_MAX;
        removals += calls[i] != SIZE_MAX;
    }
    answered(st, calls);
    uint64_t left = sim_items(s, 0);
    if (bits(left & probes) != bits(all & probes) - removals || (left & ~probes) != (all & ~probes))
        sim_violated(s, "in calm a removal removes nothing, or too much");
}

/* Every node answers, and what it then tells is soon known to all. */
static void probe(struct storm *st)
{
    struct sim *s = st->sim;
    size_t calls[SIM_NODES_MAX];
    if (st->counts) {
        for (unsigned i = 0; i < st->nodes; i++)
            calls[i] = sim_runs(s, i) ? sim_add(s, i, 1) : SIZE_MAX;
        answered(st, calls);
    } else {
        probe_items(st);
    }
    for (unsigned i = 0; i < st->nodes; i++)
        calls[i] = sim_runs(s, i) ? sim_ask_value(s, i) : SIZE_MAX;
    answered(st, calls);
    unwatched(st);
}

void storm_calm(struct storm *st)
{
    mend_all(st);
    must_agree(st);
    if (st->beams > 1)
        part_beams(st);
    if (st->thorough) {
        sim_run(st->sim, st->calm_ms);
        must_agree(st);
    }
    sim_check_kept(st->sim);
    probe(st);
}
