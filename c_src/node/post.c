#include <stddef.h>

#include "../mem.h"
#include "../term/write.h"
#include "inside.h"

static struct node *node_of_post(struct post *post)
{
    return (struct node *)((char *)post - offsetof(struct node, post));
}

static struct conn *link_to(struct node *n, struct bytes name)
{
    struct peer *p = peer_find(n, name);
    return p != NULL ? p->up : NULL;
}

/* Where a copied slice stands in the memory that holds all of them. */
static struct bytes keep(struct buf *memory, struct bytes b)
{
    struct bytes kept = {memory->at + memory->len, b.len};
    buf_put(memory, b);
    return kept;
}

/* Puts the signal behind the current one, as if it came from node. */
static void local_add(struct node *n, struct bytes node, const struct signal *s)
{
    n->locals = mem_room(n->locals, n->local_count, &n->local_cap, sizeof(*n->locals));
    struct local *l = &n->locals[n->local_count++];
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

/* Nobody there to watch: the watcher hears so as from the lost node. */
static void answer_noconnection(struct node *n, const struct signal *monitor)
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
    local_add(n, monitor->node, &down);
    buf_free(&reason);
}

static void post_send(struct post *post, const struct signal *signal)
{
    struct node *n = node_of_post(post);
    struct conn *c = link_to(n, signal->node);
    if (bytes_equal(signal->node, n->self.name))
        local_add(n, n->self.name, signal);
    else if (c != NULL)
        link_send(n, c, signal);
    else if (signal->kind == SIGNAL_MONITOR)
        answer_noconnection(n, signal);
}

static bool post_connected(struct post *post, struct bytes node)
{
    return link_to(node_of_post(post), node) != NULL;
}

static uint64_t post_flags(struct post *post, struct bytes node)
{
    struct conn *c = link_to(node_of_post(post), node);
    return c != NULL ? channel_flags(c->channel) : 0;
}

static bool post_slow(struct post *post, struct bytes node)
{
    struct conn *c = link_to(node_of_post(post), node);
    return c != NULL && c->slow;
}

static void post_log(struct post *post, enum log_level level, struct bytes line)
{
    struct action *a = outbox_add(node_of_post(post)->out, ACTION_LOG);
    a->level = level;
    buf_put(&a->bytes, line);
}

const struct post node_post = {post_send, post_connected, post_flags, post_slow, post_log};

void locals_deliver(struct node *n)
{
    for (size_t i = 0; i < n->local_count; i++) {
        struct local l = n->locals[i];
        n->locals[i].memory = (struct buf){0};
        if (n->processes != NULL)
            processes_signal(n->processes, l.node, &l.signal, &n->turn);
        buf_free(&l.memory);
    }
    n->local_count = 0;
}

void locals_free(struct node *n)
{
    for (size_t i = 0; i < n->local_count; i++)
        buf_free(&n->locals[i].memory);
    mem_free(n->locals);
}
