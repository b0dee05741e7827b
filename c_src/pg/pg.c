#include "pg.h"

#include <stdarg.h>
#include <stdio.h>

#include "../mem.h"
#include "../term/etf.h"
#include "../term/keyed_hash.h"
#include "../term/write.h"
#include "pg_intake.h"

static const struct process_kind kind;

static struct scope *scope_of(const struct process *p)
{
    must(pg_is_scope(p));
    return process_self(p);
}

/* --- the listener and the log ------------------------------------------ */

void pg_joined(struct scope *s, struct bytes group, struct bytes pid, struct turn *t)
{
    s->listener.joined(s->listener.who, s->process, group, pid, t);
}

void pg_left(struct scope *s, struct bytes group, struct bytes pid, struct turn *t)
{
    s->listener.left(s->listener.who, s->process, group, pid, t);
}

void pg_on_removed(void *who, struct bytes group, struct bytes pid)
{
    const struct scope_turn *on = who;
    pg_left(on->scope, group, pid, on->turn);
}

void pg_refused(struct scope *s, struct turn *t, const char *format, ...)
{
    if (!log_is_due(&s->refused))
        return;
    char what[1024]; /* a node's name and a few words; more is cut */
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    turn_log(t, LOG_WARNING, "pg scope %.*s: refused %s (%llu refused so far)",
             TEXT(process_name(s->process)), what, (unsigned long long)s->refused);
}

/* --- the process ------------------------------------------------------- */

static void scope_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message gen = gen_read(message);
    if (gen.kind == GEN_CALL)
        gen_reply_unknown(p, gen.from, gen.request, t);
    else
        pg_receive(scope_of(p), &gen, t);
}

/* The node's scopes are sent a discover again soon: their answers contain what was lost. */
static void scope_dropped(struct process *p, struct bytes node, struct turn *t)
{
    struct scope *s = scope_of(p);
    struct remote_node *remote = pg_node_find(s, node);
    if (remote == NULL)
        return;
    for (size_t i = 0; i < remote->count; i++)
        remote->scopes[i]->incomplete = true;
    pg_schedule_retry(s, t);
}

/* The process with our name has ended, or there is none. */
static void name_down(struct scope *s, struct remote_node *node, struct bytes reason,
                      struct turn *t)
{
    struct etf_in in = etf_open(reason);
    node->absent = !node->settled || etf_accept(&in, "noproc");
    node->settled = false;
    /* Perhaps our discover crashed it.  Then it must not crash again as soon as it restarts:
     * its supervisor would give up, and its node stop. */
    if (!node->absent && t->now_ms >= node->retry_ms)
        pg_discover_name(s, node, t);
    pg_schedule_retry(s, t);
}

static void scope_down(struct process *p, uint64_t watch, struct bytes reason, struct turn *t)
{
    struct scope *s = scope_of(p);
    struct remote_scope *remote = pg_remote_of_watch(s, watch);
    struct remote_node *node = remote != NULL ? remote->node : pg_node_of_watch(s, watch);
    must(node != NULL);
    bool connected = t->post->connected(t->post, buf_bytes(&node->name));
    if (connected)
        pg_intake_finish_node(s, buf_bytes(&node->name), t);
    if (remote != NULL) {
        remote->watch = 0;
        pg_remote_remove(s, remote, t);
    } else {
        node->watch = 0;
    }
    if (connected && remote == NULL)
        name_down(s, node, reason, t);
    else if (!connected && node->watch == 0 && node->count == 0)
        pg_node_remove(s, node, t);
}

/* A scope that sent us its members before we were known there sends no discover, so it is sent
 * ours now. */
static void retry_scope(struct scope *s, struct remote_scope *remote, struct turn *t)
{
    if (!remote->informed)
        pg_send_members(s, remote, t);
    if (remote->incomplete)
        pg_discover_pid(s, remote, t);
}

/* Repeats what has not been answered. */
static void retry(struct scope *s, struct turn *t)
{
    s->retry_ms = 0;
    for (size_t i = s->nodes.count; i-- > 0;) {
        struct remote_node *node = pg_node_at(s, i);
        if (!t->post->connected(t->post, buf_bytes(&node->name))) {
            pg_node_remove(s, node, t);
            continue;
        }
        for (size_t k = 0; k < node->count; k++)
            retry_scope(s, node->scopes[k], t);
        if (node->met && (!node->settled || node->watch == 0))
            pg_discover_name(s, node, t);
    }
}

void pg_set_wake(struct scope *s, const struct turn *t)
{
    bool busy = pg_intake_is_open(s) || roster_is_leaving(s->roster);
    process_wake_at(s->process, busy ? t->now_ms : s->retry_ms);
}

static void scope_wake(struct process *p, struct turn *t)
{
    struct scope *s = scope_of(p);
    if (s->retry_ms != 0 && t->now_ms >= s->retry_ms)
        retry(s, t);
    pg_intake_wake(s, t);
    pg_leave_wake(s, t);
    pg_set_wake(s, t);
}

static void scope_finish(struct process *p, struct turn *t)
{
    struct scope *s = scope_of(p);
    pg_intake_finish(s, t);
    pg_leave_finish(s, t);
    pg_set_wake(s, t);
}

static void put_scopes(const struct remote_node *node, struct buf *out)
{
    if (node->count > 0)
        put_list(out, (uint32_t)node->count);
    for (size_t i = 0; i < node->count; i++)
        put_term(out, pg_remote_pid(node->scopes[i]));
    put_nil(out);
}

static void put_nodes(const struct scope *s, struct buf *out)
{
    put_map(out, (uint32_t)s->nodes.count);
    for (size_t i = 0; i < s->nodes.count; i++) {
        put_atom_bytes(out, buf_bytes(&pg_node_at(s, i)->name));
        put_scopes(pg_node_at(s, i), out);
    }
}

static void scope_state(const struct process *p, struct buf *out)
{
    put_map(out, 3);
    put_atom(out, "groups");
    pg_status(p, out);
    put_atom(out, "peers");
    put_nodes(scope_of(p), out);
    put_atom(out, "refused");
    put_uint(out, scope_of(p)->refused);
}

static void scope_leave(struct process *p, struct bytes reason, struct turn *t)
{
    (void)reason;
    struct scope *s = scope_of(p);
    while (s->nodes.count > 0)
        pg_node_remove(s, pg_node_at(s, s->nodes.count - 1), t);
    pg_intake_free(s, t);
    pg_leave_finish(s, t);
}

static void scope_free(void *self)
{
    struct scope *s = self;
    pg_intake_free(s, NULL);
    roster_free(s->roster);
    roster_source_free(s->ours);
    for (size_t i = 0; i < s->nodes.count; i++)
        pg_node_clear(pg_node_at(s, i));
    names_free(&s->nodes);
    mem_free(s);
}

static const struct process_kind kind = {
    .module = "coppice_pg",
    .message = scope_message,
    .dropped = scope_dropped,
    .down = scope_down,
    .wake = scope_wake,
    .finish = scope_finish,
    .state = scope_state,
    .leave = scope_leave,
    .free = scope_free,
};

/* --- the interface ----------------------------------------------------- */

struct process *pg_start(struct processes *table, struct bytes name,
                         const struct pg_listener *listener, struct turn *t)
{
    must(listener->joined != NULL && listener->left != NULL);
    struct scope *s = mem_take(sizeof(*s));
    s->listener = *listener;
    s->process = process_start(table, &kind, s, name);
    if (s->process == NULL) {
        mem_free(s);
        return NULL;
    }
    /* Not of the turn alone: salts that are drawn in it may be sent to peers. */
    uint64_t secret = keyed_hash(process_pid(s->process), processes_seed(table) ^ turn_random(t));
    s->nodes.secret = secret;
    s->roster = roster_new(secret);
    s->ours = roster_source_new(process_pid(s->process), true);
    return s->process;
}

bool pg_is_scope(const struct process *p)
{
    return process_kind(p) == &kind;
}

void pg_meet(struct process *scope, struct bytes node, unsigned version, struct turn *t)
{
    struct scope *s = scope_of(scope);
    must(version <= PG_VERSION && !bytes_equal(node, node_of(process_pid(scope))));
    if (process_ended(scope))
        return;
    struct remote_node *remote = pg_node_ensure(s, node);
    remote->met = true;
    remote->version = version;
    remote->settled = remote->absent = false;
    pg_discover_name(s, remote, t);
}

void pg_forget(struct process *scope, struct bytes node, struct turn *t)
{
    struct scope *s = scope_of(scope);
    struct remote_node *remote = pg_node_find(s, node);
    pg_intake_drop_node(s, node, t);
    if (remote != NULL)
        pg_node_remove(s, remote, t);
}

void pg_let_leave(struct process *scope, struct bytes group, struct turn *t)
{
    struct scope *s = scope_of(scope);
    struct scope_turn on = {s, t};
    roster_make_room(s->roster, NULL, group, &(struct roster_visitor){pg_on_removed, &on});
}

void pg_join(struct process *scope, struct bytes group, struct bytes pid, struct turn *t)
{
    struct scope *s = scope_of(scope);
    must(bytes_equal(node_of(pid), node_of(process_pid(scope))));
    if (process_ended(scope) || roster_has(s->roster, s->ours, group, pid))
        return;
    pg_let_leave(scope, group, t);
    if (roster_add(s->roster, s->ours, group, pid) == ROSTER_FULL) {
        pg_refused(s, t, "a member on this node: %s", err_text(ERR_LIMIT));
        return;
    }
    pg_send_change(s, &(struct pg_change){true, &group, 1, pid}, t);
    pg_joined(s, group, pid, t);
}

void pg_leave(struct process *scope, struct bytes group, struct bytes pid, struct turn *t)
{
    struct scope *s = scope_of(scope);
    if (!roster_remove(s->roster, s->ours, group, pid))
        return;
    pg_send_change(s, &(struct pg_change){false, &group, 1, pid}, t);
    pg_left(s, group, pid, t);
}

void pg_leave_all(struct process *scope, struct bytes pid, struct turn *t)
{
    struct scope *s = scope_of(scope);
    size_t left;
    struct bytes *groups = roster_groups_of(s->roster, pid, &left);
    if (left > 0)
        pg_send_change(s, &(struct pg_change){false, groups, left, pid}, t);
    /* groups[i] is freed with the group when its last member leaves. */
    for (size_t i = 0; i < left; i++) {
        struct term group = term_copy(groups[i]);
        roster_remove(s->roster, s->ours, groups[i], pid);
        pg_left(s, term_bytes(&group), pid, t);
        term_free(&group);
    }
    mem_free(groups);
}

struct member_visit {
    void (*visit)(void *who, struct bytes pid);
    void *who;
};

static void visit_member(void *who, struct bytes group, struct bytes pid)
{
    const struct member_visit *v = who;
    (void)group;
    v->visit(v->who, pid);
}

void pg_members(const struct process *scope, struct bytes group,
                void (*visit)(void *who, struct bytes pid), void *who)
{
    struct member_visit v = {visit, who};
    roster_walk(scope_of(scope)->roster, NULL, group, &(struct roster_visitor){visit_member, &v});
}

void pg_put_groups(const struct process *scope, bool local, struct buf *out)
{
    const struct scope *s = scope_of(scope);
    size_t count;
    struct bytes *groups = roster_groups(s->roster, local ? s->ours : NULL, &count);
    if (count > 0)
        put_list(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        put_term(out, groups[i]);
    put_nil(out);
    mem_free(groups);
}

void pg_status(const struct process *scope, struct buf *out)
{
    const struct scope *s = scope_of(scope);
    size_t count;
    struct bytes *groups = roster_groups(s->roster, NULL, &count);
    put_map(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put_term(out, groups[i]);
        put_uint(out, roster_count(s->roster, NULL, groups[i]));
    }
    mem_free(groups);
}

bool pg_settled(const struct process *scope, struct bytes node)
{
    const struct remote_node *remote = pg_node_find(scope_of(scope), node);
    return remote != NULL && (remote->settled || remote->absent);
}
