#include "internal.h"

/* A pace of its own for each, or all would ask at the same moment. */
static uint64_t next_ms(const struct replica *r, struct turn *t)
{
    uint64_t most = r->options.repair_ms * r->options.repair_jitter / 100;
    return t->now_ms + r->options.repair_ms - most + turn_random(t) % (2 * most + 1);
}

void repair_start(struct replica *r, struct turn *t)
{
    r->repair_at_ms = next_ms(r, t);
}

/* A Grove server cannot say where it differs: it is asked for all, and told all. */
static void repair(struct replica *r, struct member *m, struct turn *t)
{
    if (m->pull != PULL_DONE || m->untold != NULL || t->post->slow(t->post, member_node(m)))
        return;
    r->repairs++;
    m->failed = 0;
    pull_from(r, m, t);
    if (m->beam)
        push_to(r, m, t);
}

void repair_wake(struct replica *r, struct turn *t)
{
    if (t->now_ms < r->repair_at_ms)
        return;
    r->repair_at_ms = next_ms(r, t);
    if (r->member_count > 0)
        repair(r, r->members[turn_random(t) % r->member_count], t);
}
