#include "membership.h"

#include "../limits.h"
#include "../mem.h"
#include "../otp/few_lines.h"
#include "../otp/names.h"
#include "../otp/quotas.h"
#include "../pg/pg.h"
#include "../replica/rivals.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"
#include "groups.h"
#include "pubsub.h"

struct membership {
    const struct config *config;
    struct processes *table;
    const struct learning *learning;
    struct registrar *registrar;
    struct stores *stores;
    struct process *scopes[LIMIT_SCOPES];
    size_t scope_count;
    struct groups replicas;
    struct rivals rivals;  /* the same replicas */
    struct quotas started; /* those of them that nodes have asked for */
    struct pubsub *pubsub;
    uint64_t scope_restarts;
    bool settled, stopping, given_up;
    bool told_known;                       /* what replicas were told last */
    bool has_new_ones;                     /* that were not told that it is known */
    struct names stopped;                  /* replicas that were stopped on request */
    struct few_lines stop_lines;           /* of these */
    uint64_t restarted_ms[LIMIT_RESTARTS]; /* the last ones; those before are overwritten */
    size_t restarts;
};

/* Bytes of a reason in a log line, at most. */
#define QUOTED 100

struct membership *membership_new(const struct config *config, struct processes *table,
                                  const struct learning *learning, struct registrar *registrar,
                                  struct stores *stores, struct wakeups *wakeups)
{
    struct membership *m = mem_take(sizeof(*m));
    *m = (struct membership){.config = config,
                             .table = table,
                             .learning = learning,
                             .registrar = registrar,
                             .stores = stores,
                             .replicas.seed = processes_seed(table),
                             .rivals.seed = processes_seed(table),
                             .started.secret = processes_seed(table),
                             .stopped.secret = processes_seed(table),
                             .pubsub = pubsub_new(table, learning)};
    few_lines_init(&m->stop_lines, wakeups, LIMIT_PEER_LINES, "replicas have stopped");
    return m;
}

void membership_free(struct membership *m)
{
    pubsub_free(m->pubsub);
    groups_free(&m->replicas);
    rivals_free(&m->rivals);
    quotas_free(&m->started);
    names_free(&m->stopped);
    mem_free(m);
}

void membership_stop(struct membership *m)
{
    m->stopping = true;
    pubsub_stop(m->pubsub);
}

/* --- what replicas are told ------------------------------------------------------- */

/* Not of a member on a node of which it is not known yet what it runs: a question that is put
 * to a Grove server in the wrong way ends that. */
static void tell_joined(const struct membership *m, struct process *replica, struct bytes pid,
                        struct turn *t)
{
    struct bytes node = node_of(pid);
    if (!learning_is_open(m->learning, node))
        replica_joined(replica, pid, learning_is_beam(m->learning, node), t);
}

static void member_joined(void *who, struct process *scope, struct bytes group, struct bytes pid,
                          struct turn *t)
{
    (void)scope;
    const struct membership *m = who;
    struct process *p;
    for (size_t i = 0; (p = groups_at(&m->replicas, group, i)) != NULL; i++)
        tell_joined(m, p, pid, t);
}

static void member_left(void *who, struct process *scope, struct bytes group, struct bytes pid,
                        struct turn *t)
{
    (void)scope;
    const struct membership *m = who;
    struct process *p;
    for (size_t i = 0; (p = groups_at(&m->replicas, group, i)) != NULL; i++)
        replica_left(p, pid, t);
}

/* A replica that is told who is in its group: everybody, or the members on one node. */
struct introduction {
    const struct membership *membership;
    struct process *replica;
    struct bytes node; /* empty: any */
    struct turn *turn;
};

static void introduce(void *who, struct bytes pid)
{
    const struct introduction *i = who;
    if (i->node.len == 0 || bytes_equal(node_of(pid), i->node))
        tell_joined(i->membership, i->replica, pid, i->turn);
}

static void introduce_all(const struct membership *m, struct process *replica, struct bytes node,
                          struct turn *t)
{
    struct introduction i = {m, replica, node, t};
    /* Of all scopes first: one that leaves was not introduced to a new replica. */
    for (size_t k = 0; k < m->scope_count; k++)
        pg_let_leave(m->scopes[k], replica_group(replica), t);
    for (size_t k = 0; k < m->scope_count; k++)
        pg_members(m->scopes[k], replica_group(replica), introduce, &i);
}

/* --- scopes ------------------------------------------------------------------------ */

/* Other programs may not know what a scope is: they greet ours if they do. */
static void meet(const struct membership *m, struct process *scope, struct bytes node,
                 struct turn *t)
{
    if (learning_is_otp(m->learning, node))
        pg_meet(scope, node, learning_pg_version(m->learning, node), t);
}

/* NULL when its name is taken. */
static struct process *scope_start(struct membership *m, struct bytes name, struct turn *t)
{
    const struct pg_listener listener = {member_joined, member_left, m};
    struct process *scope = pg_start(m->table, name, &listener, t);
    if (scope == NULL) {
        turn_log(t, LOG_ERROR,
                 "the pg scope %.*s cannot start: its name is taken by a replica: give that one "
                 "another name",
                 TEXT(name));
        return NULL;
    }
    for (struct bytes node = {0}; learning_next(m->learning, &node);)
        meet(m, scope, node, t);
    for (struct process *p = NULL; (p = replica_next(m->table, p)) != NULL;)
        pg_join(scope, replica_group(p), process_pid(p), t);
    m->scopes[m->scope_count++] = scope;
    m->settled = false;
    return scope;
}

void membership_add_scope(struct membership *m, struct bytes name, struct turn *t)
{
    const struct process *taken = process_named(m->table, name);
    if (m->scope_count == LIMIT_SCOPES || (taken != NULL && pg_is_scope(taken)))
        return;
    if (scope_start(m, name, t) != NULL)
        turn_log(t, LOG_INFO, "joined pg scope %.*s", TEXT(name));
}

/* A scope that was told to end comes back, as pg does under its supervisor. */
static void scope_ended(struct membership *m, size_t i, struct turn *t)
{
    struct buf name = {0};
    buf_put(&name, process_name(m->scopes[i]));
    m->scopes[i] = m->scopes[--m->scope_count];
    if (!m->stopping) {
        if (log_is_due(&m->scope_restarts))
            turn_log(t, LOG_WARNING, "pg scope %.*s ended; restarting it (%llu so far)", TEXT(name),
                     (unsigned long long)m->scope_restarts);
        scope_start(m, buf_bytes(&name), t);
    }
    buf_free(&name);
}

void membership_put_scopes(const struct membership *m, struct buf *out)
{
    if (m->scope_count > 0)
        put_list(out, (uint32_t)m->scope_count);
    for (size_t i = 0; i < m->scope_count; i++)
        put_atom_bytes(out, process_name(m->scopes[i]));
    put_nil(out);
}

/* --- replicas ----------------------------------------------------------------------- */

static struct process *start_with_files(struct membership *m, struct replica_options *options,
                                        struct turn *t)
{
    struct replica_disk disk = stores_open(m->stores);
    struct process *p = replica_start(m->table, options, &disk, t);
    if (p == NULL)
        stores_discard(m->stores, &disk);
    return p;
}

enum err membership_check_replica(const struct membership *m, const struct replica_options *options,
                                  struct options_error *error)
{
    return rivals_check(&m->rivals, options, NULL, error);
}

static const struct amount one = {.count = 1};

bool membership_may_start(const struct membership *m, struct bytes node)
{
    const struct amount most = {.count = LIMIT_PROCESSES};
    return processes_have_room(m->table) && quotas_allow(&m->started, node, one, most);
}

static void count_started(struct membership *m, const struct replica_options *options)
{
    if (options->by.len > 0)
        quotas_charge(&m->started, buf_bytes(&options->by), one);
}

static void count_ended(struct membership *m, const struct replica_options *options)
{
    struct quota *of = quotas_find(&m->started, buf_bytes(&options->by));
    if (of != NULL)
        quotas_refund(&m->started, of, one);
}

struct process *membership_add_replica(struct membership *m, struct replica_options *options,
                                       struct turn *t)
{
    struct process *p = options->storage.file.len > 0 ? start_with_files(m, options, t)
                                                      : replica_start(m->table, options, NULL, t);
    if (p == NULL)
        return NULL;
    groups_add(&m->replicas, replica_group(p), p);
    rivals_add(&m->rivals, replica_options(p));
    count_started(m, replica_options(p));
    struct buf *stopped = names_find(&m->stopped, process_name(p));
    if (stopped != NULL)
        names_remove(&m->stopped, stopped);
    introduce_all(m, p, (struct bytes){0}, t);
    for (size_t i = 0; i < m->scope_count; i++)
        pg_join(m->scopes[i], replica_group(p), process_pid(p), t);
    registrar_add(m->registrar, p, t);
    pubsub_add(m->pubsub, p, t);
    m->settled = false;
    m->has_new_ones = true;
    return p;
}

/* --- replicas that end --------------------------------------------------------------- */

/* The reasons after which a supervisor does not restart a `transient` child: normal, shutdown and
 * {shutdown, _}. */
static bool was_requested(struct bytes reason)
{
    struct etf_in in = etf_open(reason);
    if (etf_peek(&in) == ETF_TUPLE)
        return etf_tuple(&in) == 2 && etf_accept(&in, "shutdown");
    return etf_accept(&in, "normal") || etf_accept(&in, "shutdown");
}

/* Whether one more restart is within the limit; it is counted. */
static bool may_restart(struct membership *m, const struct turn *t)
{
    uint64_t *oldest = &m->restarted_ms[m->restarts % LIMIT_RESTARTS];
    if (m->restarts >= LIMIT_RESTARTS && t->now_ms - *oldest <= LIMIT_RESTARTS_MS)
        return false;
    *oldest = t->now_ms;
    m->restarts++;
    return true;
}

static void note_stopped(struct membership *m, struct bytes name)
{
    if (m->stopped.count < LIMIT_STOPPED && names_find(&m->stopped, name) == NULL)
        names_add(&m->stopped, name, sizeof(struct buf));
}

static void restart(struct membership *m, const struct process *p, struct turn *t)
{
    struct replica_options options;
    replica_options_copy(&options, replica_options(p));
    struct process *again = membership_add_replica(m, &options, t);
    must(again != NULL); /* its name and its place in the table have just become free */
}

static void replica_ended(struct membership *m, struct process *p, struct bytes reason,
                          struct turn *t)
{
    struct bytes name = process_name(p);
    struct buf why = {0};
    if (m->stopping || m->given_up)
        return;
    text_print_short(&why, reason, QUOTED);
    if (was_requested(reason)) {
        if (few_lines_may(&m->stop_lines, t))
            turn_log(t, LOG_INFO, "%.*s stopped: %.*s", TEXT(name), TEXT(why));
        note_stopped(m, name);
    } else if (may_restart(m, t)) {
        turn_log(t, LOG_WARNING, "%.*s ended: %.*s; restarting it", TEXT(name), TEXT(why));
        restart(m, p, t);
    } else {
        turn_log(t, LOG_ERROR,
                 "%.*s ended: %.*s; replicas were restarted %d times in %d seconds, giving up",
                 TEXT(name), TEXT(why), LIMIT_RESTARTS, LIMIT_RESTARTS_MS / 1000);
        m->given_up = true;
    }
    buf_free(&why);
}

void membership_ended(struct membership *m, struct process *p, struct bytes reason, struct turn *t)
{
    for (size_t i = 0; i < m->scope_count; i++)
        if (m->scopes[i] == p) {
            scope_ended(m, i, t);
            return;
        }
    if (pubsub_ended(m->pubsub, p, t) || !replica_is(p))
        return;
    groups_remove(&m->replicas, replica_group(p), p);
    rivals_remove(&m->rivals, replica_options(p));
    count_ended(m, replica_options(p));
    for (size_t i = 0; i < m->scope_count; i++)
        pg_leave_all(m->scopes[i], process_pid(p), t);
    replica_ended(m, p, reason, t);
    pubsub_remove(m->pubsub, p, t); /* afterwards: the pubsub of one that is restarted stays */
}

bool membership_has_given_up(const struct membership *m)
{
    return m->given_up;
}

void membership_put_stopped(const struct membership *m, struct buf *out)
{
    if (m->stopped.count > 0)
        put_list(out, (uint32_t)m->stopped.count);
    for (size_t i = 0; i < m->stopped.count; i++)
        put_atom_bytes(out, buf_bytes(m->stopped.list[i]));
    put_nil(out);
}

/* --- start ---------------------------------------------------------------------------- */

static void add_configured(struct membership *m, size_t i, struct turn *t)
{
    struct bytes name, map;
    struct replica_options options;
    struct options_error error;
    config_replica(m->config, i, &name, &map);
    enum err e = replica_options_read(&options, name, map, processes_node(m->table), &error);
    must(e == OK); /* config_read() has checked it */
    if (membership_add_replica(m, &options, t) == NULL) {
        turn_log(t, LOG_ERROR,
                 "the replica %.*s cannot start: its name is taken by a process of this node: "
                 "give it another name",
                 TEXT(atom_text(term_bytes(&options.name))));
        replica_options_free(&options);
    }
}

void membership_start(struct membership *m, struct turn *t)
{
    const struct config *c = m->config;
    if (c->scope_auto)
        membership_add_scope(m, BYTES(COPPICE_SCOPE), t);
    for (size_t i = 0; i < c->scope_count; i++)
        membership_add_scope(m, buf_bytes(&c->scopes[i]), t);
    for (size_t i = 0; i < c->replica_count; i++)
        add_configured(m, i, t);
}

/* --- nodes -------------------------------------------------------------------------- */

void membership_learned(struct membership *m, struct bytes node, struct turn *t)
{
    m->settled = false;
    /* Its scopes may have greeted ours before. */
    for (struct process *p = NULL; (p = replica_next(m->table, p)) != NULL;)
        introduce_all(m, p, node, t);
    for (size_t i = 0; i < m->scope_count; i++)
        meet(m, m->scopes[i], node, t);
    pubsub_learned(m->pubsub, node, t);
}

void membership_down(struct membership *m, struct bytes node, struct turn *t)
{
    m->settled = false;
    for (size_t i = 0; i < m->scope_count; i++)
        pg_forget(m->scopes[i], node, t);
    pubsub_down(m->pubsub, node, t);
}

void membership_unsettle(struct membership *m)
{
    m->settled = false;
}

bool membership_is_settled(const struct membership *m)
{
    return m->settled;
}

bool membership_knows(const struct membership *m, struct bytes node)
{
    if (!learning_is_otp(m->learning, node))
        return true;
    for (size_t i = 0; i < m->scope_count; i++)
        if (!pg_settled(m->scopes[i], node))
            return false;
    return pubsub_knows(m->pubsub, node);
}

void membership_put_pubsub(const struct membership *m, struct buf *out)
{
    pubsub_put_status(m->pubsub, out);
}

void membership_settle(struct membership *m, bool known, struct turn *t)
{
    m->settled = known;
    if (known == m->told_known && !(known && m->has_new_ones))
        return;
    m->told_known = known;
    m->has_new_ones &= !known;
    for (struct process *p = NULL; (p = replica_next(m->table, p)) != NULL;)
        replica_settled(p, known, t);
}
