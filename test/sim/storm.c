/* Storms: faults for a while, then calm.  What must never be is looked for after
 * every step (check.c); what must be in the end is asked for here.
 *
 *     storm [SEED=N] [SEEDS=N] [CRDT=Name] [TRACE=1]
 *
 * or the same in the environment: the one storm with that seed, or so many from
 * the first on; of one data type, where each seed draws its own otherwise; with all that
 * happens in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/crdt.h"
#include "deeds.h"
#include "err.h"
#include "limits.h"
#include "sim.h"

#define SEEDS_BY_DEFAULT 100
/* Of so many storms one is run twice, and must be the same twice. */
#define ONE_TWICE_IN 20
/* What a node in a gentle storm is asked as soon as it is back. */
#define HASTY_DEEDS 6

/* Long enough for whatever the faults have set going to end: a dial that waits, one
 * that is stuck, a scope that asks again. */
#define CALM_MS (LIMIT_DIAL_BACKOFF_MAX_MS + LIMIT_HANDSHAKE_MS + LIMIT_DISCOVER_MS)

/* What this storm is like, as its seed says. */
struct storm {
    struct sim *sim;
    unsigned nodes;
    bool gentle; /* the network is whole, and restarts wait until all is told */
    const char *crdt;
    bool counts;
    uint64_t deeds, pause_ms, sync_ms, ticktime_ms;
    uint64_t faults, disk_faults; /* in 1000 deeds */
    /* When last all knew everything: each actor's count, and what of its node's
     * acknowledgements is in there. */
    uint64_t floor[SIM_NODES_MAX], within[SIM_NODES_MAX];
    struct sim_promised told; /* of other types */
};

/* --- deeds --------------------------------------------------------------------- */

static unsigned any(struct storm *st)
{
    return (unsigned)sim_random(st->sim, st->nodes);
}

static unsigned any_but(struct storm *st, unsigned node)
{
    return (node + 1 + (unsigned)sim_random(st->sim, st->nodes - 1)) % st->nodes;
}

static void cut_or_mend(struct storm *st)
{
    unsigned a = any(st), b = any_but(st, a);
    if (sim_random(st->sim, 2) == 0)
        sim_cut(st->sim, a, b);
    else
        sim_mend(st->sim, a, b);
}

static void end_or_start(struct storm *st)
{
    unsigned node = any(st);
    if (!sim_runs(st->sim, node)) {
        sim_start(st->sim, node);
        return;
    }
    switch (sim_random(st->sim, 3)) {
    case 0:
        sim_crash(st->sim, node);
        break;
    case 1:
        sim_vanish(st->sim, node);
        break;
    default:
        sim_stop(st->sim, node);
        break;
    }
}

static void fault(struct storm *st)
{
    unsigned node = any(st);
    switch (sim_random(st->sim, 8)) {
    case 0:
    case 1:
        cut_or_mend(st);
        break;
    case 2:
        sim_break(st->sim, node, any_but(st, node));
        break;
    case 3:
        sim_break_caller(st->sim, node);
        break;
    case 4:
        sim_epmd_down(st->sim, node);
        break;
    case 5:
        sim_epmd_up(st->sim, node);
        break;
    default:
        end_or_start(st);
        break;
    }
}

/* --- gentle storms: nothing that was told is ever lost ----------------------------- */

static bool all_told(struct sim *s)
{
    return sim_all_ready(s) && sim_quiet(s) && sim_agrees(s);
}

static void heal_disks(struct storm *st)
{
    for (unsigned i = 0; i < st->nodes; i++)
        if (sim_is_stored(st->sim, i))
            sim_disk_heal(st->sim, i);
}

static void tell_all(struct storm *st)
{
    heal_disks(st);
    if (!sim_until(st->sim, CALM_MS, all_told))
        sim_violated(st->sim, "in a gentle storm the replicas differ for %d ms", CALM_MS);
}

/* Everybody knows everything; then a node forgets, unless it has a disk, and keeps that.
 * The first never does: somebody must know. */
static void restart(struct storm *st)
{
    struct sim *s = st->sim;
    unsigned node = any_but(st, 0);
    bool wipe = sim_is_stored(s, node) && sim_random(s, 3) == 0;
    tell_all(st);
    for (unsigned i = 0; i < st->nodes; i++) {
        st->floor[i] = sim_count(s, i, i);
        st->within[i] =
            i == node && (wipe || !sim_is_durable(s, i)) ? 0 : sim_acknowledged_since(s, i);
    }
    st->told = sim_all_know(s);
    switch (sim_random(s, 3)) {
    case 0:
        sim_crash(s, node);
        break;
    case 1:
        sim_vanish(s, node);
        break;
    default:
        sim_stop(s, node);
        break;
    }
    sim_run(s, sim_random(s, 2) ? sim_random(s, 3000) : 0);
    must(!sim_runs(s, node));
    if (wipe)
        sim_disk_wipe(s, node);
    sim_start(s, node);
    /* Whoever waits for it does not wait until it has caught up. */
    if (sim_random(s, 2) && sim_until(s, 1000, sim_all_ready))
        for (unsigned i = 0; i < HASTY_DEEDS; i++)
            deed_ask(s, node);
    /* Nobody could tell it what it was if now their disks failed. */
    if (st->disk_faults > 0)
        tell_all(st);
}

/* What a node had told to all, and what it has acknowledged since its start, add
 * up: it did not count on from an older count. */
static void check_floors(struct storm *st)
{
    for (unsigned i = 1; i < st->nodes; i++) {
        uint64_t since = sim_acknowledged_since(st->sim, i) - st->within[i];
        uint64_t wanted = st->floor[i] + since;
        if (sim_count(st->sim, i, i) < wanted)
            sim_violated(st->sim,
                         "n%u counts to %llu; all knew %llu, and it has acknowledged so "
                         "much more that it must be %llu",
                         i + 1, (unsigned long long)sim_count(st->sim, i, i),
                         (unsigned long long)st->floor[i], (unsigned long long)wanted);
    }
}

/* The same of other types. */
static void check_told(struct storm *st)
{
    for (unsigned i = 0; i < st->nodes; i++)
        if (!sim_keeps(st->sim, i, st->told))
            sim_violated(st->sim, "n%u has not what all knew before a restart", i + 1);
}

/* --- calm -------------------------------------------------------------------------- */

static void calm(struct storm *st)
{
    struct sim *s = st->sim;
    heal_disks(st);
    for (unsigned a = 0; a < st->nodes; a++) {
        for (unsigned b = 0; b < a; b++)
            sim_mend(s, a, b);
        sim_epmd_up(s, a);
        if (!sim_runs(s, a))
            sim_start(s, a);
    }
    sim_run(s, CALM_MS + 2 * st->ticktime_ms);
    if (!sim_agrees(s))
        sim_violated(s, "in calm the replicas still differ after %llu ms",
                     (unsigned long long)(CALM_MS + 2 * st->ticktime_ms));
    sim_check_kept(s);
}

/* Waits until the calls, one a node, are answered, and known to all. */
static void answered(struct storm *st, const size_t *calls)
{
    struct sim *s = st->sim;
    sim_run(s, 5000 + st->sync_ms);
    for (unsigned i = 0; i < st->nodes; i++)
        if (calls[i] != SIZE_MAX &&
            (sim_outcome(s, calls[i]) != SIM_REPLIED || sim_refused(s, calls[i])))
            sim_violated(s, "in calm n%u does not answer, or refuses", i + 1);
    for (unsigned i = 0; i < st->nodes; i++)
        if (sim_watchers(s, i) > 0)
            sim_violated(s, "n%u holds monitors although no call is under way", i + 1);
    if (!sim_agrees(s))
        sim_violated(s, "in calm a delta does not reach everybody");
}

static unsigned bits(uint64_t set)
{
    return (unsigned)__builtin_popcountll(set);
}

/* A node has an item of its own and adds it; then the node before it removes it, which has
 * seen it, so that it is gone and nothing else is. */
static void probe_items(struct storm *st)
{
    struct sim *s = st->sim;
    size_t calls[SIM_NODES_MAX];
    unsigned removals = 0;
    uint64_t probes = sim_probes(s), before = sim_items(s, 0);
    for (unsigned i = 0; i < st->nodes; i++)
        calls[i] = sim_probe(s, i, i, true);
    answered(st, calls);
    uint64_t all = sim_items(s, 0);
    if (all == before ||
        (sim_keeps_all(s) && (bits(all & probes) != st->nodes || (all & ~probes) != before)))
        sim_violated(s, "in calm something is not added, or takes something away");
    for (unsigned i = 0; i < st->nodes; i++) {
        calls[i] = sim_probe(s, i, (i + 1) % st->nodes, false);
        removals += calls[i] != SIZE_MAX;
    }
    answered(st, calls);
    uint64_t left = sim_items(s, 0);
    if (bits(left & probes) != bits(all & probes) - removals || (left & ~probes) != (all & ~probes))
        sim_violated(s, "in calm a removal removes nothing, or too much");
}

/* Every node answers, and what it then tells is soon known to all: every pair is
 * connected. */
static void probe(struct storm *st)
{
    size_t calls[SIM_NODES_MAX];
    if (st->counts) {
        for (unsigned i = 0; i < st->nodes; i++)
            calls[i] = sim_add(st->sim, i, 1);
        answered(st, calls);
    } else {
        probe_items(st);
    }
    for (unsigned i = 0; i < st->nodes; i++)
        calls[i] = sim_ask_value(st->sim, i);
    answered(st, calls);
}

/* --- one storm --------------------------------------------------------------------- */

/* The name of a type, any one by chance where none is asked for. */
static const char *type_of(const char *wanted, uint64_t random)
{
    size_t count = 0;
    if (wanted != NULL)
        return wanted;
    while (crdt_type_at(count) != NULL)
        count++;
    return crdt_type_at(random % count)->name;
}

/* Half of all storms have disks, on all nodes or on some.  Gives how often these fail. */
static uint64_t draw_disks(struct sim_options *o, uint64_t random)
{
    random *= 0xbf58476d1ce4e5b9u;
    random ^= random >> 31;
    unsigned all = (1u << o->nodes) - 1;
    if (random % 2 == 0)
        return 0;
    o->stored = (random >> 1) % 2 ? all : (unsigned)(random >> 2) & all;
    o->interval = (random >> 16) % 3 ? 0 : (unsigned)(random >> 20) & all;
    o->snapshot_ms = 100u << (random >> 32) % 8;
    o->disk_min_ms = (random >> 36) % 2;
    o->disk_max_ms = o->disk_min_ms + (1u << (random >> 40) % 8) - 1;
    return 50u << (random >> 44) % 4;
}

static void draw(struct storm *st, uint64_t seed, const char *wanted)
{
    /* The first numbers of a generator of its own: the world's begin with the same. */
    uint64_t random = seed * 0x9e3779b97f4a7c15u;
    random ^= random >> 29;
    struct sim_options o = {.seed = seed, .pieces = seed % 4 != 0};
    st->gentle = seed % 3 == 0;
    st->crdt = type_of(wanted, random >> 40);
    st->counts = strstr(st->crdt, "counter") != NULL;
    st->nodes = 2 + (unsigned)(random >> 1) % (random & 2 ? 3 : SIM_NODES_MAX - 1);
    st->sync_ms = 50u << (random >> 8) % 5;
    st->ticktime_ms = 4000u << (random >> 12) % 3;
    st->deeds = 50 + (random >> 16) % 200;
    st->pause_ms = 1u << (random >> 24) % 10;
    st->faults = st->gentle ? 20 : 50u << (random >> 28) % 4;
    /* A restarted node that is to wait for others must know that there are others. */
    o.one_way = !st->gentle && seed % 5 == 0;
    o.nodes = st->nodes;
    o.crdt = st->crdt;
    o.remembers = st->gentle;
    o.gathers = (random >> 50) % 3 == 0;
    o.sync_ms = st->sync_ms;
    o.ticktime_ms = st->ticktime_ms;
    o.latency_min_ms = (random >> 32) % 3;
    o.latency_max_ms = o.latency_min_ms + (1u << (random >> 36) % (st->gentle ? 6 : 9));
    st->disk_faults = draw_disks(&o, random);
    st->sim = sim_new(&o);
}

/* Whose end is a matter of chance has no place in a gentle storm. */
static void fail_disk(struct storm *st)
{
    unsigned node = any(st);
    if (sim_is_stored(st->sim, node))
        (st->gentle ? deed_disk_fails : deed_disk)(st->sim, node);
}

static void rage(struct storm *st)
{
    for (uint64_t i = 0; i < st->deeds; i++) {
        if (sim_random(st->sim, 1000) < st->disk_faults)
            fail_disk(st);
        if (sim_random(st->sim, 1000) >= st->faults)
            deed_ask(st->sim, any(st));
        else if (st->gentle)
            restart(st);
        else
            fault(st);
        if (sim_random(st->sim, 4) > 0)
            sim_run(st->sim, sim_random(st->sim, st->pause_ms + 1));
        sim_trace_forget(st->sim);
    }
}

struct outcome {
    uint64_t hash, steps;
    struct sim_disks disks;
};

static struct outcome storm(uint64_t seed, const char *crdt)
{
    struct storm st = {0};
    draw(&st, seed, crdt);
    for (unsigned i = 0; i < st.nodes; i++)
        if (st.gentle || sim_random(st.sim, 3) > 0)
            sim_start(st.sim, i);
    sim_run(st.sim, sim_random(st.sim, 3000));
    rage(&st);
    calm(&st);
    probe(&st);
    if (st.gentle && st.counts)
        check_floors(&st);
    check_told(&st);
    struct outcome outcome = {sim_hash(st.sim), sim_steps(st.sim), sim_disks(st.sim)};
    sim_free(st.sim);
    return outcome;
}

/* --- all of them ------------------------------------------------------------------- */

/* KEY=text among the arguments, else in the environment; NULL for none. */
static const char *text_option(int argc, char **argv, const char *key)
{
    size_t len = strlen(key);
    const char *text = getenv(key);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], key, len) == 0 && argv[i][len] == '=')
            text = argv[i] + len + 1;
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static uint64_t option(int argc, char **argv, const char *key, uint64_t otherwise)
{
    const char *text = text_option(argc, argv, key);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    uint64_t seed = option(argc, argv, "SEED", 0);
    uint64_t first = seed != 0 ? seed : 1;
    uint64_t last = seed != 0 ? seed : option(argc, argv, "SEEDS", SEEDS_BY_DEFAULT);
    uint64_t steps = 0, passed = 0;
    struct sim_disks disks = {0};
    if (option(argc, argv, "TRACE", 0) != 0)
        sim_trace_aloud();
    const char *crdt = text_option(argc, argv, "CRDT");
    char command[200];
    for (uint64_t i = first; i <= last; i++) {
        snprintf(command, sizeof(command), "%s SEED=%llu%s%s", argv[0], (unsigned long long)i,
                 crdt != NULL ? " CRDT=" : "", crdt != NULL ? crdt : "");
        sim_replay_with(command);
        struct outcome outcome = storm(i, crdt);
        steps += outcome.steps;
        disks.calls += outcome.disks.calls;
        disks.failures += outcome.disks.failures;
        passed++;
        if (i % ONE_TWICE_IN == 0 && storm(i, crdt).hash != outcome.hash) {
            fprintf(stderr, "VIOLATED: the same seed twice is not the same: %s\n", command);
            return EXIT_FAILURE;
        }
    }
    printf("  ok    %llu storms, %llu steps of nodes, %llu calls to disks, %llu works that these "
           "failed\n",
           (unsigned long long)passed, (unsigned long long)steps, (unsigned long long)disks.calls,
           (unsigned long long)disks.failures);
    printf("%llu passed, 0 failed\n", (unsigned long long)passed);
    return EXIT_SUCCESS;
}
