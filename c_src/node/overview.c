#include "overview.h"

#include "../dist/command_name.h"

bool overview_next_peer(const struct overview *o, struct cluster_peer *peer)
{
    bool found = cluster_next(o->cluster, peer);
    while (found && command_name_is(peer->name))
        found = cluster_next(o->cluster, peer);
    return found;
}

struct bytes overview_next_missing(const struct overview *o, size_t *i)
{
    const struct config *c = o->config;
    struct cluster_peer peer;
    while (*i < c->connects) {
        struct bytes name = buf_bytes(&c->connect[(*i)++].name);
        if (!bytes_equal(name, buf_bytes(&c->node)) && !cluster_find(o->cluster, name, &peer))
            return name;
    }
    return (struct bytes){0};
}
