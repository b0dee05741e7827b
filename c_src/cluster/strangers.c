#include <string.h>

#include "internal.h"

static size_t most_strangers(const struct cluster *c)
{
    size_t part = c->connection_max / LIMIT_STRANGERS_PART;
    return part < LIMIT_STRANGERS ? part : LIMIT_STRANGERS;
}

void strangers_log(const struct connection *x, const char *why, struct turn *t)
{
    if (few_lines_may(&x->cluster->strangers.lines, t))
        turn_log(t, LOG_WARNING, "%.*s disconnected: %s", TEXT(link_name(x)), why);
}

void cluster_refused(struct cluster *c, struct bytes text, struct turn *t)
{
    if (few_lines_may(&c->strangers.lines, t))
        turn_log(t, LOG_WARNING, "a connection from %.*s", TEXT(text));
}

void strangers_add(struct connection *x)
{
    struct strangers *s = &x->cluster->strangers;
    must(s->count < LIMIT_STRANGERS);
    s->list[s->count++] = x;
}

void strangers_remove(struct connection *x)
{
    struct strangers *s = &x->cluster->strangers;
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i] == x) {
            s->count--;
            memmove(&s->list[i], &s->list[i + 1], (s->count - i) * sizeof(s->list[0]));
            return;
        }
}

/* The oldest that has not even named itself, which a node does at once; else the oldest. */
static struct connection *least_likely(const struct strangers *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (channel_peer(s->list[i]->channel).len == 0)
            return s->list[i];
    return s->list[0];
}

void strangers_make_room(struct cluster *c, struct turn *t)
{
    struct strangers *s = &c->strangers;
    size_t accepted_max = c->connection_max - c->connection_max / LIMIT_DIALS_KEPT;
    if (s->count == 0)
        return;
    if (s->count >= most_strangers(c) || c->connection_count >= accepted_max)
        link_break(least_likely(s), "too many connections are in the handshake", t);
}

void strangers_check(const struct cluster *c)
{
    const struct strangers *s = &c->strangers;
    size_t count = 0;
    for (size_t i = 0; i < c->connection_count; i++)
        count += c->connections[i]->accepted && !link_is_up(c->connections[i]);
    must(count == s->count && count <= most_strangers(c));
    for (size_t i = 0; i < s->count; i++)
        must(connection_find(c, s->list[i]->id) == s->list[i]);
}
