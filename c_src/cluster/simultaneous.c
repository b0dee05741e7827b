#include "simultaneous.h"

#include "../dist/command_name.h"

bool link_is_connecting(const struct connection *x, struct bytes name)
{
    const struct cluster *c = x->cluster;
    for (size_t i = 0; i < c->connection_count; i++) {
        const struct connection *other = c->connections[i];
        if (other != x && other->accepted && !link_is_up(other) &&
            bytes_equal(channel_peer(other->channel), name))
            return true;
    }
    return false;
}

bool link_is_answered(const struct connection *attempt)
{
    return attempt->role == ROLE_LINK && attempt->opened && channel_flags(attempt->channel) != 0;
}

enum status link_status(const struct connection *x)
{
    struct cluster *c = x->cluster;
    struct bytes name = channel_peer(x->channel);
    if (!node_name_valid(name) || bytes_equal(name, c->self.name) || c->stopping ||
        !cluster_allows(c, name))
        return STATUS_NOT_ALLOWED;
    struct peer *p = peer_find(c, name);
    /* Of other nodes, the one that has come last is the one that runs. */
    if (command_name_is(name) && link_is_connecting(x, name))
        return STATUS_NOK;
    if (p == NULL)
        return STATUS_OK;
    if (p->up != NULL)
        return STATUS_ALIVE;
    if (p->attempt == NULL)
        return STATUS_OK;
    /* The peer knows nothing of a look-up, or of a link that is not open, and either may be in
     * vain: its node may be out of reach. */
    if (p->attempt->role != ROLE_LINK || !p->attempt->opened)
        return STATUS_OK;
    return bytes_compare(c->self.name, name) > 0 ? STATUS_NOK : STATUS_OK_SIMULTANEOUS;
}

bool link_yields(const struct connection *x, const struct peer *p)
{
    return p != NULL && p->up == NULL && p->attempt != NULL && p->attempt != x &&
           link_is_answered(p->attempt) &&
           bytes_compare(x->cluster->self.name, buf_bytes(&p->name)) > 0;
}
