#include "workload.h"

#include <string.h>

#include "world.h"

static void request_items(struct sim *s, unsigned node)
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

static void request_counts(struct sim *s, unsigned node)
{
    bool pncounter = strcmp(s->options.crdt, "pncounter") == 0;
    int64_t by = 1 + (int64_t)sim_random(s, 1000);
    switch (sim_random(s, 10)) {
    case 0:
        sim_cast_add(s, node, by);
        break;
    case 1:
        sim_add_batch(s, node, (uint64_t)by);
        break;
    case 2:
        sim_add_by_export(s, node);
        break;
    case 3:
        for (uint64_t left = 1 + sim_random(s, 4); left > 0; left--)
            sim_add_by_closure(s, node, (uint64_t)by);
        break;
    case 4:
        if (sim_random(s, 2))
            sim_call(s, node, "value");
        else
            sim_call_state(s, node);
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

static void request(struct sim *s, unsigned node)
{
    if (sim_random(s, 8) == 0)
        sim_call(s, node, "{mutate, []}"); /* changes nothing */
    else if (s->item_type == NULL)
        request_counts(s, node);
    else
        request_items(s, node);
}

void workload_request(struct sim *s, unsigned node)
{
    uint64_t burst = sim_random(s, 8) == 0 ? 2 + sim_random(s, 8) : 1;
    while (burst-- > 0)
        request(s, node);
}
