#include "err.h"
#include "storm.h"
#include "workload.h"

/* Requests to a node as soon as it is back. */
#define EARLY_REQUESTS 6

/* Also waits until what replicas have received is on disk, which no caller waits for. */
static bool known_and_synced(struct sim *s)
{
    bool kept = storm_all_known(s);
    for (unsigned i = 0; kept && i < SIM_NODES_MAX; i++)
        kept = sim_disk_is_idle(s, i);
    return kept;
}

static void settle_all(struct storm *st)
{
    storm_heal_disks(st->sim);
    if (!storm_wait(st, known_and_synced))
        sim_violated(st->sim, "in a lossless storm, the replicas differ for %llu ms",
                     (unsigned long long)st->settle_ms);
}

/* Once everybody knows everything, restarts a node; it forgets what is not on its disk, which
 * may be wiped.  Never the first node: somebody must know everything. */
void storm_restart(struct storm *st)
{
    struct sim *s = st->sim;
    unsigned node = 1 + (unsigned)sim_random(s, st->nodes - 1);
    bool wipe = sim_is_stored(s, node) && sim_random(s, 3) == 0;
    settle_all(st);
    for (unsigned i = 0; i < st->nodes; i++) {
        st->floor[i] = sim_count(s, i, i);
        st->within[i] = i == node && (wipe || !sim_is_durable(s, i)) ? 0 : sim_acknowledged(s, i);
    }
    st->known = sim_checkpoint(s);
    switch (sim_random(s, 3)) {
    case 0:
        sim_crash(s, node);
        break;
    case 1:
        sim_power_off(s, node);
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
    /* Grove does not wait for its old state before it takes changes; it would lose its past. */
    if (sim_is_beam(s, node))
        settle_all(st);
    /* Callers do not wait until a coppice has caught up. */
    else if (sim_random(s, 2) && sim_until(s, 1000, sim_all_ready))
        for (unsigned i = 0; i < EARLY_REQUESTS; i++)
            workload_request(s, node);
    /* If the others' disks failed now, nobody could send it its old state. */
    if (st->disk_faults > 0)
        settle_all(st);
}

/* A node's count is at least what all knew of it plus what it has acknowledged since its start:
 * it did not continue from an older count. */
static void check_floors(struct storm *st)
{
    for (unsigned i = 1; i < st->nodes; i++) {
        uint64_t since = sim_acknowledged(st->sim, i) - st->within[i];
        uint64_t wanted = st->floor[i] + since;
        if (sim_count(st->sim, i, i) < wanted)
            sim_violated(st->sim,
                         "n%u counts %llu; all knew %llu, and with what it has acknowledged "
                         "since it must be %llu",
                         i + 1, (unsigned long long)sim_count(st->sim, i, i),
                         (unsigned long long)st->floor[i], (unsigned long long)wanted);
    }
}

/* The same for other types. */
static void check_known(struct storm *st)
{
    for (unsigned i = 0; i < st->nodes; i++)
        if (!sim_honours(st->sim, i, st->known))
            sim_violated(st->sim, "n%u lacks what all knew before a restart", i + 1);
}

void storm_check_floors(struct storm *st)
{
    if (st->lossless && st->counts)
        check_floors(st);
    if (st->lossless)
        check_known(st);
}
