#include "pg_scope.h"

/* Like pg.erl: whoever greets is a scope. */
static void receive_discover(struct scope *s, const struct pg_message *m, struct turn *t)
{
    struct remote_scope *remote = pg_remote_of_pid(s, buf_bytes(&m->sender));
    bool known = remote != NULL;
    if (!known)
        remote = pg_remote_add(s, buf_bytes(&m->sender), t);
    if (remote == NULL)
        return;
    remote->version = m->version;
    pg_send_members(s, remote, t);
    if (!known)
        pg_discover_pid(s, remote, t);
}

struct apply {
    struct scope *scope;
    struct remote_scope *remote;
    struct turn *turn;
    size_t refused;
};

/* Nanoseconds of a process that joins or leaves a group, and of the first in a group or the last,
 * beyond their bytes: the group is allocated or freed, in memory that is not in the cache. */
#define WORK_PAIR  500
#define WORK_GROUP 600

static void join_group(struct apply *a, struct bytes group, struct bytes pid)
{
    struct scope *s = a->scope;
    enum roster_change change = roster_add(s->roster, a->remote->members, group, pid);
    if (change == ROSTER_NEW)
        pg_joined(s, group, pid, a->turn);
    else if (change == ROSTER_FULL)
        a->refused++;
}

static void leave_group(struct apply *a, struct bytes group, struct bytes pid)
{
    struct scope *s = a->scope;
    if (roster_remove(s->roster, a->remote->members, group, pid))
        pg_left(s, group, pid, a->turn);
}

static void apply_pair(void *who, bool joins, struct bytes group, struct bytes pid)
{
    struct apply *a = who;
    size_t groups = roster_source_groups(a->remote->members);
    if (joins)
        join_group(a, group, pid);
    else
        leave_group(a, group, pid);
    bool other = roster_source_groups(a->remote->members) != groups;
    turn_worked(a->turn, WORK_PAIR + (other ? WORK_GROUP : 0));
}

/* The message must be well-formed and sent by this scope. */
static void apply_message(struct scope *s, struct remote_scope *remote, const struct pg_message *m,
                          struct turn *t)
{
    struct apply a = {s, remote, t, 0};
    enum err err = pg_walk(m, &(struct pg_visitor){apply_pair, &a});
    must(err == OK);
    struct bytes node = node_of(pg_remote_pid(remote));
    if (a.refused > 0)
        pg_refused(s, t, "%zu members on %.*s: %s", a.refused, TEXT(node), err_text(ERR_LIMIT));
}

static void receive_members(struct scope *s, const struct pg_message *m, struct turn *t)
{
    struct remote_scope *remote = pg_remote_of_pid(s, buf_bytes(&m->sender));
    if (remote == NULL)
        remote = pg_remote_add(s, buf_bytes(&m->sender), t);
    if (remote == NULL)
        return;
    /* A sync does not show the peer's own version: it has the version of our discover. */
    if (m->verb == PG_LOCAL_DATA)
        remote->version = m->version;
    remote->node->settled = true;
    struct scope_turn on = {s, t};
    roster_replace_begin(remote->members);
    apply_message(s, remote, m, t);
    roster_replace_end(s->roster, remote->members, &(struct roster_visitor){pg_on_removed, &on});
}

static void receive_change(struct scope *s, const struct pg_message *m, struct turn *t)
{
    struct remote_scope *remote = pg_remote_of_pid(s, buf_bytes(&m->sender));
    if (remote != NULL)
        apply_message(s, remote, m, t);
}

/* A known scope is sent a discover again soon: its answer contains what was lost. */
static void refuse(struct scope *s, const struct pg_message *m, enum err err, struct turn *t)
{
    struct bytes pid = buf_bytes(&m->sender);
    struct bytes node = pid.len > 0 ? node_of(pid) : BYTES("an unknown node");
    pg_refused(s, t, "a message from %.*s: %s", TEXT(node), err_text(err));
    struct remote_scope *remote = pid.len > 0 ? pg_remote_of_pid(s, pid) : NULL;
    if (remote != NULL) {
        remote->incomplete = true;
        pg_schedule_retry(s, t);
    }
}

/* A scope of this node is none of another one, and a node tells only of its own. */
static enum err check_sender(const struct scope *s, struct bytes node, const struct turn *t)
{
    struct bytes ours = node_of(process_pid(s->process));
    bool stranger = t->node.len > 0 && !bytes_equal(t->node, ours) && !bytes_equal(t->node, node);
    return stranger || bytes_equal(node, ours) ? ERR_SHAPE : OK;
}

void pg_receive(struct scope *s, const struct gen_message *gen, struct turn *t)
{
    struct pg_message m;
    enum err err = pg_read(&m, gen);
    if (err == OK)
        err = check_sender(s, node_of(buf_bytes(&m.sender)), t);
    if (err == OK)
        err = pg_walk(&m, NULL);
    if (err != OK)
        refuse(s, &m, err, t);
    else if (m.verb == PG_DISCOVER)
        receive_discover(s, &m, t);
    else if (m.verb == PG_SYNC || m.verb == PG_LOCAL_DATA)
        receive_members(s, &m, t);
    else
        receive_change(s, &m, t);
    buf_free(&m.sender);
}
