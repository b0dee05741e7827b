#include "deeds.h"
#include "err.h"
#include "storm.h"

/* What a node in a gentle storm is asked as soon as it is back. */
#define HASTY_DEEDS 6

/* And what a replica has only heard is on its disk: nobody waits for that. */
static bool told_and_kept(struct sim *s)
{
    bool kept = storm_all_told(s);
    for (unsigned i = 0; kept && i < SIM_NODES_MAX; i++)
        kept = sim_disk_is_idle(s, i);
    return kept;
}

static void tell_all(struct storm *st)
{
    deed_heal_disks(st->sim);
    if (!storm_waits(st, told_and_kept))
        sim_violated(st->sim, "in a gentle storm the replicas differ for %llu ms",
                     (unsigned long long)st->calm_ms);
}

/* Everybody knows everything; then a node forgets, unless it has a disk, and keeps that.
 * The first never does: somebody must know. */
void storm_restart(struct storm *st)
{
    struct sim *s = st->sim;
    unsigned node = 1 + (unsigned)sim_random(s, st->nodes - 1);
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
    /* Grove does not wait until it is told what it was; and then its past is lost. */
    if (sim_is_beam(s, node))
        tell_all(st);
    /* Whoever waits for a coppice does not wait until it has caught up. */
    else if (sim_random(s, 2) && sim_until(s, 1000, sim_all_ready))
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

void storm_check_floors(struct storm *st)
{
    if (st->gentle && st->counts)
        check_floors(st);
    if (st->gentle)
        check_told(st);
}
