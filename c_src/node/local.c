#include "local.h"

#include "../err.h"
#include "../mem.h"
#include "../otp/hash_table.h"
#include "../otp/list.h"
#include "../otp/watch.h"
#include "../term/write.h"
#include "asker.h"

struct local {
    struct processes *table;
    struct cluster *cluster;
    struct outbox *out;
    struct process *caller;
    struct list calls; /* open, the oldest first */
    struct hash_table by_number;
};

struct call {
    struct hash_link link; /* in by_number, by that of call_start() */
    struct list entry;
    uint64_t call; /* the program's number */
};

static void reply(const struct local *l, uint64_t call, enum err err, struct bytes term)
{
    struct action *a = outbox_add(l->out, ACTION_REPLY);
    a->call = call;
    a->err = err;
    buf_put(&a->bytes, term);
}

static void finish(struct local *l, struct call *c, enum err err, struct bytes term)
{
    reply(l, c->call, err, term);
    hash_table_remove(&l->by_number, &c->link);
    list_remove(&c->entry);
    mem_free(c);
}

static void take_answer(struct process *p, uint64_t number, const struct answer *a, struct turn *t)
{
    struct local *l = process_self(p);
    struct hash_link *link = hash_table_find(&l->by_number, number);
    struct buf term = {0};
    (void)t;
    must(link != NULL);
    asker_put_answer(&term, a);
    finish(l, CONTAINER_OF(link, struct call, link), a->err, buf_bytes(&term));
    buf_free(&term);
}

static const struct process_kind kind = {
    .module = "coppice_local",
    .message = asker_message,
    .answer = take_answer,
    .state = asker_state,
    .free = asker_free,
};

struct local *local_new(struct processes *table, struct cluster *cluster, struct outbox *out)
{
    struct local *l = mem_take(sizeof(*l));
    *l = (struct local){.table = table, .cluster = cluster, .out = out};
    list_init(&l->calls);
    return l;
}

void local_free(struct local *l)
{
    while (!list_empty(&l->calls)) {
        struct call *c = CONTAINER_OF(l->calls.next, struct call, entry);
        list_remove(&c->entry);
        mem_free(c);
    }
    hash_table_free(&l->by_number);
    mem_free(l);
}

static void refuse(const struct local *l, uint64_t call)
{
    struct buf reason = {0};
    put_binary(&reason, BYTES("too many calls are open on this node"));
    reply(l, call, ERR_FULL, buf_bytes(&reason));
    buf_free(&reason);
}

/* 0 where it cannot be made. */
static uint64_t start(struct local *l, const struct request *request, struct turn *t)
{
    struct bytes own = processes_node(l->table);
    struct address whom = {.name = request->name, .node = request->node};
    if (whom.node.len == 0)
        whom.node = own;
    else if (!bytes_equal(whom.node, own))
        cluster_locate(l->cluster, whom.node, request->port);
    if (l->caller == NULL)
        l->caller = process_start(l->table, &kind, l, (struct bytes){0});
    return l->caller != NULL ? call_start(l->caller, &whom, request->term, request->timeout_ms, t)
                             : 0;
}

void local_call(struct local *l, uint64_t call, const struct request *request, struct turn *t)
{
    uint64_t number = start(l, request, t);
    if (number == 0) {
        refuse(l, call);
        return;
    }
    struct call *c = mem_take(sizeof(*c));
    c->call = call;
    list_append(&l->calls, &c->entry);
    hash_table_put(&l->by_number, &c->link, number);
}

void local_ended(struct local *l, const struct process *p, struct bytes reason)
{
    if (p != l->caller)
        return;
    l->caller = NULL;
    while (!list_empty(&l->calls))
        finish(l, CONTAINER_OF(l->calls.next, struct call, entry), ERR_STOPPED, reason);
}
