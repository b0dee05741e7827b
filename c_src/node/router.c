#include "router.h"

#include "../mem.h"
#include "../otp/list.h"
#include "../term/write.h"

/* A signal that waits for the current one to be handled. */
struct local {
    struct signal signal; /* its node is the one it comes from */
    struct buf memory;
    struct buf reader; /* of the turn in which it was sent */
};

static struct router *router_of(struct post *post)
{
    return CONTAINER_OF(post, struct router, post);
}

static void add_local(struct router *r, struct bytes node, const struct signal *s)
{
    r->locals = mem_room(r->locals, r->local_count, &r->local_cap, sizeof(*r->locals));
    struct local *l = &r->locals[r->local_count++];
    struct signal from = *s;
    from.node = node;
    *l = (struct local){0};
    buf_put(&l->reader, r->turn->reader);
    signal_copy(&l->signal, &from, &l->memory);
}

/* Whether a node is dialled for a signal of this kind.  The others belong to a monitor, a link or
 * a request that has ended with the connection. */
static bool is_dialled_for(enum signal_kind kind)
{
    return kind == SIGNAL_SEND || kind == SIGNAL_REG_SEND || kind == SIGNAL_ALIAS_SEND ||
           kind == SIGNAL_MONITOR;
}

void router_undelivered(struct router *r, const struct signal *monitor)
{
    if (monitor->kind != SIGNAL_MONITOR)
        return;
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
    else if (is_dialled_for(signal->kind))
        cluster_deliver(r->cluster, signal, r->turn);
    else
        cluster_send(r->cluster, signal->node, signal, r->turn);
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

static bool post_busy(struct post *post, struct bytes node)
{
    return cluster_is_busy(router_of(post)->cluster, node);
}

static void post_log(struct post *post, enum log_level level, struct bytes line)
{
    struct action *a = outbox_add(router_of(post)->out, ACTION_LOG);
    a->level = level;
    buf_put(&a->bytes, line);
}

static uint64_t post_hold(struct post *post, struct bytes node)
{
    return cluster_hold(router_of(post)->cluster, node);
}

static void post_release(struct post *post, uint64_t hold)
{
    struct router *r = router_of(post);
    cluster_resume(r->cluster, hold, r->turn);
}

static bool post_is_held(struct post *post, uint64_t hold)
{
    return cluster_is_held(router_of(post)->cluster, hold);
}

void router_init(struct router *r, struct bytes node, struct cluster *cluster, struct outbox *out,
                 struct turn *turn)
{
    *r = (struct router){
        .post = {post_send, post_connected, post_flags, post_slow, post_log, post_hold,
                 post_release, post_is_held, post_busy},
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
        r->locals[i].memory = r->locals[i].reader = (struct buf){0};
        r->turn->reader = buf_bytes(&l.reader);
        processes_signal(table, l.signal.node, &l.signal, r->turn);
        r->turn->reader = (struct bytes){0};
        buf_free(&l.memory);
        buf_free(&l.reader);
    }
    r->local_count = 0;
}

bool router_is_idle(const struct router *r)
{
    return r->local_count == 0;
}

void router_free(struct router *r)
{
    must(router_is_idle(r)); /* as after each step */
    mem_free(r->locals);
}
