#include "node.h"

#include <sysexits.h>

#include "../dist/command_name.h"
#include "../dist/flags.h"
#include "../mem.h"
#include "../otp/global.h"
#include "../otp/kernel.h"
#include "../term/write.h"
#include "command.h"
#include "discovery.h"
#include "router.h"
#include "rpc.h"
#include "server.h"

struct node {
    const struct config *config;
    bool serves; /* else it is for one command */
    bool bare;   /* node_new_bare() */
    bool stopping, ended;
    struct outbox out;
    struct turn turn; /* of the current step */
    struct wakeups wakeups;
    struct cluster *cluster;
    struct router router;
    struct access access;
    uint16_t port;

    /* Once the cluster is ready: */
    struct processes *processes;
    struct command *command;
    /* and where it serves: */
    struct stores *stores;
    struct learning *learning;
    struct follow *follow;
    struct registrar *registrar;
    struct discovery *discovery;
    struct membership *membership;
    struct server *server;
    struct rpc *rpc; /* NULL where it is bare */
};

/* --- events ------------------------------------------------------------------------ */

static void node_exit(struct node *n, int code)
{
    if (!n->ended)
        outbox_add(&n->out, ACTION_EXIT)->code = code;
    n->ended = true;
}

/* Replicas first: they send their last deltas and leave their groups. */
static void end_processes(struct node *n)
{
    struct buf reason = {0};
    put_atom(&reason, "shutdown");
    for (struct process *p = NULL; (p = replica_next(n->processes, p)) != NULL;)
        process_exit(p, buf_bytes(&reason), &n->turn);
    for (struct process *p = NULL; (p = processes_next(n->processes, p)) != NULL;)
        process_exit(p, buf_bytes(&reason), &n->turn);
    buf_free(&reason);
}

static void stop(struct node *n, int code)
{
    n->stopping = true;
    cluster_stop(n->cluster);
    if (n->membership != NULL)
        membership_stop(n->membership);
    if (n->processes != NULL)
        end_processes(n);
    cluster_flush(n->cluster, &n->turn);
    node_exit(n, code);
}

static void start(struct node *n, const struct event *e)
{
    n->port = e->port;
    cluster_start(n->cluster, e->port, e->connections, &n->turn);
}

static void connection_event(struct node *n, enum connection_event_kind kind, const struct event *e)
{
    const struct connection_event event = {
        .kind = kind,
        .connection = e->conn,
        .bytes = e->bytes,
        .written = e->written,
        .err = e->err,
        .certificate = e->certificate,
    };
    cluster_event(n->cluster, &event, &n->turn);
}

static void request(struct node *n, const struct request *request)
{
    must(!n->serves);
    if (n->command == NULL)
        n->command = command_new(n->processes, n->cluster, &n->out);
    command_request(n->command, request, &n->turn);
}

static void dispatch(struct node *n, const struct event *e)
{
    switch (e->kind) {
    case EVENT_START:
        start(n, e);
        break;
    case EVENT_ACCEPTED:
        connection_event(n, CONNECTION_ACCEPTED, e);
        break;
    case EVENT_OPENED:
        connection_event(n, CONNECTION_OPENED, e);
        break;
    case EVENT_BYTES:
        connection_event(n, CONNECTION_BYTES, e);
        break;
    case EVENT_WRITTEN:
        connection_event(n, CONNECTION_WRITTEN, e);
        break;
    case EVENT_REFUSED:
        cluster_refused(n->cluster, e->bytes, &n->turn);
        break;
    case EVENT_CLOSED:
        connection_event(n, CONNECTION_CLOSED, e);
        break;
    case EVENT_WAKE:
        wakeups_ring(&n->wakeups, &n->turn);
        break;
    case EVENT_REQUEST:
        request(n, e->request);
        break;
    case EVENT_LOADED:
    case EVENT_BEGUN:
    case EVENT_APPENDED:
    case EVENT_SAVED:
        stores_event(n->stores, e, &n->turn);
        break;
    case EVENT_RESOLVED:
        discovery_resolved(n->discovery, e, &n->turn);
        break;
    case EVENT_EPMD:
        cluster_epmd_started(n->cluster, e->bytes, &n->turn);
        break;
    case EVENT_STOP:
        stop(n, 0);
        break;
    }
}

/* Whether it has answered what it runs, whom it knows and who is in its groups. */
static bool is_peer_known(const struct node *n, struct bytes name)
{
    return !learning_is_open(n->learning, name) && !follow_is_asking(n->follow, name) &&
           membership_knows(n->membership, name);
}

/* Whether it is known who is in the cluster: every name was looked up, every wanted node was tried,
 * and every connected one is known. */
static bool is_cluster_known(const struct node *n)
{
    if (discovery_is_asking(n->discovery) || !cluster_has_tried_all(n->cluster))
        return false;
    for (struct cluster_peer peer = {0}; cluster_next(n->cluster, &peer);)
        if (!command_name_is(peer.name) && !is_peer_known(n, peer.name))
            return false;
    return true;
}

static void settle(struct node *n)
{
    if (n->membership == NULL || n->stopping || membership_is_settled(n->membership))
        return;
    membership_settle(n->membership, is_cluster_known(n), &n->turn);
}

/* Handles what the event has caused inside the node until nothing is left. */
static void run(struct node *n)
{
    do {
        router_deliver(&n->router, n->processes);
        settle(n);
        if (n->membership != NULL && !n->stopping && membership_has_given_up(n->membership))
            stop(n, EX_SOFTWARE);
        router_deliver(&n->router, n->processes);
        cluster_flush(n->cluster, &n->turn);
    } while (!router_is_idle(&n->router));
    if (n->processes != NULL)
        processes_tidy(n->processes);
}

void node_step(struct node *n, const struct event *event, struct outbox *out)
{
    must(out->count == 0);
    if (n->ended)
        return;
    n->turn.now_ms = event->now_ms;
    n->turn.wall_ms = event->wall_ms;
    n->turn.random = event->random;
    if (n->stores != NULL && stores_are_capturing(n->stores))
        stores_captured(n->stores, &n->turn);
    dispatch(n, event);
    run(n);
    struct outbox empty = *out; /* with its memory */
    *out = n->out;
    n->out = empty;
}

uint64_t node_due(const struct node *n)
{
    if (n->ended)
        return UINT64_MAX;
    if (n->stores != NULL && stores_are_capturing(n->stores))
        return n->turn.now_ms;
    return wakeups_due(&n->wakeups);
}

/* --- the cluster's listener (cluster/cluster.h) -------------------------------------- */

static void on_dial(void *who, uint32_t connection, struct bytes host, uint16_t port, bool tls)
{
    struct node *n = who;
    struct action *a = outbox_add(&n->out, ACTION_DIAL);
    a->conn = connection;
    a->port = port;
    a->tls = tls;
    buf_put(&a->bytes, host);
}

static void on_send(void *who, uint32_t connection, struct buf *bytes)
{
    struct node *n = who;
    struct action *a = outbox_add(&n->out, ACTION_SEND);
    a->conn = connection;
    a->bytes = *bytes;
    *bytes = (struct buf){0};
}

static void on_close(void *who, uint32_t connection)
{
    struct node *n = who;
    outbox_add(&n->out, ACTION_CLOSE)->conn = connection;
}

static void on_start_epmd(void *who)
{
    struct node *n = who;
    outbox_add(&n->out, ACTION_START_EPMD);
}

static void on_name_taken(void *who, struct turn *t)
{
    (void)t;
    node_exit(who, EX_UNAVAILABLE);
}

static void on_up(void *who, struct bytes node, struct turn *t)
{
    struct node *n = who;
    if (!n->serves) {
        command_up(n->command, node, t);
        return;
    }
    /* A command sends requests, and is no peer: it runs nothing that could be asked. */
    if (command_name_is(node))
        return;
    turn_log(t, LOG_INFO, "connected to %.*s", TEXT(node));
    membership_unsettle(n->membership);
    follow_up(n->follow, node);
    struct cluster_peer peer;
    cluster_find(n->cluster, node, &peer);
    learning_up(n->learning, node, peer.announced, t);
}

static void on_down(void *who, struct bytes node, struct turn *t)
{
    struct node *n = who;
    processes_node_down(n->processes, node, t);
    if (!n->serves)
        return;
    membership_down(n->membership, node, t);
    if (command_name_is(node))
        return;
    learning_down(n->learning, node, t);
    follow_down(n->follow, node, t);
}

static void on_unreachable(void *who, struct bytes node, enum unreachable why, const char *text,
                           struct turn *t)
{
    (void)t;
    struct node *n = who;
    if (!n->serves) {
        command_unreachable(n->command, node, why, text);
        return;
    }
    membership_unsettle(n->membership);
    follow_unreachable(n->follow, node, why == UNREACHABLE_UNKNOWN);
}

static void on_signal(void *who, struct bytes node, const struct signal *signal, struct turn *t)
{
    const struct node *n = who;
    processes_signal(n->processes, node, signal, t);
}

static void on_undelivered(void *who, const struct signal *signal, struct turn *t)
{
    (void)t;
    struct node *n = who;
    router_undelivered(&n->router, signal);
}

static void on_drained(void *who, struct bytes node, struct turn *t)
{
    const struct node *n = who;
    for (struct process *p = NULL; (p = replica_next(n->processes, p)) != NULL;)
        replica_drained(p, node, t);
}

static void on_finish(void *who, struct turn *t)
{
    const struct node *n = who;
    processes_finish(n->processes, t);
}

/* --- callbacks of the other services --------------------------------------------------- */

static void on_scope(void *who, struct bytes scope, struct turn *t)
{
    const struct node *n = who;
    membership_add_scope(n->membership, scope, t);
}

static void on_learned(void *who, struct bytes node, struct turn *t)
{
    const struct node *n = who;
    membership_learned(n->membership, node, t);
    registrar_learned(n->registrar, node, t);
    if (learning_is_otp(n->learning, node))
        follow_learned(n->follow, node, learning_is_beam(n->learning, node), t);
}

static void on_answered(void *who)
{
    const struct node *n = who;
    membership_unsettle(n->membership);
}

static void on_process_end(void *who, struct process *p, struct bytes reason, struct turn *t)
{
    struct node *n = who;
    stores_ended(n->stores, p);
    membership_ended(n->membership, p, reason, t);
    if (n->stopping)
        return;
    kernel_ended(n->processes, p);
    global_ended(n->processes, p);
    server_ended(n->server, p);
    if (!n->bare)
        rpc_ended(n->rpc, p);
    learning_ended(n->learning, p, t);
    follow_ended(n->follow, p, t);
    registrar_ended(n->registrar, p, t);
}

/* --- start and end ---------------------------------------------------------------------- */

static void open_services(struct node *n)
{
    const struct config *c = n->config;
    struct processes *table = n->processes;
    n->stores = stores_new(&n->out);
    n->learning = learning_new(table, &n->wakeups, c->scope_auto,
                               &(struct learning_listener){on_scope, on_learned, n});
    n->follow = follow_new(table, &n->wakeups, n->cluster,
                           &(struct follow_options){.follows = c->follow,
                                                    .node = buf_bytes(&c->node),
                                                    .ticktime_ms = c->ticktime_ms,
                                                    .answered = on_answered,
                                                    .who = n});
    n->registrar = registrar_new(table, &n->wakeups, n->learning);
    n->membership = membership_new(c, table, n->learning, n->registrar, n->stores);
    n->discovery = discovery_new(&(struct discovery_options){.config = c,
                                                             .wakeups = &n->wakeups,
                                                             .cluster = n->cluster,
                                                             .out = &n->out,
                                                             .answered = on_answered,
                                                             .who = n});
    n->server = server_new(&(struct server_options){.config = c,
                                                    .port = n->port,
                                                    .table = table,
                                                    .cluster = n->cluster,
                                                    .access = &n->access,
                                                    .learning = n->learning,
                                                    .membership = n->membership,
                                                    .follow = n->follow,
                                                    .discovery = n->discovery});
    if (!n->bare)
        n->rpc = rpc_new(&(struct functions){.config = c,
                                             .table = table,
                                             .cluster = n->cluster,
                                             .server = n->server,
                                             .started_ms = n->turn.now_ms});
}

static void start_services(struct node *n, struct turn *t)
{
    const struct config *c = n->config;
    processes_on_end(n->processes, on_process_end, n);
    kernel_start(n->processes);
    global_start(n->processes);
    server_start(n->server);
    if (!n->bare)
        rpc_start(n->rpc);
    learning_start(n->learning, t);
    follow_start(n->follow);
    registrar_start(n->registrar);
    membership_start(n->membership, t);
    for (size_t i = 0; i < c->connects; i++) {
        struct bytes name = buf_bytes(&c->connect[i].name);
        if (bytes_equal(name, buf_bytes(&c->node)))
            continue;
        cluster_locate(n->cluster, name, c->connect[i].port);
        cluster_connect(n->cluster, name, t);
    }
    discovery_start(n->discovery, t);
}

static void on_ready(void *who, uint32_t creation, struct turn *t)
{
    struct node *n = who;
    n->processes =
        processes_new(buf_bytes(&n->config->node), creation, turn_random(t), &n->wakeups);
    if (!n->serves)
        return;
    open_services(n);
    start_services(n, t);
    struct action *ready = outbox_add(&n->out, ACTION_READY);
    ready->port = n->port;
    buf_put(&ready->bytes, buf_bytes(&n->config->node));
}

/* A command prints the reason of its failure; log lines would say it twice. */
static void log_nothing(struct post *post, enum log_level level, struct bytes line)
{
    (void)post;
    (void)level;
    (void)line;
}

static struct node *node_make(const struct config *config, bool serves, uint64_t flags)
{
    struct node *n = mem_take(sizeof(*n));
    const struct cluster_options options = {
        .name = buf_bytes(&config->node),
        .cookie = buf_bytes(&config->cookie),
        .visible = config->visible,
        .flags = flags,
        .tls = config->tls.on,
        .serves = serves,
        .allow = config->allows_all ? NULL : &config->allow,
        .allow_certificates = config->certified && serves ? &config->allow_certificates : NULL,
        .epmd_port = config->epmd_port,
        .starts_epmd = config->start_epmd,
        .without_epmd = !config->epmd,
        .peer_port = config_peer_port(config),
        .ticktime_ms = config->ticktime_ms,
    };
    const struct cluster_listener listener = {
        on_dial, on_send,   on_close,       on_start_epmd, on_ready,  on_name_taken,  on_up,
        on_down, on_signal, on_undelivered, on_drained,    on_finish, on_unreachable, n,
    };
    n->config = config;
    n->serves = serves;
    n->cluster = cluster_new(&options, &listener, &n->wakeups);
    router_init(&n->router, options.name, n->cluster, &n->out, &n->turn);
    access_init(&n->access, options.name, &config->read_only);
    n->turn.post = &n->router.post;
    n->turn.rights = &n->access.rights;
    if (!serves)
        n->router.post.log = log_nothing;
    return n;
}

struct node *node_new(const struct config *config)
{
    return node_make(config, true, DFLAGS_OURS);
}

struct node *node_new_bare(const struct config *config, uint64_t flags)
{
    struct node *n = node_make(config, true, flags);
    n->bare = true;
    return n;
}

struct node *node_new_client(const struct config *config)
{
    return node_make(config, false, DFLAGS_OURS);
}

static void close_services(struct node *n)
{
    rpc_free(n->rpc);
    server_free(n->server);
    membership_free(n->membership);
    registrar_free(n->registrar);
    discovery_free(n->discovery);
    follow_free(n->follow);
    learning_free(n->learning);
    stores_free(n->stores);
}

void node_free(struct node *n)
{
    if (n == NULL)
        return;
    processes_free(n->processes);
    if (n->membership != NULL)
        close_services(n);
    command_free(n->command);
    cluster_free(n->cluster);
    wakeups_free(&n->wakeups);
    router_free(&n->router);
    access_free(&n->access);
    outbox_free(&n->out);
    mem_free(n);
}

struct processes *node_processes(const struct node *n)
{
    return n->processes;
}

void node_saved_state(const struct node *n, uint32_t store, struct buf *out)
{
    stores_saved_state(n->stores, store, out);
}

void node_check(const struct node *n)
{
    cluster_check(n->cluster);
}
