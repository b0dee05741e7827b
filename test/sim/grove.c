#include "crdt/crdt.h"
#include "mem.h"
#include "otp/gen.h"
#include "pg/pg.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/write.h"
#include "world.h"

/* A BEAM that runs Grove, modelled on Grove's documentation.
 *
 * A server has one CRDT, and collects its own callers' changes in a delta.  On its sync timer it
 * sends the delta to the current members of the group, and discards it.  It merges the deltas it
 * receives, and passes none on.  It never resends, never asks for anything and has no disk: after
 * a restart it is empty, as the same actor.
 *
 * Its node is one of ours, without a replica, and with the scope registered by name: on the wire
 * that is a BEAM with the pg of OTP 25.  The two processes here are what Grove adds.  They are as
 * strict as the real ones: a message that would crash those is a violation. */

#define SERVER_MODULE "Elixir.Grove.Replication.Server"
#define MEMBERSHIP    "Elixir.Grove.Cluster.Membership"

struct grove {
    struct sim *sim;
    unsigned node;
    struct crdt_options options;
    struct buf actor, group;
    struct crdt *crdt, *delta;
    uint64_t changes; /* see grove_changes() */
};

bool sim_is_beam(const struct sim *s, unsigned node)
{
    return node < s->options.nodes && node >= s->options.nodes - s->options.beams;
}

static struct process *server_on(const struct sim *s, unsigned node)
{
    struct node *n = s->nodes[node].node;
    struct processes *all = sim_is_beam(s, node) && n != NULL ? node_processes(n) : NULL;
    return all != NULL ? process_named(all, BYTES("counter")) : NULL;
}

const struct crdt *grove_crdt(const struct process *server)
{
    const struct grove *g = process_self(server);
    return g->crdt;
}

uint64_t grove_changes(const struct process *server)
{
    const struct grove *g = process_self(server);
    return g->changes;
}

static _Noreturn void crashed(struct sim *s, const struct process *p, struct bytes message)
{
    struct buf text = {0};
    trace_term(&text, message);
    sim_violated(s, "this would crash the %s of %.*s: %.*s", process_kind(p)->module,
                 SLICE(processes_node(process_table(p))), SLICE(text));
}

/* --- the server: deltas ----------------------------------------------------------- */

struct broadcast {
    struct process *server;
    struct bytes message;
    struct turn *turn;
};

static void send_to(void *who, struct bytes pid)
{
    const struct broadcast *b = who;
    if (!bytes_equal(pid, process_pid(b->server)))
        turn_send(b->turn, process_pid(b->server), pid, b->message);
}

/* Grove since 0.2 judges a delta by its value: a delta that only removes has the value of an
 * empty CRDT. */
static bool has_value(const struct grove *g)
{
    struct crdt *nothing = crdt_make(g->crdt->type, &g->options);
    struct buf none = {0}, value = {0};
    crdt_value(nothing, &none);
    crdt_value(g->delta, &value);
    bool same = bytes_equal(buf_bytes(&none), buf_bytes(&value));
    crdt_free(nothing);
    buf_free(&none);
    buf_free(&value);
    return !same;
}

static void sync(struct process *p, struct process *scope, struct turn *t)
{
    struct grove *g = process_self(p);
    struct buf message = {0};
    if (crdt_empty(g->delta) || (g->sim->options.withholds && !has_value(g)))
        return;
    put_tuple(&message, 3);
    put_atom(&message, "grove_delta");
    crdt_state(g->delta, &message);
    put_term(&message, process_pid(p));
    if (g->sim->options.pubsub)
        pubsub_broadcast(p, buf_bytes(&message), t);
    else
        pg_members(scope, buf_bytes(&g->group), send_to,
                   &(struct broadcast){p, buf_bytes(&message), t});
    buf_free(&message);
    crdt_free(g->delta);
    g->delta = crdt_make(g->crdt->type, &g->options);
}

/* The first wake-up joins the group, or the topic. */
static void server_wake(struct process *p, struct turn *t)
{
    const struct grove *g = process_self(p);
    struct process *scope = process_named(process_table(p), BYTES(GROVE_SCOPE));
    if (g->sim->options.pubsub)
        pubsub_join(p, t);
    else
        pg_join(scope, buf_bytes(&g->group), process_pid(p), t);
    sync(p, scope, t);
    process_wake_at(p, t->now_ms + g->sim->options.sync_ms);
}

static void server_message(struct process *p, struct bytes message, struct turn *t)
{
    (void)t;
    struct grove *g = process_self(p);
    struct etf_in in = etf_open(message);
    bool changed;
    etf_tuple_of(&in, 3);
    etf_expect(&in, "grove_delta");
    struct bytes delta = etf_any(&in);
    if (etf_peek(&in) != ETF_PID || crdt_merge(g->crdt, delta, NULL, &changed) != OK)
        crashed(g->sim, p, message);
    g->changes += changed;
}

static void server_state(const struct process *p, struct buf *out)
{
    crdt_state(grove_crdt(p), out);
}

static void server_free(void *self)
{
    struct grove *g = self;
    crdt_free(g->crdt);
    crdt_free(g->delta);
    buf_free(&g->actor);
    buf_free(&g->group);
    mem_free(g);
}

static const struct process_kind server_kind = {
    .module = SERVER_MODULE,
    .message = server_message,
    .wake = server_wake,
    .state = server_state,
    .free = server_free,
};

/* --- rex: Grove's functions, for other nodes ---------------------------------------- */

/* A reply that is not due yet. */
struct late {
    struct late *next;
    uint64_t due_ms;
    struct buf from, reply;
};

struct rex {
    struct sim *sim;
    struct late *first, **end;
};

/* {ok, State} if args names the running server. */
static void state_of(struct process *rex, struct bytes args, struct buf *out)
{
    struct etf_in in = etf_open(args);
    struct buf pid = {0};
    struct bytes head, tail;
    bool one = etf_cons(&in, &head, &tail) && canon_put(&pid, head) == OK;
    const struct process *p = one ? process_of_pid(process_table(rex), buf_bytes(&pid)) : NULL;
    buf_free(&pid);
    if (p != NULL && process_kind(p) != &server_kind)
        crashed(((struct rex *)process_self(rex))->sim, p, args);
    put_tuple(out, 2);
    if (p != NULL) {
        put_atom(out, "ok");
        server_state(p, out);
        return;
    }
    put_atom(out, "badrpc");
    put_tuple(out, 2);
    put_atom(out, "EXIT");
    put_atom(out, "noproc");
}

static bool is_function(struct bytes module, struct bytes function, const char *m, const char *f)
{
    struct etf_in at_module = etf_open(module), at_function = etf_open(function);
    return etf_accept(&at_module, m) && etf_accept(&at_function, f);
}

static void late_drop(struct rex *rex)
{
    struct late *late = rex->first;
    rex->first = late->next;
    if (rex->first == NULL)
        rex->end = &rex->first;
    buf_free(&late->from);
    buf_free(&late->reply);
    mem_free(late);
}

/* Takes ownership of the reply. */
static void rex_answer(struct process *p, struct bytes from, struct buf *reply, struct turn *t)
{
    struct rex *rex = process_self(p);
    struct late *late = mem_take(sizeof(*late));
    *late = (struct late){.due_ms = t->now_ms + rex->sim->options.rex_ms, .reply = *reply};
    buf_put(&late->from, from);
    *rex->end = late;
    rex->end = &late->next;
    process_wake_at(p, rex->first->due_ms);
}

static void rex_message(struct process *p, struct bytes message, struct turn *t)
{
    const struct rex *rex = process_self(p);
    struct gen_message m = gen_read(message);
    struct etf_in in = etf_open(m.request);
    struct buf reply = {0};
    etf_tuple_of(&in, 5);
    etf_expect(&in, "call");
    struct bytes module = etf_any(&in), function = etf_any(&in), args = etf_any(&in);
    etf_expect(&in, "user");
    if (m.kind != GEN_CALL || in.err != OK)
        crashed(rex->sim, p, message);
    if (is_function(module, function, SERVER_MODULE, "state"))
        state_of(p, args, &reply);
    else if (is_function(module, function, MEMBERSHIP, "scope"))
        put_atom(&reply, GROVE_SCOPE);
    else if (!pubsub_rex(p, &(struct sim_function){module, function, args}, &reply))
        fun_put_undef(&reply, module, function);
    rex_answer(p, m.from, &reply, t);
}

static void rex_wake(struct process *p, struct turn *t)
{
    struct rex *rex = process_self(p);
    while (rex->first != NULL && rex->first->due_ms <= t->now_ms) {
        gen_reply(p, buf_bytes(&rex->first->from), buf_bytes(&rex->first->reply), t);
        late_drop(rex);
    }
    if (rex->first != NULL)
        process_wake_at(p, rex->first->due_ms);
}

static void rex_state(const struct process *p, struct buf *out)
{
    (void)p;
    put_nil(out);
}

static void rex_free(void *self)
{
    struct rex *rex = self;
    while (rex->first != NULL)
        late_drop(rex);
    mem_free(rex);
}

static const struct process_kind rex_kind = {.module = "rpc",
                                             .message = rex_message,
                                             .wake = rex_wake,
                                             .state = rex_state,
                                             .free = rex_free};

/* --- starting ------------------------------------------------------------------------- */

void grove_start(struct sim *s, unsigned node)
{
    struct processes *all = node_processes(s->nodes[node].node);
    if (!sim_is_beam(s, node) || all == NULL || server_on(s, node) != NULL)
        return;
    struct grove *g = mem_take(sizeof(*g));
    char actor[] = {'n', (char)('1' + node), '\0'};
    g->sim = s;
    g->node = node;
    g->changes = 1;
    put_atom(&g->actor, actor);
    put_atom(&g->group, "counter");
    g->options = (struct crdt_options){.actor = buf_bytes(&g->actor)};
    g->crdt = crdt_make(crdt_type_named(bytes_of(s->options.crdt)), &g->options);
    g->delta = crdt_make(g->crdt->type, &g->options);
    struct process *server = process_start(all, &server_kind, g, BYTES("counter"));
    struct rex *rex = mem_take(sizeof(*rex));
    *rex = (struct rex){.sim = s, .end = &rex->first};
    must(server != NULL && process_start(all, &rex_kind, rex, BYTES("rex")) != NULL);
    if (s->options.pubsub)
        pubsub_start(s, all);
    process_wake_at(server, s->now_ms);
}

/* --- local calls ------------------------------------------------------------------------ */

static enum err run_ops(struct grove *g, const struct ops *ops)
{
    struct mutation_turn t = {.wall_ms = world_wall_ms(g->sim, g->node),
                              .random = world_random(g->sim),
                              .delta = g->delta};
    return crdt_mutate(g->crdt, ops->list, ops->count, &t);
}

/* &Mod.name/1 */
static enum err run_export(struct grove *g, struct etf_in *in)
{
    struct ops ops;
    struct atom name;
    struct etf_in function = etf_open(etf_export(in).function);
    etf_atom(&function, &name);
    ops_single(&ops, (struct bytes){name.text, name.len});
    enum err e = run_ops(g, &ops);
    ops_free(&ops);
    return e;
}

static enum err run_fun(struct grove *g, unsigned node, struct bytes fun)
{
    struct buf state = {0}, made = {0};
    bool changed;
    crdt_state(g->crdt, &state);
    fun_apply(g->sim, node, fun, buf_bytes(&state), &made);
    enum err e = crdt_merge(g->crdt, buf_bytes(&made), g->delta, &changed);
    buf_free(&state);
    buf_free(&made);
    return e;
}

static enum err run_change(struct grove *g, unsigned node, struct bytes change)
{
    struct ops ops;
    struct bytes bad;
    struct etf_in in = etf_open(change);
    if (etf_peek(&in) == ETF_EXPORT)
        return run_export(g, &in);
    if (etf_peek(&in) == ETF_FUN)
        return run_fun(g, node, change);
    enum err e = ops_read(&ops, change, &bad);
    if (e != OK)
        return e;
    e = run_ops(g, &ops);
    ops_free(&ops);
    return e;
}

/* {mutate, Change}, and the other requests of that form. */
static void mutate(struct grove *g, unsigned node, struct bytes request, struct buf *reply)
{
    struct etf_in in = etf_open(request);
    etf_tuple_of(&in, 2);
    etf_any(&in);
    enum err e = run_change(g, node, etf_any(&in));
    g->changes++;
    if (e != OK) {
        put_tuple(reply, 2);
        put_atom(reply, "error");
    }
    put_atom(reply, e == OK ? "ok" : "refused");
}

bool grove_call(struct sim *s, unsigned node, struct bytes request, struct buf *reply)
{
    struct process *p = server_on(s, node);
    if (p == NULL)
        return false;
    struct grove *g = process_self(p);
    struct etf_in in = etf_open(request);
    bool value = etf_accept(&in, "value");
    if (value || etf_accept(&in, "state")) {
        put_tuple(reply, 2);
        put_atom(reply, "ok");
        (value ? crdt_value : crdt_state)(g->crdt, reply);
    } else if (etf_accept(&in, "sync_now")) {
        put_atom(reply, "ok");
        process_wake_at(p, s->now_ms);
        s->nodes[node].due_ms = node_due(s->nodes[node].node);
    } else {
        mutate(g, node, request, reply);
    }
    return true;
}
