#include "storm.h"

/* Few leave: the others are to have somebody to meet. */
#define RARE   8
#define DAY_MS 86400000

static unsigned any(struct storm *st)
{
    return (unsigned)sim_random(st->sim, st->nodes);
}

static unsigned any_but(struct storm *st, unsigned node)
{
    return (node + 1 + (unsigned)sim_random(st->sim, st->nodes - 1)) % st->nodes;
}

/* --- links --------------------------------------------------------------------- */

static void hurt_link(struct storm *st)
{
    struct sim *s = st->sim;
    unsigned a = any(st), b = any_but(st, a);
    switch (sim_random(s, 8)) {
    case 0:
    case 1:
        sim_cut(s, a, b);
        break;
    case 2:
        sim_mute(s, a, b);
        break;
    case 3:
        sim_clog(s, a, b, 1 + sim_random(s, 8));
        break;
    case 4:
        sim_break(s, a, b);
        break;
    default:
        sim_mend(s, a, b);
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
        sim_vanish(st->sim, node);
        break;
    default:
        sim_stop(st->sim, node);
        break;
    }
}

/* Whom the others follow stays. */
static void start(struct storm *st, unsigned node)
{
    struct sim *s = st->sim;
    if (node > 0 && st->follows && sim_random(s, 3) == 0)
        sim_rename(s, node);
    sim_start(s, node);
}

/* Without anti-entropy what it told some of them, and was to tell the others, would stay there. */
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

static void come_or_go(struct storm *st)
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

/* Most jumps are small, as those of ntpd are. */
static void set_clock(struct storm *st)
{
    uint64_t most = sim_random(st->sim, 2) ? 2000 : DAY_MS;
    sim_set_clock(st->sim, any(st), (int64_t)sim_random(st->sim, 2 * most + 1) - (int64_t)most);
}

void storm_fault(struct storm *st)
{
    switch (sim_random(st->sim, 10)) {
    case 0:
        sim_break_caller(st->sim, any(st));
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
        come_or_go(st);
        break;
    default:
        hurt_link(st);
        break;
    }
}
