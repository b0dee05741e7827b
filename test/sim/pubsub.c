#include "otp/gen.h"
#include "pg/pg.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/write.h"
#include "world.h"

/* Phoenix.PubSub on a simulated BEAM: the adapter process, which hands messages on a topic to who
 * is subscribed, and the Registry that knows them.  Subscribed are the Grove server and, as in a
 * Phoenix application, a LiveView, which ends at any question. */

#define TOPIC   "grove:counter"
#define ADAPTER "Elixir.App.PubSub.Adapter"

static struct process *named(const struct process *p, const char *name)
{
    return process_named(process_table(p), bytes_of(name));
}

static struct process *adapter_of(const struct process *p)
{
    return named(p, ADAPTER);
}

/* --- the processes -------------------------------------------------------------------- */

static _Noreturn void crashed(const struct process *p, struct bytes message)
{
    struct buf text = {0};
    trace_term(&text, message);
    sim_violated(process_self(p), "this would crash the %s of %.*s: %.*s", process_kind(p)->module,
                 SLICE(processes_node(process_table(p))), SLICE(text));
}

static void adapter_message(struct process *p, struct bytes message, struct turn *t)
{
    struct etf_in in = etf_open(message);
    etf_tuple_of(&in, 4);
    etf_expect(&in, "forward_to_local");
    struct bytes topic = etf_binary(&in), forwarded = etf_any(&in);
    etf_expect(&in, "Elixir.Phoenix.PubSub");
    if (etf_finish(&in) != OK)
        crashed(p, message);
    if (!bytes_equal(topic, BYTES(TOPIC)))
        return;
    process_deliver(named(p, "counter"), forwarded, t);
    process_deliver(named(p, "view"), forwarded, t);
}

static void view_message(struct process *p, struct bytes message, struct turn *t)
{
    (void)t;
    struct etf_in in = etf_open(message);
    if (etf_tuple(&in) != 3 || !etf_accept(&in, "grove_delta"))
        crashed(p, message);
}

static void no_state(const struct process *p, struct buf *out)
{
    (void)p;
    put_nil(out);
}

static void free_nothing(void *self)
{
    (void)self;
}

static const struct process_kind adapter_kind = {
    .module = "Elixir.Phoenix.PubSub.PG2Worker",
    .message = adapter_message,
    .state = no_state,
    .free = free_nothing,
};

static const struct process_kind view_kind = {
    .module = "Elixir.Phoenix.LiveView.Channel",
    .message = view_message,
    .state = no_state,
    .free = free_nothing,
};

void pubsub_start(struct sim *s, struct processes *table)
{
    must(process_start(table, &adapter_kind, s, BYTES(ADAPTER)) != NULL);
    must(process_start(table, &view_kind, s, BYTES("view")) != NULL);
}

/* --- broadcasts ------------------------------------------------------------------------- */

struct broadcast {
    struct process *server;
    struct bytes message;
    struct turn *turn;
};

static void send_to(void *who, struct bytes pid)
{
    const struct broadcast *b = who;
    const struct process *adapter = adapter_of(b->server);
    if (bytes_equal(pid, process_pid(adapter)))
        process_deliver(named(b->server, "view"), b->message, b->turn);
    struct buf forward = {0};
    put_tuple(&forward, 4);
    put_atom(&forward, "forward_to_local");
    put_binary(&forward, BYTES(TOPIC));
    put_term(&forward, b->message);
    put_atom(&forward, "Elixir.Phoenix.PubSub");
    if (!bytes_equal(pid, process_pid(adapter)))
        turn_send(b->turn, process_pid(b->server), pid, buf_bytes(&forward));
    buf_free(&forward);
}

static void put_group(struct buf *out)
{
    put_atom(out, ADAPTER);
}

void pubsub_join(struct process *server, struct turn *t)
{
    struct buf group = {0};
    put_group(&group);
    pg_join(named(server, PUBSUB_SCOPE), buf_bytes(&group), process_pid(adapter_of(server)), t);
    buf_free(&group);
}

void pubsub_broadcast(struct process *server, struct bytes message, struct turn *t)
{
    struct broadcast b = {server, message, t};
    struct buf group = {0};
    put_group(&group);
    pg_members(named(server, PUBSUB_SCOPE), buf_bytes(&group), send_to, &b);
    buf_free(&group);
}

/* --- what its node is asked ---------------------------------------------------------------- */

/* Both are subscribed. */
static void put_subscribers(const struct process *p, struct buf *reply)
{
    const char *const names[] = {"view", "counter"};
    put_list(reply, 2);
    for (unsigned i = 0; i < 2; i++) {
        put_tuple(reply, 2);
        put_term(reply, process_pid(named(p, names[i])));
        put_atom(reply, "nil");
    }
    put_nil(reply);
}

/* Of a list of pids, [{Module, init, 1}]; args is [Fun, Pids]. */
static void put_initial_calls(const struct process *p, struct bytes args, struct buf *reply)
{
    struct etf_in in = etf_open(args);
    struct bytes fun, pids, pid;
    uint32_t count = 0;
    struct buf calls = {0};
    struct etf_list both = etf_list(&in);
    must(etf_next(&both, &fun) && etf_next(&both, &pids));
    in = etf_open(pids);
    for (struct etf_list l = etf_list(&in); etf_next(&l, &pid); count++) {
        struct buf canonical = {0};
        must(canon_put(&canonical, pid) == OK);
        const struct process *asked = process_of_pid(process_table(p), buf_bytes(&canonical));
        put_tuple(&calls, 3);
        put_atom(&calls, asked != NULL ? process_kind(asked)->module : "proc_lib");
        put_atom(&calls, "init");
        put_int(&calls, 1);
        buf_free(&canonical);
    }
    if (count > 0)
        put_list(reply, count);
    buf_put(reply, buf_bytes(&calls));
    put_nil(reply);
    buf_free(&calls);
}

bool pubsub_rex(const struct process *p, const struct sim_function *f, struct buf *reply)
{
    struct etf_in module = etf_open(f->module), function = etf_open(f->function);
    if (adapter_of(p) == NULL)
        return false;
    if (etf_accept(&module, "Elixir.Registry") && etf_accept(&function, "lookup"))
        put_subscribers(p, reply);
    else if (etf_accept(&module, "lists") && etf_accept(&function, "map"))
        put_initial_calls(p, f->args, reply);
    else
        return false;
    return true;
}
