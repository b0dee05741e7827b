#include "storm.h"
#include "workload.h"

/* Requests to each BEAM after the BEAMs were disconnected. */
#define DISCONNECTED_REQUESTS 3
/* Long enough to include a moment when no two replicas are comparing. */
#define WATCHERS_GONE_MS 30000
#define SUBSCRIBE_TRIES  3
/* Enough for a reset to reach everybody. */
#define RESET_MS 300
#define POLL_MS  20

bool storm_all_known(struct sim *s)
{
    return sim_all_ready(s) && sim_idle(s) && sim_converged(s);
}

static bool all_told(struct sim *s)
{
    for (unsigned i = 0; i < SIM_NODES_MAX; i++)
        if (sim_runs(s, i) && !sim_is_beam(s, i) && !sim_is_told(s, i))
            return false;
    return true;
}

static bool all_known_and_settled(struct sim *s)
{
    return storm_all_known(s) && sim_all_settled(s);
}

bool storm_wait(struct storm *st, bool (*holds)(struct sim *s))
{
    uint64_t until_ms = sim_now(st->sim) + st->settle_ms;
    while (!holds(st->sim)) {
        if (sim_now(st->sim) >= until_ms)
            return false;
        sim_run(st->sim, POLL_MS);
    }
    return true;
}

static void must_converge(struct storm *st)
{
    if (storm_wait(st, all_known_and_settled))
        return;
    sim_violated(st->sim, "%llu ms after healing, the replicas %s",
                 (unsigned long long)st->settle_ms,
                 !sim_converged(st->sim) ? "still differ" : "are not settled");
}

/* Disconnects the BEAMs from each other.  They miss each other's next deltas, which Grove never
 * repeats, and must get them from a coppice. */
static void disconnect_beams(struct storm *st)
{
    struct sim *s = st->sim;
    for (unsigned a = 0; a < st->nodes; a++)
        for (unsigned b = 0; b < a; b++)
            if (sim_is_beam(s, a) && sim_is_beam(s, b))
                sim_reset(s, a, b);
    for (unsigned i = 0; i < DISCONNECTED_REQUESTS * st->nodes; i++)
        if (sim_is_beam(s, i % st->nodes))
            workload_request(s, i % st->nodes);
    must_converge(st);
}

static void heal_all(struct storm *st)
{
    struct sim *s = st->sim;
    storm_heal_disks(s);
    sim_dns_fails(s, false);
    for (unsigned a = 0; a < st->nodes; a++) {
        for (unsigned b = 0; b < a; b++)
            sim_heal(s, a, b);
        sim_epmd_up(s, a);
        sim_list(s, a, true);
        sim_reset_caller(s, a);
        if (!sim_runs(s, a) && !sim_has_left(s, a))
            sim_start(s, a);
        if (sim_runs(s, a) && !sim_is_beam(s, a))
            sim_reload(s, a, false, a);
    }
    sim_run(s, RESET_MS);
}

/* Replicas compare now and then, each with a call and its monitor; but in between nobody
 * monitors a replica that has answered all its calls; but each coppice does with a server that it
 * has found on a topic. */
static size_t most_watchers(const struct storm *st, unsigned node)
{
    return st->pubsub && sim_is_beam(st->sim, node) ? st->nodes - st->beams : 0;
}

static void check_watchers(struct storm *st)
{
    struct sim *s = st->sim;
    for (unsigned i = 0; i < st->nodes; i++) {
        uint64_t until_ms = sim_now(s) + WATCHERS_GONE_MS;
        if (!sim_runs(s, i))
            continue;
        while (sim_watchers(s, i) > most_watchers(st, i) && sim_now(s) < until_ms)
            sim_run(s, 1);
        if (sim_watchers(s, i) > most_watchers(st, i))
            sim_violated(s, "n%u has had monitors for %d ms although no call is open", i + 1,
                         WATCHERS_GONE_MS);
    }
}

/* A caller's old connection may break only now. */
static void subscribe_all(struct storm *st)
{
    for (unsigned tries = 0; tries < SUBSCRIBE_TRIES; tries++) {
        for (unsigned i = 0; i < st->nodes; i++)
            if (sim_runs(st->sim, i) && !sim_is_beam(st->sim, i) && !sim_is_told(st->sim, i))
                sim_subscribe(st->sim, i);
        must_converge(st);
    }
}

/* Waits until the calls, one per node, are answered and their changes known to all. */
static void await_replies(struct storm *st, const size_t *calls)
{
    struct sim *s = st->sim;
    if (!storm_wait(st, storm_all_known))
        sim_violated(s, "after healing, a delta does not reach everybody");
    for (unsigned i = 0; i < st->nodes; i++)
        if (calls[i] != SIZE_MAX &&
            (sim_outcome(s, calls[i]) != SIM_REPLIED || sim_refused(s, calls[i])))
            sim_violated(s, "after healing, n%u does not answer, or refuses", i + 1);
}

static unsigned bits(uint64_t set)
{
    return (unsigned)__builtin_popcountll(set);
}

static unsigned next_running(struct storm *st, unsigned node)
{
    do
        node = (node + 1) % st->nodes;
    while (!sim_runs(st->sim, node));
    return node;
}

/* Each node adds its own item; then another node, which has seen it, removes it.  It must be
 * gone, and nothing else. */
static void probe_items(struct storm *st)
{
    struct sim *s = st->sim;
    size_t calls[SIM_NODES_MAX];
    unsigned removals = 0, added = 0;
    uint64_t probes = sim_probes(s), before = sim_items(s, 0);
    for (unsigned i = 0; i < st->nodes; i++) {
        calls[i] = sim_runs(s, i) ? sim_probe(s, i, i, true) : SIZE_MAX;
        added += sim_runs(s, i);
    }
    await_replies(st, calls);
    uint64_t all = sim_items(s, 0);
    if (all == before ||
        (sim_retains_items(s) && (bits(all & probes) != added || (all & ~probes) != before)))
        sim_violated(s, "after healing, an addition adds nothing, or removes something");
    for (unsigned i = 0; i < st->nodes; i++) {
        calls[i] = sim_runs(s, i) ? sim_probe(s, i, next_running(st, i), false) : SIZE_MAX;
        removals += calls[i] != SIZE_MAX;
    }
    await_replies(st, calls);
    uint64_t left = sim_items(s, 0);
    if (bits(left & probes) != bits(all & probes) - removals || (left & ~probes) != (all & ~probes))
        sim_violated(s, "after healing, a removal removes nothing, or too much");
}

/* Every node must answer, and its change must reach all. */
static void probe(struct storm *st)
{
    struct sim *s = st->sim;
    size_t calls[SIM_NODES_MAX];
    if (st->counts) {
        for (unsigned i = 0; i < st->nodes; i++)
            calls[i] = sim_runs(s, i) ? sim_add(s, i, 1) : SIZE_MAX;
        await_replies(st, calls);
    } else {
        probe_items(st);
    }
    for (unsigned i = 0; i < st->nodes; i++)
        calls[i] = sim_runs(s, i) ? sim_call_value(s, i) : SIZE_MAX;
    await_replies(st, calls);
    check_watchers(st);
    if (!storm_wait(st, all_told))
        sim_violated(s, "after healing, a subscriber is not told of the last change");
}

void storm_converge(struct storm *st)
{
    heal_all(st);
    must_converge(st);
    subscribe_all(st);
    if (st->beams > 1)
        disconnect_beams(st);
    if (st->soaks) {
        sim_run(st->sim, st->settle_ms);
        must_converge(st);
    }
    sim_check_durable(st->sim);
    probe(st);
}
