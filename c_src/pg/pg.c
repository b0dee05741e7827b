#include "pg.h"

#include <stdarg.h>
#include <stdio.h>

#include "../mem.h"
#include "../term/write.h"
#include "pg_scope.h"

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

void pg_log(const struct scope *s, struct turn *t, enum log_level level, const char *format, ...)
{
    struct bytes name = process_name(s->process);
    char line[1024]; /* a node's name and a sentence; more is cut */
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    turn_log(t, level, "pg scope %.*s: %s", TEXT(name), line);
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

/* A known scope is sent a discover again soon: its answer contains what was lost. */
static void scope_dropped(struct process *p, struct bytes node, struct turn *t)
{
    struct scope *s = scope_of(p);
    struct remote_scope *remote = pg_remote_find(s, node);
    if (remote == NULL)
        return;
    remote->settled = false;
    pg_schedule_retry(s, t);
}

static void scope_down(struct process *p, uint64_t watch, struct bytes reason, struct turn *t)
{
    (void)reason;
    struct scope *s = scope_of(p);
    struct remote_scope *remote = pg_remote_of_watch(s, watch);
    if (remote == NULL)
        return;
    remote->watch = 0;
    if (!t->post->connected(t->post, pg_remote_node(remote))) {
        pg_remote_remove(s, remote, t);
        return;
    }
    if (remote->pid.len == 0) {
        remote->absent = true;
        pg_schedule_retry(s, t);
        return;
    }
    pg_remote_reset(s, remote, t);
    /* Perhaps our discover crashed it.  Then it must not crash again as soon as it restarts:
     * its supervisor would give up, and its node stop. */
    if (t->now_ms >= remote->retry_ms)
        pg_send_discover(s, remote, t);
    pg_schedule_retry(s, t);
}

/* Repeats discover to scopes that have not answered.  A scope that sent us its members before
 * we were known here sends no discover, so it is sent ours now. */
static void scope_wake(struct process *p, struct turn *t)
{
    struct scope *s = scope_of(p);
    s->retry_set = false;
    for (size_t i = s->count; i-- > 0;) {
        struct remote_scope *remote = s->remotes[i];
        if (remote->settled && remote->informed)
            continue;
        if (!t->post->connected(t->post, pg_remote_node(remote))) {
            pg_remote_remove(s, remote, t);
            continue;
        }
        if (remote->pid.len > 0 && !remote->informed)
            pg_send_members(s, remote, t);
        if (!remote->settled)
            pg_send_discover(s, remote, t);
    }
}

static void put_remotes(const struct scope *s, struct buf *out)
{
    put_map(out, (uint32_t)s->count);
    for (size_t i = 0; i < s->count; i++) {
        put_atom_bytes(out, pg_remote_node(s->remotes[i]));
        if (s->remotes[i]->pid.len > 0)
            put_term(out, term_bytes(&s->remotes[i]->pid));
        else
            put_atom(out, "undefined");
    }
}

static void scope_state(const struct process *p, struct buf *out)
{
    put_map(out, 2);
    put_atom(out, "groups");
    pg_status(p, out);
    put_atom(out, "peers");
    put_remotes(scope_of(p), out);
}

static void scope_leave(struct process *p, struct bytes reason, struct turn *t)
{
    (void)reason;
    struct scope *s = scope_of(p);
    while (s->count > 0)
        pg_remote_remove(s, s->remotes[s->count - 1], t);
}

static void scope_free(void *self)
{
    struct scope *s = self;
    roster_free(s->roster);
    roster_node_free(s->ours);
    for (size_t i = 0; i < s->count; i++)
        pg_remote_free(s->remotes[i]);
    mem_free(s->remotes);
    mem_free(s);
}

static const struct process_kind kind = {
    .module = "coppice_pg",
    .message = scope_message,
    .dropped = scope_dropped,
    .down = scope_down,
    .wake = scope_wake,
    .state = scope_state,
    .leave = scope_leave,
    .free = scope_free,
};

/* --- the interface ----------------------------------------------------- */

struct process *pg_start(struct processes *table, struct bytes name,
                         const struct pg_listener *listener)
{
    must(listener->joined != NULL && listener->left != NULL);
    struct scope *s = mem_take(sizeof(*s));
    s->listener = *listener;
    s->process = process_start(table, &kind, s, name);
    if (s->process == NULL) {
        mem_free(s);
        return NULL;
    }
    /* The pid contains the creation, which is random at each start of the node. */
    s->roster = roster_new(bytes_hash(process_pid(s->process), processes_creation(table)));
    s->ours = roster_node_new(processes_node(table), true);
    return s->process;
}

bool pg_is_scope(const struct process *p)
{
    return process_kind(p) == &kind;
}

void pg_meet(struct process *scope, struct bytes node, unsigned version, struct turn *t)
{
    struct scope *s = scope_of(scope);
    must(!bytes_equal(node, roster_node_name(s->ours)));
    if (process_ended(scope))
        return;
    struct remote_scope *remote = pg_remote_ensure(s, node);
    /* Its scope may have sent a discover with a newer version already. */
    if (version > remote->version)
        remote->version = PG_VERSION;
    remote->settled = false;
    pg_send_discover(s, remote, t);
}

void pg_forget(struct process *scope, struct bytes node, struct turn *t)
{
    struct scope *s = scope_of(scope);
    struct remote_scope *remote = pg_remote_find(s, node);
    if (remote != NULL)
        pg_remote_remove(s, remote, t);
}

void pg_join(struct process *scope, struct bytes group, struct bytes pid, struct turn *t)
{
    struct scope *s = scope_of(scope);
    must(bytes_equal(node_of(pid), roster_node_name(s->ours)));
    if (process_ended(scope) || roster_has(s->roster, s->ours, group, pid))
        return;
    if (roster_add(s->roster, s->ours, group, pid) == ROSTER_FULL) {
        pg_log(s, t, LOG_ERROR, "ignored a member of this node: %s", err_text(ERR_LIMIT));
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
    size_t count, left = 0;
    struct bytes *groups = roster_groups(s->roster, s->ours, &count);
    for (size_t i = 0; i < count; i++)
        if (roster_has(s->roster, s->ours, groups[i], pid))
            groups[left++] = groups[i];
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
    const struct remote_scope *remote = pg_remote_find(scope_of(scope), node);
    return remote != NULL && (remote->settled || remote->absent);
}
