#include "../err.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/watch.h"
#include "../sorted.h"
#include "pg_intake.h"

/* Nanoseconds of a member that leaves: its group is freed, too, in most cases. */
#define WORK_LEAVE 500

/* --- nodes ------------------------------------------------------------- */

struct remote_node *pg_node_find(const struct scope *s, struct bytes name)
{
    return names_find(&s->nodes, name);
}

struct remote_node *pg_node_ensure(struct scope *s, struct bytes name)
{
    struct remote_node *node = pg_node_find(s, name);
    return node != NULL ? node : names_add(&s->nodes, name, sizeof(*node));
}

struct remote_node *pg_node_at(const struct scope *s, size_t i)
{
    return s->nodes.list[i];
}

struct remote_node *pg_node_of_watch(const struct scope *s, uint64_t watch)
{
    for (size_t i = 0; i < s->nodes.count; i++)
        if (pg_node_at(s, i)->watch == watch)
            return pg_node_at(s, i);
    return NULL;
}

void pg_node_remove(struct scope *s, struct remote_node *node, struct turn *t)
{
    pg_intake_drop_node(s, buf_bytes(&node->name), t);
    while (node->count > 0)
        pg_remote_remove(s, node->scopes[node->count - 1], t);
    if (node->watch != 0)
        watch_stop(s->process, node->watch, t);
    pg_node_clear(node);
    names_remove(&s->nodes, node);
}

void pg_node_clear(struct remote_node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        roster_source_free(node->scopes[i]->members);
        mem_free(node->scopes[i]);
    }
    mem_free(node->scopes);
}

/* --- scopes ------------------------------------------------------------ */

struct bytes pg_remote_pid(const struct remote_scope *remote)
{
    return roster_source_scope(remote->members);
}

struct remote_scope *pg_remote_of_pid(const struct scope *s, struct bytes pid)
{
    const struct remote_node *node = pg_node_find(s, node_of(pid));
    for (size_t i = 0; node != NULL && i < node->count; i++)
        if (bytes_equal(pg_remote_pid(node->scopes[i]), pid))
            return node->scopes[i];
    return NULL;
}

struct remote_scope *pg_remote_of_watch(const struct scope *s, uint64_t watch)
{
    for (size_t i = 0; i < s->nodes.count; i++)
        for (size_t k = 0; k < pg_node_at(s, i)->count; k++)
            if (pg_node_at(s, i)->scopes[k]->watch == watch)
                return pg_node_at(s, i)->scopes[k];
    return NULL;
}

struct remote_scope *pg_remote_add(struct scope *s, struct bytes pid, struct turn *t)
{
    must(pg_remote_of_pid(s, pid) == NULL);
    if (!t->post->connected(t->post, node_of(pid)))
        return NULL;
    struct remote_node *node = pg_node_ensure(s, node_of(pid));
    if (node->count == LIMIT_NODE_SCOPES) {
        pg_refused(s, t, "one more scope on %.*s: %s", TEXT(node_of(pid)), err_text(ERR_LIMIT));
        return NULL;
    }
    struct remote_scope *remote = mem_take(sizeof(*remote));
    *remote = (struct remote_scope){
        .node = node, .members = roster_source_new(pid, false), .version = node->version};
    node->scopes = mem_room(node->scopes, node->count, &node->cap, sizeof(*node->scopes));
    node->scopes[node->count++] = remote;
    remote->watch = watch_start(s->process, &(struct address){.pid = pid}, t);
    pg_schedule_retry(s, t);
    return remote;
}

void pg_remote_remove(struct scope *s, struct remote_scope *remote, struct turn *t)
{
    struct remote_node *node = remote->node;
    struct scope_turn on = {s, t};
    size_t place = 0;
    pg_intake_drop_scope(s, remote, t);
    while (node->scopes[place] != remote)
        must(++place < node->count);
    sorted_remove(node->scopes, &node->count, sizeof(*node->scopes), place);
    if (remote->watch != 0)
        watch_stop(s->process, remote->watch, t);
    struct roster_visitor removed = {pg_on_removed, &on};
    roster_source_leave(s->roster, remote->members, s->ours, LIMIT_LEAVING, &removed);
    mem_free(remote);
    if (process_suspended(s->process) || process_ended(s->process))
        pg_leave_finish(s, t);
    pg_set_wake(s, t);
}

static bool leave_more(struct scope *s, struct turn *t)
{
    struct scope_turn on = {s, t};
    struct roster_visitor removed = {pg_on_removed, &on};
    turn_worked(t, WORK_LEAVE * roster_leave_more(s->roster, LIMIT_LEAVING, &removed));
    return roster_is_leaving(s->roster);
}

void pg_leave_wake(struct scope *s, struct turn *t)
{
    leave_more(s, t);
}

void pg_leave_finish(struct scope *s, struct turn *t)
{
    while (leave_more(s, t)) {
    }
}

/* --- sending ----------------------------------------------------------- */

void pg_schedule_retry(struct scope *s, struct turn *t)
{
    if (s->retry_ms == 0)
        s->retry_ms = t->now_ms + LIMIT_DISCOVER_MS;
    pg_set_wake(s, t);
}

/* Watched first: a process that gets the name in between is then sent the next discover. */
void pg_discover_name(struct scope *s, struct remote_node *node, struct turn *t)
{
    struct bytes self = process_pid(s->process);
    struct address named = {.name = process_name(s->process), .node = buf_bytes(&node->name)};
    struct buf out = {0};
    pg_put_discover(&out, self, node->version);
    if (node->watch == 0)
        node->watch = watch_start(s->process, &named, t);
    turn_send_named(t, self, named.node, named.name, buf_bytes(&out));
    buf_free(&out);
    node->retry_ms = t->now_ms + LIMIT_DISCOVER_MS;
    pg_schedule_retry(s, t);
}

void pg_discover_pid(struct scope *s, struct remote_scope *remote, struct turn *t)
{
    struct bytes self = process_pid(s->process);
    struct buf out = {0};
    pg_put_discover(&out, self, remote->version);
    turn_send(t, self, pg_remote_pid(remote), buf_bytes(&out));
    buf_free(&out);
    remote->incomplete = false;
}

void pg_send_members(struct scope *s, struct remote_scope *remote, struct turn *t)
{
    struct bytes self = process_pid(s->process);
    struct buf out = {0};
    pg_put_members(&out, self, remote->version, s->roster, s->ours);
    turn_send(t, self, pg_remote_pid(remote), buf_bytes(&out));
    buf_free(&out);
    remote->informed = true;
}

struct change_sender {
    const struct pg_change *change;
    struct bytes self;
    struct buf out[PG_VERSION + 1]; /* encoded when first needed */
    struct turn *turn;
};

static void send_change(struct change_sender *c, const struct remote_scope *remote)
{
    struct buf *message = &c->out[remote->version];
    if (!remote->informed)
        return;
    if (message->len == 0)
        pg_put_change(message, c->self, remote->version, c->change);
    turn_send(c->turn, c->self, pg_remote_pid(remote), buf_bytes(message));
}

/* pg of OTP 25 crashes with badkey on a leave of a group that it does not know (pg.erl,
 * leave_remote): hence only to scopes that have all members. */
void pg_send_change(struct scope *s, const struct pg_change *change, struct turn *t)
{
    struct change_sender c = {.change = change, .self = process_pid(s->process), .turn = t};
    for (size_t i = 0; i < s->nodes.count; i++)
        for (size_t k = 0; k < pg_node_at(s, i)->count; k++)
            send_change(&c, pg_node_at(s, i)->scopes[k]);
    for (unsigned v = 0; v <= PG_VERSION; v++)
        buf_free(&c.out[v]);
}
