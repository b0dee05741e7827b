#include <stdio.h>

#include "world.h"

/* --- faults ---------------------------------------------------------------- */

void sim_start(struct sim *s, unsigned i)
{
    struct sim_node *n = &s->nodes[i];
    must(n->node == NULL);
    if (!s->machines[i].up) {
        s->machines[i].up = true;
        network_relight(s, i);
    }
    trace_deed(s, "%s starts", world_name(s, i));
    n->node = node_new(&n->config);
    n->life++;
    n->accepted = 0;
    n->port = s->next_port++;
    world_step(s, i, &(struct event){.kind = EVENT_START, .port = n->port});
}

void sim_start_all(struct sim *s)
{
    for (unsigned i = 0; i < s->options.nodes; i++)
        if (s->nodes[i].node == NULL)
            sim_start(s, i);
}

static void memory_lost(struct sim *s, unsigned i)
{
    node_free(s->nodes[i].node);
    s->nodes[i].node = NULL;
    s->nodes[i].due_ms = UINT64_MAX;
    s->nodes[i].ready = false;
    files_forget(s->nodes[i].files);
    check_forget(s, i);
}

void sim_crash(struct sim *s, unsigned i)
{
    trace_deed(s, "%s crashes", world_name(s, i));
    memory_lost(s, i);
    network_reset(s, PARTY_NODE, i);
}

void sim_vanish(struct sim *s, unsigned i)
{
    trace_deed(s, "%s vanishes", world_name(s, i));
    memory_lost(s, i);
    files_lose(s, i);
    network_darken(s, i);
    epmd_end(s, i);
    s->machines[i].up = false;
}

void sim_stop(struct sim *s, unsigned i)
{
    trace_deed(s, "%s is told to stop", world_name(s, i));
    world_step(s, i, &(struct event){.kind = EVENT_STOP});
}

void sim_epmd_down(struct sim *s, unsigned i)
{
    trace_deed(s, "epmd ends on %s", s->machines[i].name);
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
    trace_deed(s, "n%u and n%u are cut", a + 1, b + 1);
    cut(s, a, b);
    cut(s, b, a);
}

void sim_mute(struct sim *s, unsigned from, unsigned to)
{
    trace_deed(s, "n%u does not hear n%u", to + 1, from + 1);
    cut(s, from, to);
}

void sim_clog(struct sim *s, unsigned a, unsigned b, uint64_t byte_ms)
{
    trace_deed(s, "between n%u and n%u a byte takes %llu ms", a + 1, b + 1,
               (unsigned long long)byte_ms);
    s->links[a][b].byte_ms = s->links[b][a].byte_ms = byte_ms;
}

void sim_mend(struct sim *s, unsigned a, unsigned b)
{
    struct link *out = &s->links[a][b], *back = &s->links[b][a];
    if (!out->cut && !back->cut && out->byte_ms == 0)
        return;
    trace_deed(s, "n%u and n%u are mended", a + 1, b + 1);
    *out = *back = (struct link){0};
    network_mend(s, a, b);
}

void sim_break(struct sim *s, unsigned a, unsigned b)
{
    trace_deed(s, "n%u and n%u are broken", a + 1, b + 1);
    network_break(s, a, b);
}

void sim_break_caller(struct sim *s, unsigned i)
{
    trace_deed(s, "caller%u is broken", i + 1);
    network_break(s, i, CALLER_OF(i));
}

void sim_set_clock(struct sim *s, unsigned i, int64_t by_ms)
{
    trace_deed(s, "n%u's clock is set by %lld ms", i + 1, (long long)by_ms);
    s->nodes[i].wall_ms += (uint64_t)by_ms;
}

void sim_rename(struct sim *s, unsigned i)
{
    char name[40];
    must(s->nodes[i].node == NULL);
    snprintf(name, sizeof(name), "n%u_%u@h%u", i + 1, s->nodes[i].life, i + 1);
    trace_deed(s, "n%u is to be %s", i + 1, name);
    world_configure(s, i, name);
}

void sim_leave(struct sim *s, unsigned i)
{
    if (s->nodes[i].node != NULL)
        sim_stop(s, i);
    trace_deed(s, "n%u has left for good", i + 1);
    s->nodes[i].left = true;
}

bool sim_has_left(const struct sim *s, unsigned i)
{
    return s->nodes[i].left;
}
