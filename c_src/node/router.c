#include "router.h"

#include "../mem.h"
#include "../otp/list.h"
#include "../term/write.h"

/* A signal that waits for the current one to be handled. */
struct local {
    struct bytes node;    /* whom it comes from; borrows from memory, ... */
    struct signal signal; /* ... and so does this */
    struct buf memory;
};

static struct router *router_of(struct post *post)
{
    return CONTAINER_OF(post, struct router, post);
}

/* The copy of a slice. */
static struct bytes keep(struct buf *memory, struct bytes b)
{
    struct bytes kept = {memory->at + memory->len, b.len};
    buf_put(memory, b);
    return kept;
}

static void add_local(struct router *r, struct bytes node, const struct signal *s)
{
    r->locals = mem_room(r->locals, r->local_count, &r->local_cap, sizeof(*r->locals));
    struct local *l = &r->locals[r->local_count++];
    *l = (struct local){.signal = *s};
    /* All at once, so that the slices do not move. */
    buf_room(&l->memory,
             node.len + s->from.len + s->to.len + s->ref.len + s->reason.len + s->payload.len);
    l->node = keep(&l->memory, node);
    l->signal.from = keep(&l->memory, s->from);
    l->signal.to = keep(&l->memory, s->to);
    l->signal.ref = keep(&l->memory, s->ref);
    l->signal.reason = keep(&l->memory, s->reason);
    l->signal.payload = keep(&l->memory, s->payload);
}

/* Nobody is there to be monitored: the watcher is told as if the connection had been lost. */
static void answer_noconnection(struct router *r, const struct signal *monitor)
{
    struct buf reason = {0};
    put_atom(&reason, "noconnection");
    struct signal down = {
        .kind = SIGNAL_MONITOR_EXIT,
        .from = monitor->to,
        .to = monitor->from,
        .ref = monitor->ref,
        .reason = buf_bytes(&reason),
    };
    add_local(r, monitor->node, &down);
    buf_free(&reason);
}

static void post_send(struct post *post, const struct signal *signal)
{
    struct router *r = router_of(post);
    if (bytes_equal(signal->node, r->node))
        add_local(r, r->node, signal);
    else if (!cluster_send(r->cluster, signal->node, signal, r->turn) &&
             signal->kind == SIGNAL_MONITOR)
        answer_noconnection(r, signal);
}

static bool post_connected(struct post *post, struct bytes node)
{
    struct cluster_peer peer;
    return cluster_find(router_of(post)->cluster, node, &peer);
}

static uint64_t post_flags(struct post *post, struct bytes node)
{
    struct cluster_peer peer;
    cluster_find(router_of(post)->cluster, node, &peer);
    return peer.flags;
}

static bool post_slow(struct post *post, struct bytes node)
{
    struct cluster_peer peer;
    cluster_find(router_of(post)->cluster, node, &peer);
    return peer.slow;
}

static void post_log(struct post *post, enum log_level level, struct bytes line)
{
    struct action *a = outbox_add(router_of(post)->out, ACTION_LOG);
    a->level = level;
    buf_put(&a->bytes, line);
}

void router_init(struct router *r, struct bytes node, struct cluster *cluster, struct outbox *out,
                 struct turn *turn)
{
    *r = (struct router){
        .post = {post_send, post_connected, post_flags, post_slow, post_log},
        .node = node,
        .cluster = cluster,
        .out = out,
        .turn = turn,
    };
}

void router_deliver(struct router *r, struct processes *table)
{
    for (size_t i = 0; i < r->local_count; i++) {
        struct local l = r->locals[i];
        r->locals[i].memory = (struct buf){0};
        processes_signal(table, l.node, &l.signal, r->turn);
        buf_free(&l.memory);
    }
    r->local_count = 0;
}

bool router_is_idle(const struct router *r)
{
    return r->local_count == 0;
}

void router_free(struct router *r)
{
    for (size_t i = 0; i < r->local_count; i++)
        buf_free(&r->locals[i].memory);
    mem_free(r->locals);
}
