#include "growth.h"

#include "../limits.h"
#include "internal.h"

static struct crdt *empty(const struct replica *r)
{
    return crdt_make(r->options.type, &r->crdt_options);
}

void growth_stop(struct replica *r)
{
    struct growth *g = &r->subscribers.growth;
    growth_publish(r);
    crdt_free(g->since);
    crdt_free(g->own);
    buf_free(&g->encoded);
    *g = (struct growth){0};
}

void growth_start(struct replica *r)
{
    growth_stop(r);
    r->subscribers.growth.since = empty(r);
    if (!r->durable.journals)
        r->subscribers.growth.own = empty(r);
}

struct crdt *growth_delta(const struct replica *r, bool own)
{
    const struct growth *g = &r->subscribers.growth;
    return own ? g->own : g->since;
}

void growth_lose(struct replica *r)
{
    struct growth *g = &r->subscribers.growth;
    g->lost = g->since != NULL;
}

static void add(struct replica *r, struct bytes delta)
{
    struct growth *g = &r->subscribers.growth;
    bool changed;
    g->lost |= crdt_merge(g->since, delta, NULL, &changed) != OK;
}

void growth_add(struct replica *r, const struct crdt *delta)
{
    struct buf encoded = {0};
    if (r->subscribers.growth.since == NULL || crdt_empty(delta))
        return;
    crdt_state(delta, &encoded);
    add(r, buf_bytes(&encoded));
    buf_free(&encoded);
}

void growth_publish(struct replica *r)
{
    struct growth *g = &r->subscribers.growth;
    struct buf encoded = {0};
    if (g->own == NULL || crdt_empty(g->own))
        return;
    crdt_state(g->own, &encoded);
    add(r, buf_bytes(&encoded));
    exchange_publish(r, buf_bytes(&encoded));
    crdt_free(g->own);
    g->own = empty(r);
    buf_free(&encoded);
}

void growth_collect(struct replica *r)
{
    struct growth *g = &r->subscribers.growth;
    if (g->since == NULL)
        return;
    growth_publish(r);
    if (r->durable.journals) {
        growth_add(r, r->durable.own);
        growth_add(r, r->durable.remote);
    }
    buf_free(&g->encoded);
    crdt_state(g->since, &g->encoded);
    g->lost |= g->encoded.len > LIMIT_PIECE_BYTES;
}
