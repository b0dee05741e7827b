#include <string.h>

#include "world.h"

/* Name server and resolver in one.  An answer takes so long that other things happen before. */
#define ANSWER_MS 5

/* The node that d1, d2, ... is the name of. */
static unsigned named_by(struct sim *s, struct bytes host)
{
    unsigned i = 0;
    while (
        !bytes_equal((struct bytes){host.at + 1, host.len - 1}, bytes_of(s->machines[i].name + 1)))
        i++;
    return i;
}

static void answer(struct sim *s, unsigned i, uint32_t query, unsigned of)
{
    struct event e = {.kind = EVENT_RESOLVED, .query = query};
    if (s->dns_fails)
        e.err = ERR_HOST, e.bytes = BYTES("temporary failure");
    else if (!s->nodes[of].unlisted)
        e.bytes = bytes_of(s->machines[of].name);
    world_step(s, i, &e);
}

/* All that are open; the node may have ended, or run anew. */
static void answer_all(struct sim *s, unsigned i)
{
    struct sim_node *n = &s->nodes[i];
    struct sim_asked asked[SIM_ASKED_MAX];
    unsigned count = n->asks;
    memcpy(asked, n->asked, count * sizeof(*asked));
    n->asks = 0;
    for (unsigned k = 0; k < count; k++)
        if (n->node != NULL)
            answer(s, i, asked[k].query, asked[k].of);
}

void dns_resolve(struct sim *s, unsigned i, uint32_t query, struct bytes host)
{
    struct sim_node *n = &s->nodes[i];
    must(n->asks < SIM_ASKED_MAX);
    n->asked[n->asks++] = (struct sim_asked){query, named_by(s, host)};
    world_schedule(s, ANSWER_MS, answer_all, i);
}

void sim_list(struct sim *s, unsigned i, bool listed)
{
    if (s->nodes[i].unlisted == !listed)
        return;
    trace_printf(s, "%s is %s in DNS", s->machines[i].name, listed ? "again" : "no longer");
    s->nodes[i].unlisted = !listed;
}

void sim_dns_fails(struct sim *s, bool fails)
{
    if (s->dns_fails == fails)
        return;
    trace_printf(s, "DNS %s", fails ? "fails" : "works");
    s->dns_fails = fails;
}
