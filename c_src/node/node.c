#include "node.h"

#include <sysexits.h>

#include "../dist/command_name.h"
#include "../dist/flags.h"
#include "../mem.h"
#include "../otp/few_lines.h"
#include "../term/write.h"
#include "command.h"
#include "metrics.h"
#include "page.h"
#include "reload.h"
#include "router.h"
#include "services.h"
#include "stores.h"

struct node {
    const struct config *config;
    struct config *own; /* the same, of a node that serves: it changes */
    bool serves;        /* else it is for one command */
    bool bare;          /* node_new_bare() */
    bool stopping, ended;
    struct outbox out;
    struct turn turn; /* of the current step */
    struct wakeups wakeups;
    struct cluster *cluster;
    struct router router;
    struct access access;
    struct few_lines up_lines; /* of peers that have connected */
    uint16_t port;

    /* Once the cluster is ready: */
    struct processes *processes;
    struct command *command;
    struct services *services; /* NULL unless it serves */
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
    if (n->services != NULL)
        services_stop(n->services);
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

static void reload(struct node *n, struct config *fresh)
{
    struct server *server = n->services != NULL ? services_server(n->services) : NULL;
    reload_apply(&(struct reload){.config = n->own,
                                  .fresh = fresh,
                                  .cluster = n->cluster,
                                  .server = server,
                                  .parts = server != NULL ? server_parts(server) : NULL},
                 &n->turn);
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
    case EVENT_CALL:
        services_call(n->services, e, &n->turn);
        break;
    case EVENT_LOADED:
    case EVENT_BEGUN:
    case EVENT_APPENDED:
    case EVENT_SAVED:
        stores_event(services_stores(n->services), e, &n->turn);
        break;
    case EVENT_RESOLVED:
        services_resolved(n->services, e, &n->turn);
        break;
    case EVENT_EPMD:
        cluster_epmd_started(n->cluster, e->bytes, &n->turn);
        break;
    case EVENT_CONFIG:
        reload(n, e->config);
        break;
    case EVENT_STOP:
        stop(n, 0);
        break;
    }
}

/* Handles what the event has caused inside the node until nothing is left. */
static void run(struct node *n)
{
    do {
        router_deliver(&n->router, n->processes);
        if (n->services != NULL)
            services_settle(n->services, &n->turn);
        if (n->services != NULL && !n->stopping && services_have_given_up(n->services))
            stop(n, EX_SOFTWARE);
        router_deliver(&n->router, n->processes);
        cluster_flush(n->cluster, &n->turn);
    } while (!router_is_idle(&n->router));
    if (n->processes != NULL)
        processes_tidy(n->processes);
}

static bool is_capturing(const struct node *n)
{
    return n->services != NULL && stores_are_capturing(services_stores(n->services));
}

void node_step(struct node *n, const struct event *event, struct outbox *out)
{
    must(out->count == 0);
    if (n->ended)
        return;
    n->turn.now_ms = event->now_ms;
    n->turn.wall_ms = event->wall_ms;
    n->turn.random = event->random;
    n->turn.work = 0;
    n->turn.slowness = event->slowness;
    if (is_capturing(n))
        stores_captured(services_stores(n->services), &n->turn);
    for (; event != NULL; event = event->also)
        dispatch(n, event);
    run(n);
    struct outbox empty = *out; /* with its memory */
    *out = n->out;
    n->out = empty;
}

uint64_t node_work(const struct node *n)
{
    return n->turn.work * 256 / (256 + n->turn.slowness);
}

uint64_t node_due(const struct node *n)
{
    if (n->ended)
        return UINT64_MAX;
    if (is_capturing(n))
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

static void on_rest(void *who, uint32_t connection, bool rests)
{
    struct node *n = who;
    outbox_add(&n->out, rests ? ACTION_REST : ACTION_READ)->conn = connection;
}

static void on_trust(void *who, uint32_t connection)
{
    struct node *n = who;
    outbox_add(&n->out, ACTION_TRUST)->conn = connection;
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
    if (few_lines_may(&n->up_lines, t))
        turn_log(t, LOG_INFO, "connected to %.*s", TEXT(node));
    struct cluster_peer peer;
    cluster_find(n->cluster, node, &peer);
    services_up(n->services, node, peer.announced, t);
}

static void on_down(void *who, struct bytes node, struct turn *t)
{
    struct node *n = who;
    processes_node_down(n->processes, node, t);
    if (n->serves)
        services_down(n->services, node, t);
}

static void on_unreachable(void *who, struct bytes node, enum unreachable why, const char *text,
                           struct turn *t)
{
    (void)t;
    struct node *n = who;
    if (n->serves)
        services_unreachable(n->services, node, why == UNREACHABLE_UNKNOWN);
    else
        command_unreachable(n->command, node, why, text);
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
    if (n->services != NULL)
        server_drained(services_server(n->services));
}

static void on_idle(void *who, struct bytes node)
{
    const struct node *n = who;
    (void)node;
    for (struct process *p = NULL; (p = replica_next(n->processes, p)) != NULL;)
        replica_idle(p);
}

static void on_finish(void *who, struct turn *t)
{
    const struct node *n = who;
    processes_finish(n->processes, t);
}

/* --- start and end ---------------------------------------------------------------------- */

static void on_ready(void *who, uint32_t creation, struct turn *t)
{
    struct node *n = who;
    n->processes =
        processes_new(buf_bytes(&n->config->node), creation, turn_random(t), &n->wakeups);
    n->access.told.secret = processes_seed(n->processes);
    if (!n->serves)
        return;
    n->services = services_new(&(struct services_options){.config = n->config,
                                                          .table = n->processes,
                                                          .wakeups = &n->wakeups,
                                                          .cluster = n->cluster,
                                                          .access = &n->access,
                                                          .out = &n->out,
                                                          .port = n->port,
                                                          .started_ms = t->now_ms,
                                                          .started_wall_ms = t->wall_ms,
                                                          .bare = n->bare});
    services_start(n->services, t);
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
        on_dial,    on_send,       on_close,  on_rest,        on_trust,  on_start_epmd,
        on_ready,   on_name_taken, on_up,     on_down,        on_signal, on_undelivered,
        on_drained, on_idle,       on_finish, on_unreachable, n,
    };
    n->config = config;
    n->serves = serves;
    n->cluster = cluster_new(&options, &listener, &n->wakeups);
    few_lines_init(&n->up_lines, &n->wakeups, LIMIT_PEER_LINES, "peers have connected");
    router_init(&n->router, options.name, n->cluster, &n->out, &n->turn);
    access_init(&n->access, options.name, &config->read_only);
    n->turn.post = &n->router.post;
    n->turn.rights = &n->access.rights;
    if (!serves)
        n->router.post.log = log_nothing;
    return n;
}

static struct node *make_serving(struct config *config, uint64_t flags, bool bare)
{
    struct node *n = node_make(config, true, flags);
    n->own = config;
    n->bare = bare;
    return n;
}

struct node *node_new(struct config *config)
{
    return make_serving(config, DFLAGS_OURS, false);
}

struct node *node_new_bare(struct config *config, uint64_t flags)
{
    return make_serving(config, flags, true);
}

struct node *node_new_client(const struct config *config)
{
    return node_make(config, false, DFLAGS_OURS);
}

void node_free(struct node *n)
{
    if (n == NULL)
        return;
    wakeups_stop(&n->wakeups);
    processes_free(n->processes);
    services_free(n->services);
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

uint64_t node_version(const struct node *n, struct bytes replica)
{
    const struct process *p = n->processes != NULL ? process_named(n->processes, replica) : NULL;
    if (p == NULL || !replica_is(p))
        return 0;
    return bytes_hash(process_pid(p), replica_changes(p)) | 1u;
}

void node_saved_state(const struct node *n, uint32_t store, struct buf *out)
{
    stores_saved_state(services_stores(n->services), store, out);
}

bool node_is_ready(const struct node *n)
{
    return n->services != NULL && !n->stopping;
}

void node_put_metrics(const struct node *n, uint64_t wall_ms, struct buf *out)
{
    struct overview overview;
    services_overview(n->services, wall_ms, &overview);
    metrics_put(&overview, out);
}

void node_put_page(const struct node *n, uint64_t wall_ms, struct buf *out)
{
    struct overview overview;
    services_overview(n->services, wall_ms, &overview);
    page_put(&overview, out);
}

void node_check(const struct node *n)
{
    cluster_check(n->cluster);
}
