#include "watch.h"

#include <string.h>

#include "../err.h"
#include "../mem.h"
#include "../term/write.h"
#include "table.h"

static void send_monitor(const struct watch *w, enum signal_kind kind, struct turn *t)
{
    struct buf ref = {0};
    reference_put(w->owner->table, w->number, &ref);
    t->post->send(t->post, &(struct signal){.kind = kind,
                                            .node = w->node,
                                            .from = process_pid(w->owner),
                                            .to = w->to,
                                            .ref = buf_bytes(&ref)});
    buf_free(&ref);
}

/* A watch with its own copy of the address, not in any table yet. */
static struct watch *watch_new(const struct address *whom)
{
    struct buf to = {0};
    if (whom->pid.len > 0)
        buf_put(&to, whom->pid);
    else
        put_atom_bytes(&to, whom->name);
    struct bytes node = whom->pid.len > 0 ? node_of(whom->pid) : whom->node;
    struct watch *w = mem_take(sizeof(*w) + to.len + node.len);
    memcpy(w->tail, to.at, to.len);
    memcpy(w->tail + to.len, node.at, node.len);
    w->to = (struct bytes){w->tail, to.len};
    w->node = (struct bytes){w->tail + to.len, node.len};
    buf_free(&to);
    return w;
}

struct watch *watch_open(struct process *owner, const struct address *whom, struct turn *t)
{
    if (owner->ended)
        return NULL;
    struct watch *w = watch_new(whom);
    w->owner = owner;
    w->number = ++owner->table->last_reference;
    hash_table_put(&owner->table->watches, &w->link, w->number);
    list_append(&owner->watches, &w->entry);
    send_monitor(w, SIGNAL_MONITOR, t);
    return w;
}

uint64_t watch_start(struct process *owner, const struct address *whom, struct turn *t)
{
    const struct watch *w = watch_open(owner, whom, t);
    return w != NULL ? w->number : 0;
}

struct watch *watch_find(const struct processes *table, uint64_t number)
{
    struct hash_link *link = hash_table_find(&table->watches, number);
    return link != NULL ? CONTAINER_OF(link, struct watch, link) : NULL;
}

void watch_free(struct watch *w)
{
    struct processes *table = w->owner->table;
    hash_table_remove(&table->watches, &w->link);
    list_remove(&w->entry);
    wakeup_stop(table->wakeups, &w->timeout);
    table->calls -= w->call;
    mem_free(w);
}

void watch_demonitor(const struct watch *w, struct turn *t)
{
    send_monitor(w, SIGNAL_DEMONITOR, t);
}

static void stop(struct watch *w, struct turn *t)
{
    if (!w->ended)
        watch_demonitor(w, t);
    watch_free(w);
}

void watch_stop(struct process *owner, uint64_t watch, struct turn *t)
{
    struct watch *w = watch_find(owner->table, watch);
    if (w == NULL)
        return;
    must(w->owner == owner);
    stop(w, t);
}

void watches_stop(struct process *p, struct turn *t)
{
    while (!list_empty(&p->watches))
        stop(CONTAINER_OF(p->watches.next, struct watch, entry), t);
}

void watch_end(struct watch *w, enum err err, struct bytes bytes, struct turn *t)
{
    must(!w->ended);
    wakeup_stop(w->owner->table->wakeups, &w->timeout);
    if (!mailbox_must_hold(w->owner)) {
        watch_notify(w, err, bytes, t);
        return;
    }
    w->ended = true;
    mailbox_hold(w->owner, w->number, err, bytes);
}

void watch_notify(struct watch *w, enum err err, struct bytes bytes, struct turn *t)
{
    struct process *owner = w->owner;
    uint64_t number = w->number;
    bool call = w->call;
    watch_free(w);
    if (call && owner->kind->answer != NULL)
        owner->kind->answer(owner, number, &(struct answer){err, bytes}, t);
    else if (!call && owner->kind->down != NULL)
        owner->kind->down(owner, number, bytes, t);
}

struct watch_numbers {
    uint64_t *at;
    size_t count, cap;
};

static void collect(struct watch_numbers *gone, struct process *p, struct bytes node)
{
    for (struct list *at = p->watches.next; at != &p->watches; at = at->next) {
        struct watch *w = CONTAINER_OF(at, struct watch, entry);
        if (!bytes_equal(w->node, node))
            continue;
        gone->at = mem_room(gone->at, gone->count, &gone->cap, sizeof(uint64_t));
        gone->at[gone->count++] = w->number;
    }
}

/* Numbers are collected first, since a notified owner may stop other watches. */
void watches_node_down(struct processes *table, struct bytes node, struct turn *t)
{
    struct watch_numbers gone = {0};
    struct buf reason = {0};
    put_atom(&reason, "noconnection");
    for (struct process *p = table->first; p != NULL; p = p->next)
        collect(&gone, p, node);
    for (size_t i = 0; i < gone.count; i++) {
        struct watch *w = watch_find(table, gone.at[i]);
        if (w != NULL && !w->ended)
            watch_end(w, w->call ? ERR_CLOSED : OK, buf_bytes(&reason), t);
    }
    buf_free(&reason);
    mem_free(gone.at);
}
