#include <errno.h>

#include "storm.h"
#include "world.h"

/* Few leave, so that the others have peers. */
#define RARE   8
#define DAY_MS 86400000
/* About how many disk calls a save makes, and an append. */
#define SAVE_CALLS   32
#define APPEND_CALLS 3

static unsigned any(struct storm *st)
{
    return (unsigned)sim_random(st->sim, st->nodes);
}

static unsigned any_but(struct storm *st, unsigned node)
{
    return (node + 1 + (unsigned)sim_random(st->sim, st->nodes - 1)) % st->nodes;
}

/* --- links --------------------------------------------------------------------- */

static void link_fault(struct storm *st)
{
    struct sim *s = st->sim;
    unsigned a = any(st), b = any_but(st, a);
    switch (sim_random(s, 8)) {
    case 0:
    case 1:
        sim_cut(s, a, b);
        break;
    case 2:
        sim_cut_one_way(s, a, b);
        break;
    case 3:
        sim_throttle(s, a, b, 1 + sim_random(s, 8));
        break;
    case 4:
        sim_reset(s, a, b);
        break;
    default:
        sim_heal(s, a, b);
        break;
    }
}

/* --- nodes --------------------------------------------------------------------- */

static void end(struct storm *st, unsigned node)
{
    switch (sim_random(st->sim, 3)) {
    case 0:
        sim_crash(st->sim, node);
        break;
    case 1:
        sim_power_off(st->sim, node);
        break;
    default:
        sim_stop(st->sim, node);
        break;
    }
}

/* Never renames the one that others follow. */
static void start(struct storm *st, unsigned node)
{
    struct sim *s = st->sim;
    if (node > 0 && st->follows && sim_random(s, 3) == 0)
        sim_rename(s, node);
    sim_start(s, node);
}

/* Without anti-entropy, a node that leaves may have told only some of the others. */
static void leave(struct storm *st, unsigned node)
{
    unsigned there = 0;
    if (!st->repairs)
        return;
    for (unsigned i = 0; i < st->nodes; i++)
        there += !sim_has_left(st->sim, i);
    if (node > 0 && there > 2 && sim_random(st->sim, RARE) == 0)
        sim_leave(st->sim, node);
}

static void start_or_end(struct storm *st)
{
    unsigned node = any(st);
    if (sim_has_left(st->sim, node))
        return;
    if (sim_runs(st->sim, node))
        end(st, node);
    else
        start(st, node);
    leave(st, node);
}

/* Half of the jumps are small, as with ntpd. */
static void set_clock(struct storm *st)
{
    uint64_t most = sim_random(st->sim, 2) ? 2000 : DAY_MS;
    sim_shift_clock(st->sim, any(st), (int64_t)sim_random(st->sim, 2 * most + 1) - (int64_t)most);
}

static void caller_fault(struct storm *st)
{
    if (sim_random(st->sim, 3) == 0)
        sim_throttle_caller(st->sim, any(st), 1 + sim_random(st->sim, 4));
    else
        sim_reset_caller(st->sim, any(st));
}

static void dns_fault(struct storm *st)
{
    if (sim_random(st->sim, 4) == 0)
        sim_dns_fails(st->sim, sim_random(st->sim, 2));
    else
        sim_list(st->sim, any(st), sim_random(st->sim, 2));
}

static void reload(struct storm *st)
{
    unsigned node = any(st);
    if (sim_runs(st->sim, node) && !sim_is_beam(st->sim, node))
        sim_reload(st->sim, node, sim_random(st->sim, 2), any(st));
}

void storm_fault(struct storm *st)
{
    if (st->discovers && sim_random(st->sim, 4) == 0) {
        dns_fault(st);
        return;
    }
    switch (sim_random(st->sim, 11)) {
    case 0:
        caller_fault(st);
        break;
    case 1:
        sim_epmd_down(st->sim, any(st));
        break;
    case 2:
        sim_epmd_up(st->sim, any(st));
        break;
    case 3:
        set_clock(st);
        break;
    case 4:
    case 5:
    case 6:
        start_or_end(st);
        break;
    case 7:
        reload(st);
        break;
    default:
        link_fault(st);
        break;
    }
}

/* --- disks ------------------------------------------------------------------- */

/* How many calls from now the fault comes. */
static uint64_t bad_call(struct sim *s)
{
    return 1 + sim_random(s, sim_random(s, 2) ? APPEND_CALLS : SAVE_CALLS);
}

void storm_disk_error(struct sim *s, unsigned node)
{
    static const int codes[] = {-ENOSPC, -EIO, -EROFS, -EACCES};
    int code = codes[sim_random(s, sizeof(codes) / sizeof(codes[0]))];
    uint64_t n = bad_call(s);
    sim_disk_fail(s, node, n, code, sim_random(s, 2));
}

void storm_disk_fault(struct sim *s, unsigned node)
{
    uint64_t n = bad_call(s);
    switch (sim_random(s, 8)) {
    case 0:
        sim_disk_heal(s, node);
        break;
    case 5:
    case 6:
    case 7:
        /* Its replica opens the files again, while the node goes on. */
        if (sim_runs(s, node) && sim_is_durable(s, node))
            sim_kill_replica(s, node);
        break;
    case 1:
    case 2:
        storm_disk_error(s, node);
        break;
    default:
        if (sim_runs(s, node))
            sim_disk_cut(s, node, n, sim_random(s, 2));
        else
            sim_power_off(s, node);
        break;
    }
}

void storm_heal_disks(struct sim *s)
{
    for (unsigned i = 0; i < s->options.nodes; i++)
        if (sim_is_stored(s, i))
            sim_disk_heal(s, i);
}
