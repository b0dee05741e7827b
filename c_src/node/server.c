#include "../dist/flags.h"
#include "../mem.h"
#include "../otp/gen.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "inside.h"

/* The process registered as `coppice`: what the node itself is asked.
 *
 *     replicas                      {ok, [Name]}
 *     status                        {ok, Map}
 *     peers                         {ok, [Node]}
 *     {start_replica, Name, Map}    {ok, Pid} | {error, Reason}
 *     {stop_replica, Name}          ok | {error, not_found}
 *     {connect, Node}               ok | {error, bad_node} */

static size_t count_replicas(struct node *n)
{
    size_t count = 0;
    for (struct process *p = NULL; (p = processes_next(n->processes, p)) != NULL;)
        count += replica_is(p);
    return count;
}

static void put_replica_names(struct node *n, struct buf *out)
{
    size_t count = count_replicas(n);
    if (count > 0)
        put_list(out, (uint32_t)count);
    for (struct process *p = NULL; (p = processes_next(n->processes, p)) != NULL;)
        if (replica_is(p))
            put_atom_bytes(out, process_name(p));
    put_nil(out);
}

static void put_scope_names(const struct node *n, struct buf *out)
{
    if (n->scope_count > 0)
        put_list(out, (uint32_t)n->scope_count);
    for (size_t i = 0; i < n->scope_count; i++)
        put_atom_bytes(out, process_name(n->scopes[i]));
    put_nil(out);
}

static uint32_t count_peers(const struct node *n)
{
    uint32_t up = 0;
    for (size_t i = 0; i < n->peer_count; i++)
        up += n->peers[i]->up != NULL;
    return up;
}

/* Those that are connected, and no others: follow.c says why. */
static void put_peer_names(const struct node *n, struct buf *out)
{
    uint32_t up = count_peers(n);
    if (up > 0)
        put_list(out, up);
    for (size_t i = 0; i < n->peer_count; i++)
        if (n->peers[i]->up != NULL)
            put_atom_bytes(out, buf_bytes(&n->peers[i]->name));
    put_nil(out);
}

static void put_peer(const struct peer *p, struct buf *out)
{
    uint64_t flags = channel_flags(p->up->channel);
    put_map(out, 5);
    put_atom(out, "beam");
    put_bool(out, p->learned.beam);
    put_atom(out, "creation");
    put_uint(out, channel_peer_creation(p->up->channel));
    put_atom(out, "pg_version");
    put_uint(out, p->learned.pg);
    put_atom(out, "queued_bytes");
    put_uint(out, p->up->queued);
    put_atom(out, "visible");
    put_bool(out, (flags & DFLAG_PUBLISHED) != 0);
}

static void put_peers(const struct node *n, struct buf *out)
{
    put_map(out, count_peers(n));
    for (size_t i = 0; i < n->peer_count; i++) {
        if (n->peers[i]->up == NULL)
            continue;
        put_atom_bytes(out, buf_bytes(&n->peers[i]->name));
        put_peer(n->peers[i], out);
    }
}

static void put_replicas(struct node *n, struct buf *out)
{
    put_map(out, (uint32_t)count_replicas(n));
    for (struct process *p = NULL; (p = processes_next(n->processes, p)) != NULL;) {
        if (!replica_is(p))
            continue;
        put_atom_bytes(out, process_name(p));
        replica_status(p, out);
    }
}

/* Not canonical as it is built (replicas stand in order of their start). */
static void put_node_status(struct node *n, struct buf *out)
{
    struct buf map = {0};
    put_map(&map, 8);
    put_atom(&map, "address");
    put_binary(&map, buf_bytes(&n->config->address));
    put_atom(&map, "creation");
    put_uint(&map, n->self.creation);
    put_atom(&map, "node");
    put_atom_bytes(&map, n->self.name);
    put_atom(&map, "peers");
    put_peers(n, &map);
    put_atom(&map, "port");
    put_uint(&map, n->port);
    put_atom(&map, "registered");
    put_bool(&map, n->registered);
    put_atom(&map, "replicas");
    put_replicas(n, &map);
    put_atom(&map, "scopes");
    put_scope_names(n, &map);
    enum err e = canon_put(out, buf_bytes(&map));
    must(e == OK);
    buf_free(&map);
}

static void reply_error_text(struct process *p, struct bytes from, const char *reason,
                             const char *what, struct turn *t)
{
    struct buf error = {0};
    put_tuple(&error, 2);
    put_atom(&error, reason);
    put_binary(&error, bytes_of(what));
    gen_reply_error(p, from, buf_bytes(&error), t);
    buf_free(&error);
}

static void reply_error_atom(struct process *p, struct bytes from, const char *reason,
                             struct turn *t)
{
    struct buf error = {0};
    put_atom(&error, reason);
    gen_reply_error(p, from, buf_bytes(&error), t);
    buf_free(&error);
}

static void start_replica(struct process *server, struct bytes from, struct etf_in *in,
                          struct turn *t)
{
    struct node *n = process_self(server);
    struct term name = {0}, map = {0};
    struct replica_options options;
    struct options_error error;
    bool canonical = canon_copy(&name, etf_any(in)) == OK && canon_copy(&map, etf_any(in)) == OK;
    if (!canonical) {
        reply_error_text(server, from, "bad_options", err_text(ERR_DUPLICATE), t);
    } else if (replica_options_read(&options, term_bytes(&name), term_bytes(&map), n->self.name,
                                    &error) != OK) {
        reply_error_text(server, from, "bad_options", error.what, t);
    } else {
        struct process *p = membership_add_replica(n, &options);
        if (p == NULL) {
            replica_options_free(&options);
            reply_error_atom(server, from, "name_taken", t);
        } else {
            gen_reply_value(server, from, process_pid(p), t);
        }
    }
    term_free(&name);
    term_free(&map);
}

static void stop_replica(struct process *server, struct bytes from, struct etf_in *in,
                         struct turn *t)
{
    struct node *n = process_self(server);
    struct atom name = {0};
    etf_atom(in, &name);
    struct process *p =
        in->err == OK ? process_named(n->processes, (struct bytes){name.text, name.len}) : NULL;
    if (p == NULL || !replica_is(p)) {
        reply_error_atom(server, from, "not_found", t);
        return;
    }
    struct buf reason = {0};
    put_atom(&reason, "normal");
    process_exit(p, buf_bytes(&reason), t);
    buf_free(&reason);
    gen_reply_ok(server, from, t);
}

static void connect_node(struct process *server, struct bytes from, struct etf_in *in,
                         struct turn *t)
{
    struct node *n = process_self(server);
    struct atom atom = {0};
    etf_atom(in, &atom);
    struct bytes name = {atom.text, atom.len};
    if (in->err != OK || !node_name_valid(name) || bytes_equal(name, n->self.name)) {
        reply_error_atom(server, from, "bad_node", t);
        return;
    }
    peer_want(n, peer_named(n, name));
    gen_reply_ok(server, from, t);
}

static const struct {
    const char *name;
    uint32_t arity; /* of the tuple, its name included */
    void (*handle)(struct process *server, struct bytes from, struct etf_in *in, struct turn *t);
} requests[] = {
    {"start_replica", 3, start_replica},
    {"stop_replica", 2, stop_replica},
    {"connect", 2, connect_node},
};

/* The requests that are tuples; false when it is none of them. */
static bool server_request(struct process *server, const struct gen_message *m, struct turn *t)
{
    struct etf_in in = etf_open(m->request);
    if (etf_peek(&in) != ETF_TUPLE)
        return false;
    uint32_t arity = etf_tuple(&in);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        if (arity == requests[i].arity && etf_accept(&in, requests[i].name)) {
            requests[i].handle(server, m->from, &in, t);
            return true;
        }
    return false;
}

static void server_call(struct process *server, const struct gen_message *m, struct turn *t)
{
    struct node *n = process_self(server);
    struct etf_in in = etf_open(m->request);
    struct buf value = {0};
    if (etf_accept(&in, "replicas"))
        put_replica_names(n, &value);
    else if (etf_accept(&in, "peers"))
        put_peer_names(n, &value);
    else if (etf_accept(&in, "status"))
        put_node_status(n, &value);
    if (value.len > 0)
        gen_reply_value(server, m->from, buf_bytes(&value), t);
    else if (!server_request(server, m, t))
        gen_reply_unknown(server, m->from, m->request, t);
    buf_free(&value);
}

static void server_message(struct process *server, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    if (m.kind == GEN_CALL)
        server_call(server, &m, t);
}

static void server_state(const struct process *server, struct buf *out)
{
    put_node_status(process_self(server), out);
}

static void server_free(void *self)
{
    (void)self; /* the node owns itself */
}

static const struct process_kind server_kind = {
    .module = "coppice_server",
    .message = server_message,
    .state = server_state,
    .free = server_free,
};

void server_start(struct node *n)
{
    n->server = process_start(n->processes, &server_kind, n, BYTES("coppice"));
    must(n->server != NULL);
}
