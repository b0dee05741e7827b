#include "pubsub.h"

#include "../limits.h"
#include "../mem.h"
#include "../otp/gen.h"
#include "../otp/names.h"
#include "../pg/pg.h"
#include "../replica/replica.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "asker.h"
#include "groups.h"

#define SCOPE "Elixir.Phoenix.PubSub"

/* One pubsub. */
struct system {
    struct buf
        adapter; /* first: names.h.  The name of its first process, and of that one's group */
    struct term name;
    struct pubsub *pubsub;
    size_t replicas;                            /* at least one */
    struct process *workers[LIMIT_PUBSUB_POOL]; /* NULL where its name was taken */
    size_t pool;                                /* as large as it should be */
    size_t running;                             /* as large as it is */
};

struct pubsub {
    struct processes *table;
    const struct learning *learning;
    struct process *scope; /* NULL while there are no replicas with a pubsub */
    struct names systems;
    struct groups topics; /* by topic_key() */
    bool stopping;
    uint64_t restarts; /* of killed processes */
};

struct pubsub *pubsub_new(struct processes *table, const struct learning *learning)
{
    struct pubsub *ps = mem_take(sizeof(*ps));
    *ps = (struct pubsub){.table = table,
                          .learning = learning,
                          .topics.seed = processes_seed(table),
                          .systems.secret = processes_seed(table)};
    return ps;
}

void pubsub_free(struct pubsub *ps)
{
    for (size_t i = 0; i < ps->systems.count; i++)
        term_free(&((struct system *)ps->systems.list[i])->name);
    names_free(&ps->systems);
    groups_free(&ps->topics);
    mem_free(ps);
}

void pubsub_stop(struct pubsub *ps)
{
    ps->stopping = true;
}

/* --- names -------------------------------------------------------------------------- */

static bool begins_with(struct bytes text, struct bytes start)
{
    return text.len >= start.len && bytes_equal((struct bytes){text.at, start.len}, start);
}

/* Elixir's Module.concat(name, "Adapter"). */
static void put_adapter(struct buf *out, struct bytes pubsub)
{
    if (!begins_with(pubsub, BYTES("Elixir.")))
        buf_put(out, BYTES("Elixir."));
    buf_put(out, pubsub);
    buf_put(out, BYTES(".Adapter"));
}

/* Of process i of the pool, from 0 on. */
static void put_worker_name(const struct system *s, size_t i, struct buf *out)
{
    buf_put(out, buf_bytes(&s->adapter));
    if (i > 0)
        buf_printf(out, "_%zu", i + 1);
}

static void put_worker_group(const struct system *s, size_t i, struct buf *out)
{
    struct buf name = {0};
    put_worker_name(s, i, &name);
    put_atom_bytes(out, buf_bytes(&name));
    buf_free(&name);
}

static struct bytes replica_pubsub(const struct process *replica)
{
    const struct term *name = &replica_options(replica)->pubsub;
    return name->len > 0 ? atom_text(term_bytes(name)) : (struct bytes){0};
}

static struct system *system_of(const struct pubsub *ps, const struct process *replica)
{
    struct buf adapter = {0};
    struct bytes name = replica_pubsub(replica);
    if (name.len > 0)
        put_adapter(&adapter, name);
    struct system *s = name.len > 0 ? names_find(&ps->systems, buf_bytes(&adapter)) : NULL;
    buf_free(&adapter);
    return s;
}

/* The pool's number in NAME_N, from 2 on, and NAME without it; 1 for any other name. */
static size_t split_number(struct bytes *name)
{
    size_t number = 0, factor = 1, at = name->len;
    while (at > 0 && name->at[at - 1] >= '0' && name->at[at - 1] <= '9' && factor <= 10000) {
        number += factor * (size_t)(name->at[--at] - '0');
        factor *= 10;
    }
    if (at == 0 || at == name->len || name->at[at - 1] != '_' || number < 2)
        return 1;
    name->len = at - 1;
    return number;
}

/* The pubsub with a process in this group (a term), and the process's number there, from 1 on; NULL
 * for groups of other pubsubs. */
static struct system *system_of_group(const struct pubsub *ps, struct bytes group, size_t *number)
{
    struct etf_in in = etf_open(group);
    *number = 1;
    if (etf_peek(&in) != ETF_ATOM)
        return NULL;
    struct bytes name = atom_text(group);
    struct system *s = names_find(&ps->systems, name);
    if (s != NULL)
        return s;
    *number = split_number(&name);
    return *number > 1 ? names_find(&ps->systems, name) : NULL;
}

/* --- messages to the replicas -------------------------------------------------------- */

static void put_topic_key(const struct system *s, struct bytes topic, struct buf *out)
{
    buf_put(out, buf_bytes(&s->adapter));
    buf_put_u8(out, 0);
    buf_put(out, topic);
}

static void deliver(const struct system *s, struct bytes topic, struct bytes message,
                    struct turn *t)
{
    struct buf key = {0};
    struct process *p;
    put_topic_key(s, topic, &key);
    for (size_t i = 0; (p = groups_at(&s->pubsub->topics, buf_bytes(&key), i)) != NULL; i++)
        process_deliver(p, message, t);
    buf_free(&key);
}

/* {forward_to_local, Topic, Message, Dispatcher}.  Everything else is passed over, as by the
 * adapter, and so are messages that are nothing to a replica: others share its topics. */
static void worker_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message gen = gen_read(message);
    struct etf_in in = etf_open(message);
    if (gen.kind == GEN_CALL) {
        gen_reply_unknown(p, gen.from, gen.request, t);
        return;
    }
    if (etf_peek(&in) != ETF_TUPLE || etf_tuple(&in) != 4 || !etf_accept(&in, "forward_to_local"))
        return;
    struct bytes topic = etf_binary(&in), forwarded = etf_any(&in);
    if (in.err == OK && replica_is_delta(forwarded))
        deliver(process_self(p), topic, forwarded, t);
}

/* --- the processes ---------------------------------------------------------------------- */

static void grow(struct system *s, struct turn *t);

/* Not at once: a group is told of in the midst of a change of the scope. */
static void worker_wake(struct process *p, struct turn *t)
{
    grow(process_self(p), t);
}

static const struct process_kind worker_kind = {
    .module = "coppice_pubsub",
    .message = worker_message,
    .wake = worker_wake,
    .state = asker_state,
    .free = asker_free,
};

static void start_worker(struct system *s, size_t i, struct turn *t)
{
    struct pubsub *ps = s->pubsub;
    struct buf name = {0}, group = {0};
    put_worker_name(s, i, &name);
    put_worker_group(s, i, &group);
    s->workers[i] = process_start(ps->table, &worker_kind, s, buf_bytes(&name));
    if (s->workers[i] == NULL)
        turn_log(t, LOG_ERROR,
                 "the adapter %.*s cannot start: its name is taken by a replica: give that one "
                 "another name",
                 TEXT(name));
    else if (ps->scope != NULL)
        pg_join(ps->scope, buf_bytes(&group), process_pid(s->workers[i]), t);
    buf_free(&name);
    buf_free(&group);
}

static void grow(struct system *s, struct turn *t)
{
    while (s->running < s->pool)
        start_worker(s, s->running++, t);
}

static void end_process(struct process *p, struct turn *t)
{
    struct buf reason = {0};
    put_atom(&reason, "shutdown");
    if (p != NULL)
        process_exit(p, buf_bytes(&reason), t);
    buf_free(&reason);
}

/* --- the processes of other nodes ---------------------------------------------------------- */

static bool is_first_of_beam(const struct pubsub *ps, size_t number, struct bytes pid)
{
    return number == 1 && learning_is_beam(ps->learning, node_of(pid)) &&
           !learning_is_open(ps->learning, node_of(pid));
}

static void on_joined(void *who, struct process *scope, struct bytes group, struct bytes pid,
                      struct turn *t)
{
    (void)scope;
    const struct pubsub *ps = who;
    size_t number;
    struct system *s = system_of_group(ps, group, &number);
    if (s == NULL || number > LIMIT_PUBSUB_POOL)
        return;
    if (number > s->pool && s->workers[0] != NULL) {
        s->pool = number;
        process_wake_at(s->workers[0], t->now_ms);
    }
    if (!is_first_of_beam(ps, number, pid))
        return;
    for (struct process *p = NULL; (p = replica_next(ps->table, p)) != NULL;)
        if (system_of(ps, p) == s)
            replica_adapter_joined(p, pid, t);
}

static void on_left(void *who, struct process *scope, struct bytes group, struct bytes pid,
                    struct turn *t)
{
    (void)scope;
    const struct pubsub *ps = who;
    size_t number;
    const struct system *s = system_of_group(ps, group, &number);
    if (s == NULL || number != 1)
        return;
    for (struct process *p = NULL; (p = replica_next(ps->table, p)) != NULL;)
        if (system_of(ps, p) == s)
            replica_left(p, pid, t);
}

/* A replica that is told of the processes on a node, or on all. */
struct introduction {
    const struct pubsub *pubsub;
    struct process *replica;
    struct bytes node; /* empty: all */
    struct turn *turn;
};

static void introduce(void *who, struct bytes pid)
{
    const struct introduction *i = who;
    if ((i->node.len == 0 || bytes_equal(node_of(pid), i->node)) &&
        is_first_of_beam(i->pubsub, 1, pid))
        replica_adapter_joined(i->replica, pid, i->turn);
}

static void introduce_all(const struct pubsub *ps, struct process *replica, struct bytes node,
                          struct turn *t)
{
    const struct system *s = system_of(ps, replica);
    struct introduction i = {ps, replica, node, t};
    struct buf group = {0};
    if (s == NULL || ps->scope == NULL)
        return;
    put_atom_bytes(&group, buf_bytes(&s->adapter));
    pg_let_leave(ps->scope, buf_bytes(&group), t);
    pg_members(ps->scope, buf_bytes(&group), introduce, &i);
    buf_free(&group);
}

/* --- start and end --------------------------------------------------------------------------- */

/* The adapters that run join it. */
static void rejoin(const struct pubsub *ps, struct turn *t)
{
    for (size_t i = 0; i < ps->systems.count; i++) {
        const struct system *s = ps->systems.list[i];
        for (size_t k = 0; k < s->running; k++) {
            struct buf group = {0};
            put_worker_group(s, k, &group);
            if (s->workers[k] != NULL)
                pg_join(ps->scope, buf_bytes(&group), process_pid(s->workers[k]), t);
            buf_free(&group);
        }
    }
}

static void scope_start(struct pubsub *ps, struct turn *t)
{
    const struct pg_listener listener = {on_joined, on_left, ps};
    ps->scope = pg_start(ps->table, BYTES(SCOPE), &listener, t);
    if (ps->scope == NULL) {
        turn_log(t, LOG_ERROR,
                 "the pg scope " SCOPE
                 " cannot start: its name is taken by a replica: give that one another name");
        return;
    }
    for (struct bytes node = {0}; learning_next(ps->learning, &node);)
        pg_meet(ps->scope, node, learning_pg_version(ps->learning, node), t);
    rejoin(ps, t);
}

static struct system *system_add(struct pubsub *ps, struct bytes name, struct turn *t)
{
    struct buf adapter = {0};
    put_adapter(&adapter, atom_text(name));
    struct system *s = names_add(&ps->systems, buf_bytes(&adapter), sizeof(*s));
    buf_free(&adapter);
    s->name = term_copy(name);
    s->pubsub = ps;
    s->pool = 1;
    grow(s, t);
    return s;
}

static void system_end(struct pubsub *ps, struct system *s, struct turn *t)
{
    struct process *workers[LIMIT_PUBSUB_POOL];
    size_t running = s->running;
    for (size_t i = 0; i < running; i++)
        workers[i] = s->workers[i];
    term_free(&s->name);
    names_remove(&ps->systems, s);
    for (size_t i = 0; i < running; i++) {
        if (workers[i] != NULL && ps->scope != NULL)
            pg_leave_all(ps->scope, process_pid(workers[i]), t);
        end_process(workers[i], t);
    }
}

/* The scope goes with the last pubsub: to others, a node without one has no such scope. */
static void scope_end(struct pubsub *ps, struct turn *t)
{
    struct process *scope = ps->scope;
    ps->scope = NULL;
    end_process(scope, t);
}

static void note_member(void *who, struct bytes pid)
{
    (void)pid;
    bool *any = who;
    *any = true;
}

/* The size of the pool, as far as it is known already. */
static void learn_pool(struct system *s, struct turn *t)
{
    for (size_t i = 1; i < LIMIT_PUBSUB_POOL && s->pubsub->scope != NULL; i++) {
        struct buf group = {0};
        bool any = false;
        put_worker_group(s, i, &group);
        pg_members(s->pubsub->scope, buf_bytes(&group), note_member, &any);
        if (any)
            s->pool = i + 1;
        buf_free(&group);
    }
    grow(s, t);
}

void pubsub_add(struct pubsub *ps, struct process *replica, struct turn *t)
{
    const struct replica_options *o = replica_options(replica);
    struct buf key = {0};
    if (o->pubsub.len == 0)
        return;
    if (ps->scope == NULL)
        scope_start(ps, t);
    struct system *s = system_of(ps, replica);
    if (s == NULL) {
        s = system_add(ps, term_bytes(&o->pubsub), t);
        learn_pool(s, t);
    }
    s->replicas++;
    put_topic_key(s, buf_bytes(&o->topic), &key);
    groups_add(&ps->topics, buf_bytes(&key), replica);
    buf_free(&key);
    introduce_all(ps, replica, (struct bytes){0}, t);
}

void pubsub_remove(struct pubsub *ps, struct process *replica, struct turn *t)
{
    struct system *s = system_of(ps, replica);
    struct buf key = {0};
    if (s == NULL)
        return;
    put_topic_key(s, buf_bytes(&replica_options(replica)->topic), &key);
    groups_remove(&ps->topics, buf_bytes(&key), replica);
    buf_free(&key);
    if (--s->replicas > 0 || ps->stopping)
        return;
    system_end(ps, s, t);
    if (ps->systems.count == 0)
        scope_end(ps, t);
}

static bool worker_ended(struct pubsub *ps, const struct process *p, struct turn *t)
{
    for (size_t i = 0; i < ps->systems.count; i++) {
        struct system *s = ps->systems.list[i];
        for (size_t k = 0; k < s->running; k++)
            if (s->workers[k] == p) {
                if (log_is_due(&ps->restarts))
                    turn_log(t, LOG_WARNING, "adapter %.*s ended; restarting it (%llu so far)",
                             TEXT(process_name(p)), (unsigned long long)ps->restarts);
                if (ps->scope != NULL)
                    pg_leave_all(ps->scope, process_pid(p), t);
                start_worker(s, k, t);
                return true;
            }
    }
    return false;
}

bool pubsub_ended(struct pubsub *ps, struct process *p, struct turn *t)
{
    if (ps->stopping)
        return false;
    if (p != ps->scope)
        return worker_ended(ps, p, t);
    if (log_is_due(&ps->restarts))
        turn_log(t, LOG_WARNING, "pg scope " SCOPE " ended; restarting it (%llu so far)",
                 (unsigned long long)ps->restarts);
    scope_start(ps, t);
    return true;
}

/* --- nodes --------------------------------------------------------------------------------------
 */

void pubsub_learned(struct pubsub *ps, struct bytes node, struct turn *t)
{
    if (ps->scope == NULL)
        return;
    for (struct process *p = NULL; (p = replica_next(ps->table, p)) != NULL;)
        introduce_all(ps, p, node, t);
    pg_meet(ps->scope, node, learning_pg_version(ps->learning, node), t);
}

void pubsub_down(struct pubsub *ps, struct bytes node, struct turn *t)
{
    if (ps->scope != NULL)
        pg_forget(ps->scope, node, t);
}

bool pubsub_knows(const struct pubsub *ps, struct bytes node)
{
    return ps->scope == NULL || pg_settled(ps->scope, node);
}

void pubsub_put_status(const struct pubsub *ps, struct buf *out)
{
    put_map(out, (uint32_t)ps->systems.count);
    for (size_t i = 0; i < ps->systems.count; i++) {
        const struct system *s = ps->systems.list[i];
        put_term(out, term_bytes(&s->name));
        put_map(out, 2);
        put_atom(out, "pool");
        put_uint(out, s->running);
        put_atom(out, "replicas");
        put_uint(out, s->replicas);
    }
}
