#include "../mem.h"
#include "../pg/pg.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "inside.h"

/* Where coppices meet without a BEAM among them that could tell Grove's scope. */
#define COPPICE_SCOPE "coppice_scope"

static struct peer *peer_of(struct node *n, struct bytes pid)
{
    return peer_find(n, node_of(pid));
}

static bool runs_rex(struct node *n, struct bytes pid)
{
    struct peer *p = peer_of(n, pid);
    return p != NULL && p->learned.beam;
}

/* A member on a node of which it is not known what it runs is not told to replicas yet: a
 * question that is put to a Grove server in the wrong way ends it. */
static bool is_learned(struct node *n, struct bytes pid)
{
    struct peer *p = peer_of(n, pid);
    return p == NULL || p->learned.done;
}

/* The next replica of a group, after one that was found before. */
static struct process *next_in_group(struct node *n, struct process *p, struct bytes group)
{
    while ((p = processes_next(n->processes, p)) != NULL)
        if (replica_is(p) && bytes_equal(replica_group(p), group))
            return p;
    return NULL;
}

static void member_joined(void *who, struct process *scope, struct bytes group, struct bytes pid,
                          struct turn *t)
{
    (void)scope;
    struct node *n = who;
    for (struct process *p = NULL; is_learned(n, pid) && (p = next_in_group(n, p, group)) != NULL;)
        replica_joined(p, pid, runs_rex(n, pid), t);
}

static void member_left(void *who, struct process *scope, struct bytes group, struct bytes pid,
                        struct turn *t)
{
    (void)scope;
    struct node *n = who;
    for (struct process *p = NULL; (p = next_in_group(n, p, group)) != NULL;)
        replica_left(p, pid, t);
}

static struct process *scope_start(struct node *n, struct bytes name)
{
    const struct pg_listener listener = {member_joined, member_left, n};
    struct process *scope = pg_start(n->processes, name, &listener);
    if (scope == NULL) {
        node_log(n, LOG_ERROR, "the scope %.*s cannot start: its name is taken", TEXT(name));
        return NULL;
    }
    for (size_t i = 0; i < n->peer_count; i++) {
        struct peer *p = n->peers[i];
        if (p->up != NULL && p->learned.done)
            pg_meet(scope, buf_bytes(&p->name), p->learned.pg, &n->turn);
    }
    for (struct process *p = NULL; (p = processes_next(n->processes, p)) != NULL;)
        if (replica_is(p))
            pg_join(scope, replica_group(p), process_pid(p), &n->turn);
    n->settling = true;
    return scope;
}

void membership_add_scope(struct node *n, struct bytes name)
{
    struct process *taken = process_named(n->processes, name);
    if (n->scope_count == LIMIT_SCOPES || (taken != NULL && pg_is_scope(taken)))
        return;
    struct process *scope = scope_start(n, name);
    if (scope == NULL)
        return;
    node_log(n, LOG_INFO, "taking part in the scope %.*s", TEXT(name));
    n->scopes = mem_resize(n->scopes, (n->scope_count + 1) * sizeof(struct process *));
    n->scopes[n->scope_count++] = scope;
}

/* Who is in the group of a replica that has just started, or that may now be told who
 * joined from a node. */
struct newcomer {
    struct node *node;
    struct process *replica;
    const struct peer *from; /* NULL: anywhere */
};

static void tell_newcomer(void *who, struct bytes pid)
{
    const struct newcomer *newcomer = who;
    struct node *n = newcomer->node;
    bool wanted = newcomer->from == NULL || newcomer->from == peer_of(n, pid);
    if (wanted && is_learned(n, pid))
        replica_joined(newcomer->replica, pid, runs_rex(n, pid), &n->turn);
}

struct process *membership_add_replica(struct node *n, struct replica_options *options)
{
    struct replica_disk disk = stores_disk(n);
    struct process *p = replica_start(n->processes, options, &disk, &n->turn);
    if (p == NULL)
        return NULL;
    struct newcomer newcomer = {n, p, NULL};
    for (size_t i = 0; i < n->scope_count; i++) {
        pg_members(n->scopes[i], replica_group(p), tell_newcomer, &newcomer);
        pg_join(n->scopes[i], replica_group(p), process_pid(p), &n->turn);
    }
    n->settling = true;
    return p;
}

static void add_configured(struct node *n, size_t i)
{
    struct bytes name, map;
    struct replica_options options;
    struct options_error error;
    config_replica(n->config, i, &name, &map);
    enum err e = replica_options_read(&options, name, map, n->self.name, &error);
    must(e == OK); /* config_read() has checked it */
    if (membership_add_replica(n, &options) == NULL) {
        node_log(n, LOG_ERROR, "the replica %.*s cannot start: its name is taken",
                 TEXT(options.name));
        replica_options_free(&options);
    }
}

void membership_start(struct node *n)
{
    if (n->config->scope_auto)
        membership_add_scope(n, BYTES(COPPICE_SCOPE));
    for (size_t i = 0; i < n->config->scope_count; i++)
        membership_add_scope(n, buf_bytes(&n->config->scopes[i]));
    for (size_t i = 0; i < n->config->replica_count; i++)
        add_configured(n, i);
}

/* Its scopes may have greeted ours before. */
static void tell_members_of(struct node *n, const struct peer *from)
{
    for (struct process *p = NULL; (p = processes_next(n->processes, p)) != NULL;) {
        struct newcomer newcomer = {n, p, from};
        for (size_t i = 0; replica_is(p) && i < n->scope_count; i++)
            pg_members(n->scopes[i], replica_group(p), tell_newcomer, &newcomer);
    }
}

void membership_meet(struct node *n, struct peer *p)
{
    tell_members_of(n, p);
    for (size_t i = 0; i < n->scope_count; i++)
        pg_meet(n->scopes[i], buf_bytes(&p->name), p->learned.pg, &n->turn);
}

void membership_forget(struct node *n, struct peer *p)
{
    for (size_t i = 0; i < n->scope_count; i++)
        pg_forget(n->scopes[i], buf_bytes(&p->name), &n->turn);
    n->settling = true;
}

/* A scope that was told to end comes back, as pg does under its supervisor. */
static void scope_ended(struct node *n, size_t i)
{
    struct buf name = {0};
    buf_put(&name, process_name(n->scopes[i]));
    n->scopes[i] = n->scopes[--n->scope_count];
    if (!n->stopping) {
        node_log(n, LOG_WARNING, "the scope %.*s was ended; starting it again", TEXT(name));
        membership_add_scope(n, buf_bytes(&name));
    }
    buf_free(&name);
}

void membership_ended(struct node *n, struct process *p)
{
    if (replica_is(p))
        for (size_t i = 0; i < n->scope_count; i++)
            pg_leave_all(n->scopes[i], process_pid(p), &n->turn);
    for (size_t i = 0; i < n->scope_count; i++)
        if (n->scopes[i] == p) {
            scope_ended(n, i);
            return;
        }
}

static bool peer_settled(struct node *n, const struct peer *p)
{
    if (p->up == NULL)
        return !p->wanted || p->tried;
    if (!p->learned.done || p->learned.nodes_call != 0)
        return false;
    for (size_t i = 0; i < n->scope_count; i++)
        if (!pg_settled(n->scopes[i], buf_bytes(&p->name)))
            return false;
    return true;
}

void membership_settle(struct node *n)
{
    bool settled = true;
    for (size_t i = 0; i < n->peer_count && settled; i++)
        settled = peer_settled(n, n->peers[i]);
    for (struct process *p = NULL; (p = processes_next(n->processes, p)) != NULL;)
        if (replica_is(p))
            replica_settled(p, settled, &n->turn);
    n->settling = !settled;
}
