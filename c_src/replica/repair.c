#include "internal.h"

/* With jitter, so that replicas do not all sync at once. */
static uint64_t next_ms(const struct replica *r, struct turn *t)
{
    uint64_t most = r->options.repair_ms * r->options.repair_jitter / 100;
    return t->now_ms + r->options.repair_ms - most + turn_random(t) % (2 * most + 1);
}

void repair_start(struct replica *r, struct turn *t)
{
    r->repair_at_ms = next_ms(r, t);
}

/* With a Grove server, which cannot compare, whole states are exchanged. */
static void repair(struct replica *r, struct member *m, struct turn *t)
{
    if (m->pull != PULL_IDLE || m->unsent != NULL || member_is_slow(m, t))
        return;
    r->repairs++;
    m->failures = 0;
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
