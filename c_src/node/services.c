#include "services.h"

#include "../dist/command_name.h"
#include "../mem.h"
#include "../otp/global.h"
#include "../otp/kernel.h"
#include "discovery.h"
#include "local.h"
#include "overview.h"
#include "rpc.h"
#include "server.h"

struct services {
    struct services_options options;
    bool stopping;
    struct buf unknown; /* the peer at which is_cluster_known() has stopped; empty: none */
    struct stores *stores;
    struct learning *learning;
    struct follow *follow;
    struct registrar *registrar;
    struct discovery *discovery;
    struct membership *membership;
    struct server *server;
    struct local *local;
    struct rpc *rpc; /* NULL where it is bare */
};

/* --- what they tell each other ------------------------------------------------------ */

static void on_scope(void *who, struct bytes scope, struct turn *t)
{
    const struct services *s = who;
    membership_add_scope(s->membership, scope, t);
}

static void on_learned(void *who, struct bytes node, struct turn *t)
{
    const struct services *s = who;
    membership_learned(s->membership, node, t);
    registrar_learned(s->registrar, node, t);
    if (learning_is_otp(s->learning, node))
        follow_learned(s->follow, node, learning_is_beam(s->learning, node), t);
}

static void on_answered(void *who)
{
    const struct services *s = who;
    membership_unsettle(s->membership);
}

static void on_process_end(void *who, struct process *p, struct bytes reason, struct turn *t)
{
    struct services *s = who;
    struct processes *table = s->options.table;
    stores_ended(s->stores, p);
    membership_ended(s->membership, p, reason, t);
    local_ended(s->local, p, reason);
    if (s->stopping)
        return;
    kernel_ended(table, p);
    global_ended(table, p);
    server_ended(s->server, p);
    if (s->rpc != NULL)
        rpc_ended(s->rpc, p);
    learning_ended(s->learning, p, t);
    follow_ended(s->follow, p, t);
    registrar_ended(s->registrar, p, t);
}

/* --- start and end ------------------------------------------------------------------ */

static void new_connectors(struct services *s)
{
    const struct services_options *o = &s->options;
    const struct config *c = o->config;
    s->learning = learning_new(o->table, o->wakeups, c->scope_auto,
                               &(struct learning_listener){on_scope, on_learned, s});
    s->follow = follow_new(o->table, o->wakeups, o->cluster,
                           &(struct follow_options){.follows = c->follow,
                                                    .node = buf_bytes(&c->node),
                                                    .ticktime_ms = c->ticktime_ms,
                                                    .answered = on_answered,
                                                    .who = s});
    s->discovery = discovery_new(&(struct discovery_options){.config = c,
                                                             .wakeups = o->wakeups,
                                                             .cluster = o->cluster,
                                                             .out = o->out,
                                                             .answered = on_answered,
                                                             .who = s});
}

static void new_servers(struct services *s)
{
    const struct services_options *o = &s->options;
    s->server = server_new(&(struct server_options){.config = o->config,
                                                    .port = o->port,
                                                    .table = o->table,
                                                    .cluster = o->cluster,
                                                    .access = o->access,
                                                    .learning = s->learning,
                                                    .membership = s->membership,
                                                    .follow = s->follow,
                                                    .discovery = s->discovery});
    s->local = local_new(o->table, o->cluster, o->out);
    if (!o->bare)
        s->rpc = rpc_new(&(struct functions){.config = o->config,
                                             .table = o->table,
                                             .cluster = o->cluster,
                                             .server = s->server,
                                             .started_ms = o->started_ms});
}

struct services *services_new(const struct services_options *options)
{
    struct services *s = mem_take(sizeof(*s));
    s->options = *options;
    s->stores = stores_new(options->out);
    new_connectors(s);
    s->registrar = registrar_new(options->table, options->wakeups, s->learning);
    s->membership = membership_new(options->config, options->table, s->learning, s->registrar,
                                   s->stores, options->wakeups);
    new_servers(s);
    return s;
}

void services_free(struct services *s)
{
    if (s == NULL)
        return;
    rpc_free(s->rpc);
    local_free(s->local);
    server_free(s->server);
    membership_free(s->membership);
    registrar_free(s->registrar);
    discovery_free(s->discovery);
    follow_free(s->follow);
    learning_free(s->learning);
    stores_free(s->stores);
    buf_free(&s->unknown);
    mem_free(s);
}

static void connect_configured(const struct services *s, struct turn *t)
{
    const struct config *c = s->options.config;
    for (size_t i = 0; i < c->connects; i++) {
        struct bytes name = buf_bytes(&c->connect[i].name);
        if (bytes_equal(name, buf_bytes(&c->node)))
            continue;
        cluster_locate(s->options.cluster, name, c->connect[i].port);
        cluster_connect(s->options.cluster, name, t);
    }
}

void services_start(struct services *s, struct turn *t)
{
    processes_on_end(s->options.table, on_process_end, s);
    kernel_start(s->options.table);
    global_start(s->options.table);
    server_start(s->server);
    if (s->rpc != NULL)
        rpc_start(s->rpc);
    learning_start(s->learning, t);
    follow_start(s->follow);
    registrar_start(s->registrar);
    membership_start(s->membership, t);
    connect_configured(s, t);
    discovery_start(s->discovery);
}

void services_stop(struct services *s)
{
    s->stopping = true;
    membership_stop(s->membership);
}

/* --- nodes -------------------------------------------------------------------------- */

void services_up(struct services *s, struct bytes node, uint64_t announced, struct turn *t)
{
    membership_unsettle(s->membership);
    follow_up(s->follow, node);
    learning_up(s->learning, node, announced, t);
}

void services_down(struct services *s, struct bytes node, struct turn *t)
{
    membership_down(s->membership, node, t);
    if (command_name_is(node))
        return;
    learning_down(s->learning, node, t);
    follow_down(s->follow, node, t);
}

void services_unreachable(struct services *s, struct bytes node, bool unknown)
{
    membership_unsettle(s->membership);
    follow_unreachable(s->follow, node, unknown);
}

/* Whether it has answered what it runs, whom it knows and who is in its groups. */
static bool is_peer_known(const struct services *s, struct bytes name)
{
    return !learning_is_open(s->learning, name) && !follow_is_asking(s->follow, name) &&
           membership_knows(s->membership, name);
}

/* Notes the first peer behind that name, in their order, that is not known, if there is one. */
static void note_unknown(struct services *s, struct bytes after)
{
    struct cluster_peer peer = {.name = after};
    while (cluster_next(s->options.cluster, &peer))
        if (!command_name_is(peer.name) && !is_peer_known(s, peer.name)) {
            buf_put(&s->unknown, peer.name);
            return;
        }
}

/* Whether it is known who is in the cluster: every name was looked up, every wanted node was tried,
 * and every connected one is known.
 *
 * It is asked in each step until it is so, and there may be a thousand peers: so it looks at the
 * peer that was not known before, and at others only when that one is. */
static bool is_cluster_known(struct services *s)
{
    struct cluster_peer peer;
    if (discovery_is_asking(s->discovery) || !cluster_has_tried_all(s->options.cluster))
        return false;
    bool waits = s->unknown.len > 0;
    if (waits && cluster_find(s->options.cluster, buf_bytes(&s->unknown), &peer) &&
        !is_peer_known(s, peer.name))
        return false;
    struct buf after = s->unknown;
    s->unknown = (struct buf){0};
    note_unknown(s, buf_bytes(&after));
    if (waits && s->unknown.len == 0)
        note_unknown(s, (struct bytes){0}); /* those before it may have come since */
    buf_free(&after);
    return s->unknown.len == 0;
}

void services_settle(struct services *s, struct turn *t)
{
    if (!s->stopping && !membership_is_settled(s->membership))
        membership_settle(s->membership, is_cluster_known(s), t);
}

bool services_have_given_up(const struct services *s)
{
    return membership_has_given_up(s->membership);
}

/* --- events -------------------------------------------------------------------------- */

void services_call(struct services *s, const struct event *e, struct turn *t)
{
    local_call(s->local, e->call, e->request, t);
}

void services_resolved(struct services *s, const struct event *e, struct turn *t)
{
    discovery_resolved(s->discovery, e, t);
}

struct server *services_server(const struct services *s)
{
    return s->server;
}

void services_overview(const struct services *s, uint64_t wall_ms, struct overview *overview)
{
    *overview = (struct overview){.config = s->options.config,
                                  .table = s->options.table,
                                  .cluster = s->options.cluster,
                                  .access = s->options.access,
                                  .learning = s->learning,
                                  .started_ms = s->options.started_wall_ms,
                                  .now_ms = wall_ms,
                                  .port = s->options.port};
}

struct stores *services_stores(const struct services *s)
{
    return s->stores;
}
