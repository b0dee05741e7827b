#include "node.h"

#include <stdarg.h>
#include <stdio.h>

#include "../dist/flags.h"
#include "../mem.h"
#include "../otp/kernel.h"
#include "../term/write.h"
#include "inside.h"

#define LOG_LINE_BYTES 1024

static struct node *node_make(const struct config *config, bool client)
{
    struct node *n = mem_take(sizeof(*n));
    n->config = config;
    n->client = client;
    n->next_conn = 1;
    n->settling = true;
    n->self = (struct channel_self){
        .name = buf_bytes(&config->node),
        .cookie = buf_bytes(&config->cookie),
        .flags = DFLAGS_OURS | (config->visible ? DFLAG_PUBLISHED : 0),
    };
    n->post = node_post;
    n->turn.post = &n->post;
    return n;
}

struct node *node_new(const struct config *config)
{
    return node_make(config, false);
}

struct node *node_new_client(const struct config *config)
{
    return node_make(config, true);
}

void node_free(struct node *n)
{
    if (n == NULL)
        return;
    processes_free(n->processes);
    wakeups_free(&n->wakeups);
    client_free(n);
    for (size_t i = 0; i < n->conn_count; i++) {
        channel_free(n->conns[i]->channel);
        buf_free(&n->conns[i]->in);
        mem_free(n->conns[i]);
    }
    for (size_t i = 0; i < n->peer_count; i++) {
        buf_free(&n->peers[i]->name);
        mem_free(n->peers[i]);
    }
    locals_free(n);
    mem_free(n->conns);
    mem_free(n->dirty);
    mem_free(n->peers);
    mem_free(n->scopes);
    mem_free(n->stores);
    mem_free(n);
}

struct processes *node_processes(const struct node *n)
{
    return n->processes;
}

void node_log(struct node *n, enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    n->post.log(&n->post, level, bytes_of(line));
}

void node_exit(struct node *n, int code)
{
    if (n->ended)
        return;
    n->ended = true;
    outbox_add(n->out, ACTION_EXIT)->code = code;
}

static void process_ended_here(void *who, struct process *p, struct bytes reason, struct turn *t)
{
    (void)reason;
    (void)t;
    struct node *n = who;
    membership_ended(n, p);
    stores_ended(n, p);
    if (n->stopping)
        return;
    if (p == n->server)
        server_start(n);
    if (p == n->asker)
        learning_start(n);
}

void node_open(struct node *n, uint32_t creation)
{
    n->self.creation = creation;
    n->processes = processes_new(n->self.name, creation, &n->wakeups);
    if (n->client)
        return;
    processes_on_end(n->processes, process_ended_here, n);
    kernel_start(n->processes);
    server_start(n);
    learning_start(n);
    membership_start(n);
    for (size_t i = 0; i < n->config->connects; i++) {
        struct bytes name = buf_bytes(&n->config->connect[i]);
        if (!bytes_equal(name, n->self.name))
            peer_want(n, peer_named(n, name));
    }
}

static void node_start(struct node *n, const struct event *e)
{
    n->port = e->port;
    if (!n->client) {
        registration_start(n);
        return;
    }
    /* Not from epmd, so taken at random; 0 stands for "none". */
    uint32_t creation = (uint32_t)turn_random(&n->turn);
    node_open(n, creation != 0 ? creation : 1);
}

/* Replicas first: their last deltas go out, their groups hear that they leave. */
static void node_stop(struct node *n)
{
    n->stopping = true;
    if (n->processes != NULL) {
        struct buf reason = {0};
        put_atom(&reason, "shutdown");
        for (struct process *p = NULL; (p = processes_next(n->processes, p)) != NULL;)
            if (replica_is(p))
                process_exit(p, buf_bytes(&reason), &n->turn);
        for (struct process *p = NULL; (p = processes_next(n->processes, p)) != NULL;)
            process_exit(p, buf_bytes(&reason), &n->turn);
        buf_free(&reason);
    }
    conns_flush(n);
    node_exit(n, 0);
}

static void conn_event(struct node *n, struct conn *c, const struct event *e)
{
    switch (e->kind) {
    case EVENT_OPENED:
        if (c->role == CONN_LINK)
            link_opened(n, c);
        else if (c->role == CONN_LOOKUP)
            lookup_opened(n, c);
        else
            registration_opened(n);
        break;
    case EVENT_BYTES:
        if (c->role == CONN_LINK)
            link_bytes(n, c, e->bytes);
        else if (c->role == CONN_LOOKUP)
            lookup_bytes(n, c, e->bytes);
        else
            registration_bytes(n, e->bytes);
        break;
    case EVENT_CLOSED:
        if (c->role == CONN_LINK) {
            link_closed(n, c, e->err);
        } else if (c->role == CONN_LOOKUP) {
            lookup_closed(n, c);
        } else {
            conn_end(n, c, true);
            registration_closed(n);
        }
        break;
    default:
        link_written(n, c, e->written);
        break;
    }
}

static void node_accept(struct node *n, const struct event *e)
{
    struct conn *c = n->stopping ? NULL : conn_add(n, e->conn, CONN_LINK);
    if (c != NULL)
        link_accepted(n, c);
    else
        outbox_add(n->out, ACTION_CLOSE)->conn = e->conn;
}

static void node_wake(struct node *n)
{
    if (n->register_ms != 0 && n->register_ms <= n->turn.now_ms)
        registration_wake(n);
    conns_wake(n);
    peers_wake(n);
    if (n->processes == NULL)
        return;
    learning_wake(n);
    follow_wake(n);
    wakeups_ring(&n->wakeups, &n->turn);
}

static void dispatch(struct node *n, const struct event *e)
{
    switch (e->kind) {
    case EVENT_START:
        node_start(n, e);
        break;
    case EVENT_ACCEPTED:
        node_accept(n, e);
        break;
    case EVENT_WAKE:
        node_wake(n);
        break;
    case EVENT_REQUEST:
        client_request(n, e->request);
        break;
    case EVENT_STOP:
        node_stop(n);
        break;
    case EVENT_LOADED:
    case EVENT_BEGUN:
    case EVENT_APPENDED:
    case EVENT_SAVED:
        stores_event(n, e);
        break;
    case EVENT_OPENED:
    case EVENT_BYTES:
    case EVENT_WRITTEN:
    case EVENT_CLOSED: {
        /* One that we have ended meanwhile is no longer known. */
        struct conn *c = conn_find(n, e->conn);
        if (c != NULL)
            conn_event(n, c, e);
        break;
    }
    }
}

void node_step(struct node *n, const struct event *event, struct outbox *out)
{
    if (n->ended)
        return;
    n->out = out;
    n->turn.now_ms = event->now_ms;
    n->turn.wall_ms = event->wall_ms;
    n->turn.random = event->random;
    if (n->capturing)
        stores_captured(n);
    dispatch(n, event);
    locals_deliver(n);
    if (n->processes != NULL && n->settling && !n->stopping && !n->client) {
        membership_settle(n);
        locals_deliver(n);
    }
    conns_flush(n);
    locals_deliver(n);
    if (n->processes != NULL)
        processes_tidy(n->processes);
    if (n->untidy)
        peers_tidy(n);
    n->untidy = false;
    n->out = NULL;
}

uint64_t node_due(const struct node *n)
{
    if (n->ended)
        return UINT64_MAX;
    if (n->capturing)
        return n->turn.now_ms;
    uint64_t due = conns_due(n);
    uint64_t others[] = {
        n->register_ms != 0 ? n->register_ms : UINT64_MAX,
        peers_due(n),
        n->processes != NULL ? learning_due(n) : UINT64_MAX,
        follow_due(n),
        wakeups_due(&n->wakeups),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        due = others[i] < due ? others[i] : due;
    return due;
}

void node_check(const struct node *n)
{
    for (size_t i = 0; i < n->conn_count; i++) {
        const struct conn *c = n->conns[i];
        must(i == 0 || n->conns[i - 1]->id < c->id);
        must(c->queued <= LIMIT_QUEUE_BYTES);
        must(c->accepted || c->role == CONN_REGISTRATION || c->peer != NULL);
        must(c->role != CONN_REGISTRATION || n->registration == c);
        must(c->role != CONN_LOOKUP || c->peer->attempt == c);
        /* Nobody names a connection that is neither up nor our attempt. */
        must(c->peer == NULL || c->peer->up == c || c->peer->attempt == c);
    }
    for (size_t i = 0; i < n->peer_count; i++) {
        const struct peer *p = n->peers[i];
        must(i == 0 || bytes_compare(buf_bytes(&n->peers[i - 1]->name), buf_bytes(&p->name)) < 0);
        must(p->up == NULL || (p->up->peer == p && channel_is_up(p->up->channel)));
        must(p->attempt == NULL || p->attempt->peer == p);
        must(p->wanted || !p->followed);
    }
}
