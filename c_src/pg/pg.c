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

void pg_visit_left(void *scope_turn, struct bytes group, struct bytes pid)
{
    const struct scope_turn *on = scope_turn;
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
    turn_log(t, level, "pg scope %.*s: %s", (int)name.len, (const char *)name.at, line);
}

/* --- the process ------------------------------------------------------- */

static void scope_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message gen = gen_read(message);
    if (gen.kind == GEN_CALL)
        gen_reply_unknown(p, gen.from, gen.request, t);
    else
        pg_hear(scope_of(p), &gen, t);
}

static void scope_down(struct process *p, uint64_t watch, struct bytes reason, struct turn *t)
{
    (void)reason;
    struct scope *s = scope_of(p);
    struct peer *peer = pg_peer_of_watch(s, watch);
    if (peer == NULL)
        return;
    peer->watch = 0;
    if (!t->post->connected(t->post, pg_peer_name(peer))) {
        pg_peer_drop(s, peer, t);
        return;
    }
    if (peer->pid.len == 0) {
        peer->absent = true;
        pg_wait(s, t);
        return;
    }
    pg_peer_lose(s, peer, t);
    /* Should it be our greeting that ends it, then not as fast as it restarts:
     * its supervisor would give up, and its node with it. */
    if (t->now_ms >= peer->ask_ms)
        pg_peer_discover(s, peer, t);
    pg_wait(s, t);
}

/* Asks those who have not answered.  A peer that has not been told although it
 * has spoken knew us when we did not know it, and will not ask. */
static void scope_wake(struct process *p, struct turn *t)
{
    struct scope *s = scope_of(p);
    s->waiting = false;
    for (size_t i = s->count; i-- > 0;) {
        struct peer *peer = s->peers[i];
        if (peer->settled && peer->told)
            continue;
        if (!t->post->connected(t->post, pg_peer_name(peer))) {
            pg_peer_drop(s, peer, t);
            continue;
        }
        if (peer->pid.len > 0 && !peer->told)
            pg_peer_tell(s, peer, t);
        if (!peer->settled)
            pg_peer_discover(s, peer, t);
    }
}

static void put_peers(const struct scope *s, struct buf *out)
{
    put_map(out, (uint32_t)s->count);
    for (size_t i = 0; i < s->count; i++) {
        put_atom_bytes(out, pg_peer_name(s->peers[i]));
        if (s->peers[i]->pid.len > 0)
            put_term(out, term_bytes(&s->peers[i]->pid));
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
    put_peers(scope_of(p), out);
}

static void scope_leave(struct process *p, struct bytes reason, struct turn *t)
{
    (void)reason;
    struct scope *s = scope_of(p);
    while (s->count > 0)
        pg_peer_drop(s, s->peers[s->count - 1], t);
}

static void scope_free(void *self)
{
    struct scope *s = self;
    roster_free(s->roster);
    roster_node_free(s->ours);
    for (size_t i = 0; i < s->count; i++)
        pg_peer_free(s->peers[i]);
    mem_free(s->peers);
    mem_free(s);
}

static const struct process_kind kind = {
    .module = "coppice_pg",
    .message = scope_message,
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
    /* The creation in our pid is drawn anew at each start of the node. */
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
    struct peer *peer = pg_peer_take(s, node);
    /* Its scope may have greeted us before, in a newer version. */
    if (version > peer->version)
        peer->version = PG_VERSION;
    peer->settled = false;
    pg_peer_discover(s, peer, t);
}

void pg_forget(struct process *scope, struct bytes node, struct turn *t)
{
    struct scope *s = scope_of(scope);
    struct peer *peer = pg_peer_find(s, node);
    if (peer != NULL)
        pg_peer_drop(s, peer, t);
}

void pg_join(struct process *scope, struct bytes group, struct bytes pid, struct turn *t)
{
    struct scope *s = scope_of(scope);
    must(bytes_equal(node_of(pid), roster_node_name(s->ours)));
    if (process_ended(scope) || roster_has(s->roster, s->ours, group, pid))
        return;
    if (roster_add(s->roster, s->ours, group, pid) == ROSTER_FULL) {
        pg_log(s, t, LOG_ERROR, "a member of this node is left out: %s", err_text(ERR_LIMIT));
        return;
    }
    pg_tell_news(s, &(struct pg_news){true, &group, 1, pid}, t);
    pg_joined(s, group, pid, t);
}

void pg_leave(struct process *scope, struct bytes group, struct bytes pid, struct turn *t)
{
    struct scope *s = scope_of(scope);
    if (!roster_remove(s->roster, s->ours, group, pid))
        return;
    pg_tell_news(s, &(struct pg_news){false, &group, 1, pid}, t);
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
        pg_tell_news(s, &(struct pg_news){false, groups, left, pid}, t);
    /* A group may end with its last member, and its name with it. */
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
    const struct peer *peer = pg_peer_find(scope_of(scope), node);
    return peer != NULL && (peer->settled || peer->absent);
}
