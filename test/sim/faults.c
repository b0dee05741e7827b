#include <stdio.h>

#include "dist/flags.h"
#include "world.h"

void sim_start(struct sim *s, unsigned i)
{
    struct sim_node *n = &s->nodes[i];
    must(n->node == NULL);
    if (!s->machines[i].up) {
        s->machines[i].up = true;
        network_power_on(s, i);
    }
    trace_printf(s, "%s starts", world_name(s, i));
    n->node = sim_is_beam(s, i) ? node_new_bare(&n->config, DFLAGS_OURS | DFLAGS_OF_BEAM)
                                : node_new(&n->config);
    n->life++;
    n->accepted = 0;
    n->asks = 0;
    n->port = s->options.without_epmd ? FIXED_PORT : s->next_port++;
    world_step(s, i, &(struct event){.kind = EVENT_START, .port = n->port});
}

void sim_start_all(struct sim *s)
{
    for (unsigned i = 0; i < s->options.nodes; i++)
        if (s->nodes[i].node == NULL)
            sim_start(s, i);
}

static void lose_memory(struct sim *s, unsigned i)
{
    node_free(s->nodes[i].node);
    s->nodes[i].node = NULL;
    s->nodes[i].due_ms = UINT64_MAX;
    s->nodes[i].ready = false;
    files_kill(s->nodes[i].files);
    check_restarted(s, i);
}

void sim_crash(struct sim *s, unsigned i)
{
    trace_printf(s, "%s crashes", world_name(s, i));
    lose_memory(s, i);
    network_reset(s, PARTY_NODE, i);
}

void sim_power_off(struct sim *s, unsigned i)
{
    trace_printf(s, "%s loses power", world_name(s, i));
    lose_memory(s, i);
    files_power_off(s, i);
    network_power_off(s, i);
    epmd_end(s, i);
    s->machines[i].up = false;
}

void sim_stop(struct sim *s, unsigned i)
{
    trace_printf(s, "%s is told to stop", world_name(s, i));
    world_step(s, i, &(struct event){.kind = EVENT_STOP});
}

void sim_epmd_down(struct sim *s, unsigned i)
{
    trace_printf(s, "epmd ends on %s", s->machines[i].name);
    epmd_end(s, i);
}

void sim_epmd_up(struct sim *s, unsigned i)
{
    epmd_start(s, i);
}

static void cut(struct sim *s, unsigned from, unsigned to)
{
    s->links[from][to].cut = true;
}

void sim_cut(struct sim *s, unsigned a, unsigned b)
{
    trace_printf(s, "n%u - n%u is cut", a + 1, b + 1);
    cut(s, a, b);
    cut(s, b, a);
}

void sim_cut_one_way(struct sim *s, unsigned from, unsigned to)
{
    trace_printf(s, "n%u -> n%u is cut", from + 1, to + 1);
    cut(s, from, to);
}

void sim_throttle(struct sim *s, unsigned a, unsigned b, uint64_t byte_ms)
{
    trace_printf(s, "n%u - n%u takes %llu ms per byte", a + 1, b + 1, (unsigned long long)byte_ms);
    s->links[a][b].byte_ms = s->links[b][a].byte_ms = byte_ms;
}

void sim_heal(struct sim *s, unsigned a, unsigned b)
{
    struct link *out = &s->links[a][b], *back = &s->links[b][a];
    if (!out->cut && !back->cut && out->byte_ms == 0)
        return;
    trace_printf(s, "n%u - n%u is healed", a + 1, b + 1);
    *out = *back = (struct link){0};
    network_heal(s, a, b);
}

void sim_reset(struct sim *s, unsigned a, unsigned b)
{
    trace_printf(s, "n%u - n%u is reset", a + 1, b + 1);
    network_reset_link(s, a, b);
}

void sim_reset_caller(struct sim *s, unsigned i)
{
    trace_printf(s, "caller%u is reset", i + 1);
    s->links[i][CALLER_OF(i)].byte_ms = s->links[CALLER_OF(i)][i].byte_ms = 0;
    network_reset_link(s, i, CALLER_OF(i));
}

void sim_throttle_caller(struct sim *s, unsigned i, uint64_t byte_ms)
{
    trace_printf(s, "caller%u takes %llu ms per byte", i + 1, (unsigned long long)byte_ms);
    s->links[i][CALLER_OF(i)].byte_ms = s->links[CALLER_OF(i)][i].byte_ms = byte_ms;
}

void sim_shift_clock(struct sim *s, unsigned i, int64_t by_ms)
{
    trace_printf(s, "n%u's clock jumps by %lld ms", i + 1, (long long)by_ms);
    s->nodes[i].wall_ms += (uint64_t)by_ms;
}

void sim_reload(struct sim *s, unsigned i, bool extra, unsigned without)
{
    struct config fresh = {0};
    struct config_error error;
    struct buf name = {0};
    trace_printf(s, "%s reads its configuration, with%s another replica, without n%u",
                 world_name(s, i), extra ? "" : "out", without + 1);
    buf_put(&name, buf_bytes(&s->nodes[i].config.node));
    world_put_config(s, i, buf_bytes(&name), without, extra, &fresh);
    if (extra)
        must(config_flag(&fresh, "replica", BYTES("extra, #{crdt => gcounter}"), &error) == OK);
    world_step(s, i, &(struct event){.kind = EVENT_CONFIG, .config = &fresh});
    config_free(&fresh);
    buf_free(&name);
}

void sim_rename(struct sim *s, unsigned i)
{
    char name[40];
    must(s->nodes[i].node == NULL);
    snprintf(name, sizeof(name), "n%u_%u@h%u", i + 1, s->nodes[i].life, i + 1);
    trace_printf(s, "n%u is renamed %s", i + 1, name);
    world_configure(s, i, name);
}

void sim_leave(struct sim *s, unsigned i)
{
    if (s->nodes[i].node != NULL)
        sim_stop(s, i);
    trace_printf(s, "n%u leaves for good", i + 1);
    s->nodes[i].left = true;
}

bool sim_has_left(const struct sim *s, unsigned i)
{
    return s->nodes[i].left;
}
