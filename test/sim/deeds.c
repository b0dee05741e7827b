#include "deeds.h"

#include <errno.h>
#include <string.h>

#include "world.h"

/* Calls that a save makes, and an append. */
#define SAVE_CALLS   24
#define APPEND_CALLS 3

/* --- asking ------------------------------------------------------------------ */

static void ask_items(struct sim *s, unsigned node)
{
    switch (sim_random(s, 12)) {
    case 0:
        sim_call(s, node, sim_random(s, 2) ? "value" : "state");
        break;
    case 1:
        sim_call(s, node, "{batch, [{multiply, [2]}]}");
        break;
    case 2:
        sim_cast(s, node, "sync_now");
        break;
    default:
        sim_change(s, node);
        break;
    }
}

static void ask_counts(struct sim *s, unsigned node)
{
    bool pncounter = strcmp(s->options.crdt, "pncounter") == 0;
    int64_t by = 1 + (int64_t)sim_random(s, 1000);
    switch (sim_random(s, 10)) {
    case 0:
        sim_cast_add(s, node, by);
        break;
    case 1:
        sim_add_twice(s, node, (uint64_t)by);
        break;
    case 2:
        sim_add_by_export(s, node);
        break;
    case 3:
        sim_add_by_closure(s, node, (uint64_t)by);
        break;
    case 4:
        if (sim_random(s, 2))
            sim_call(s, node, "value");
        else
            sim_ask_state(s, node);
        break;
    case 5:
        sim_call(s, node, "{mutate, [increment, {increment, [-1]}]}");
        break;
    case 6:
        sim_cast(s, node, "sync_now");
        break;
    default:
        sim_add(s, node, pncounter && sim_random(s, 2) ? -by : by);
        break;
    }
}

void deed_ask(struct sim *s, unsigned node)
{
    if (s->habits == NULL)
        ask_counts(s, node);
    else
        ask_items(s, node);
}

/* --- disks ------------------------------------------------------------------- */

/* Which call from now is the bad one. */
static uint64_t bad_call(struct sim *s)
{
    return 1 + sim_random(s, sim_random(s, 2) ? APPEND_CALLS : SAVE_CALLS);
}

void deed_disk_fails(struct sim *s, unsigned node)
{
    static const int codes[] = {-ENOSPC, -EIO, -EROFS, -EACCES};
    int code = codes[sim_random(s, sizeof(codes) / sizeof(codes[0]))];
    uint64_t n = bad_call(s);
    sim_disk_fail(s, node, n, code, sim_random(s, 2));
}

void deed_disk(struct sim *s, unsigned node)
{
    uint64_t n = bad_call(s);
    switch (sim_random(s, 5)) {
    case 0:
        sim_disk_heal(s, node);
        break;
    case 1:
    case 2:
        deed_disk_fails(s, node);
        break;
    default:
        if (sim_runs(s, node))
            sim_disk_cut(s, node, n, sim_random(s, 2));
        else
            sim_vanish(s, node);
        break;
    }
}

void deed_heal_disks(struct sim *s)
{
    for (unsigned i = 0; i < s->options.nodes; i++)
        if (sim_is_stored(s, i))
            sim_disk_heal(s, i);
}
