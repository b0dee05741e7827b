#include "server.h"

#include "../dist/command_name.h"
#include "../dist/flags.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/gen.h"
#include "../otp/names.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "asker.h"
#include "status_report.h"

/* Nanoseconds that a byte of a list of names takes; and that it takes to start a replica and stop
 * it, to dial a node, and to look at one that is wanted. */
#define WORK_BYTE    7
#define WORK_REPLICA 5000
#define WORK_DIAL    20000
#define WORK_WANTED  10

struct server {
    struct server_options options;
    struct process *process;
    struct names wanted; /* of struct wanted */
    struct status_report report;
};

/* A node that {connect, Node} asked for, but no configured one. */
struct wanted {
    struct buf name;
    struct buf by; /* the node that asked first; empty for this one */
};

struct server *server_new(const struct server_options *options)
{
    struct server *s = mem_take(sizeof(*s));
    s->options = *options;
    s->wanted.secret = processes_seed(options->table);
    status_report_open(&s->report, &s->options);
    return s;
}

void server_free(struct server *s)
{
    for (size_t i = 0; i < s->wanted.count; i++)
        buf_free(&((struct wanted *)s->wanted.list[i])->by);
    names_free(&s->wanted);
    status_report_close(&s->report);
    mem_free(s);
}

bool server_wants(const struct server *s, struct bytes node)
{
    return names_find(&s->wanted, node) != NULL;
}

const struct server_options *server_parts(const struct server *s)
{
    return &s->options;
}

/* --- requests ------------------------------------------------------------------ */

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

/* Takes *options over when it succeeds. */
static void start_checked(struct process *server, struct bytes from,
                          struct replica_options *options, struct turn *t)
{
    const struct server *s = process_self(server);
    struct options_error error;
    if (membership_check_replica(s->options.membership, options, &error) != OK) {
        reply_error_text(server, from, "bad_options", error.what, t);
        replica_options_free(options);
        return;
    }
    if (!membership_may_start(s->options.membership, t->node)) {
        reply_error_atom(server, from, "limit", t);
        replica_options_free(options);
        return;
    }
    buf_put(&options->by, t->node);
    struct process *p = membership_add_replica(s->options.membership, options, t);
    turn_worked(t, WORK_REPLICA);
    if (p == NULL) {
        replica_options_free(options);
        reply_error_atom(server, from, "name_taken", t);
    } else {
        gen_reply_value(server, from, process_pid(p), t);
    }
}

static void start_replica(struct process *server, struct bytes from, struct etf_in *in,
                          struct turn *t)
{
    const struct server *s = process_self(server);
    struct term name = {0}, map = {0};
    struct replica_options options;
    struct options_error error;
    bool canonical = canon_copy(&name, etf_any(in)) == OK && canon_copy(&map, etf_any(in)) == OK;
    if (!canonical)
        reply_error_text(server, from, "bad_options", err_text(ERR_DUPLICATE), t);
    else if (replica_options_read(&options, term_bytes(&name), term_bytes(&map),
                                  processes_node(s->options.table), &error) != OK)
        reply_error_text(server, from, "bad_options", error.what, t);
    else
        start_checked(server, from, &options, t);
    term_free(&name);
    term_free(&map);
}

static void stop_replica(struct process *server, struct bytes from, struct etf_in *in,
                         struct turn *t)
{
    const struct server *s = process_self(server);
    struct atom name = {0};
    etf_atom(in, &name);
    struct process *p =
        in->err == OK ? process_named(s->options.table, (struct bytes){name.text, name.len}) : NULL;
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

static bool is_configured(const struct server *s, struct bytes node)
{
    const struct config *c = s->options.config;
    for (size_t i = 0; i < c->connects; i++)
        if (bytes_equal(buf_bytes(&c->connect[i].name), node))
            return true;
    return false;
}

/* How many nodes are wanted by processes of that one. */
static size_t count_wanted_by(const struct server *s, struct bytes node)
{
    size_t count = 0;
    for (size_t i = 0; i < s->wanted.count; i++) {
        const struct wanted *w = s->wanted.list[i];
        count += bytes_equal(buf_bytes(&w->by), node);
    }
    return count;
}

/* False at the limit, of all or of those that one node asks for: such a node would be dialled as
 * long as this one runs. */
static bool want(struct server *s, struct bytes node, struct turn *t)
{
    turn_worked(t, WORK_WANTED * (uint64_t)s->wanted.count);
    if (is_configured(s, node) || names_find(&s->wanted, node) != NULL)
        return true;
    if (s->wanted.count == LIMIT_CONNECT_REQUESTS ||
        count_wanted_by(s, t->node) == LIMIT_CONNECT_REQUESTS / LIMIT_NODE_PART)
        return false;
    struct wanted *w = names_add(&s->wanted, node, sizeof(*w));
    buf_put(&w->by, t->node);
    return true;
}

static void connect_node(struct process *server, struct bytes from, struct etf_in *in,
                         struct turn *t)
{
    struct server *s = process_self(server);
    struct atom atom = {0};
    struct place place = {0};
    etf_atom(in, &atom);
    bool valid = in->err == OK && place_read((struct bytes){atom.text, atom.len}, &place);
    struct bytes name = buf_bytes(&place.name);
    if (!valid || bytes_equal(name, processes_node(s->options.table))) {
        reply_error_atom(server, from, "bad_node", t);
    } else if (!cluster_allows(s->options.cluster, name)) {
        reply_error_atom(server, from, "not_allowed", t);
    } else if (!want(s, name, t)) {
        reply_error_atom(server, from, "limit", t);
    } else {
        turn_worked(t, WORK_DIAL);
        follow_keep(s->options.follow, name);
        discovery_keep(s->options.discovery, name);
        cluster_locate(s->options.cluster, name, place.port);
        cluster_connect(s->options.cluster, name, t);
        gen_reply_ok(server, from, t);
    }
    place_free(&place);
}

static const struct {
    const char *name;
    uint32_t arity; /* of the tuple, its name included */
    bool changes;   /* the node: not for one that may only read */
    void (*handle)(struct process *server, struct bytes from, struct etf_in *in, struct turn *t);
} requests[] = {
    {"start_replica", 3, true, start_replica},
    {"stop_replica", 2, true, stop_replica},
    {"connect", 2, true, connect_node},
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
            if (!requests[i].changes || turn_may_change(t))
                requests[i].handle(server, m->from, &in, t);
            else
                reply_error_atom(server, m->from, "read_only", t);
            return true;
        }
    return false;
}

/* {ok, Names} */
static void reply_names(struct process *server, struct bytes from,
                        void (*put)(const struct server_options *o, struct buf *out),
                        struct turn *t)
{
    const struct server *s = process_self(server);
    struct buf names = {0};
    put(&s->options, &names);
    turn_worked(t, names.len * WORK_BYTE);
    gen_reply_value(server, from, buf_bytes(&names), t);
    buf_free(&names);
}

static void server_call(struct process *server, const struct gen_message *m, struct turn *t)
{
    struct server *s = process_self(server);
    struct etf_in in = etf_open(m->request);
    if (etf_accept(&in, "replicas"))
        reply_names(server, m->from, status_put_replica_names, t);
    else if (etf_accept(&in, "peers"))
        reply_names(server, m->from, status_put_peer_names, t);
    else if (etf_accept(&in, "status"))
        status_report_reply(&s->report, server, m->from, t);
    else if (!server_request(server, m, t))
        gen_reply_unknown(server, m->from, m->request, t);
}

static void server_wake(struct process *server, struct turn *t)
{
    struct server *s = process_self(server);
    status_report_wake(&s->report, server, t);
}

static void server_message(struct process *server, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    if (m.kind == GEN_CALL)
        server_call(server, &m, t);
}

static void server_state(const struct process *server, struct buf *out)
{
    const struct server *s = process_self(server);
    status_put(&s->options, out);
}

static const struct process_kind kind = {
    .module = "coppice_server",
    .message = server_message,
    .wake = server_wake,
    .state = server_state,
    .free = asker_free,
};

void server_start(struct server *s)
{
    s->process = process_start(s->options.table, &kind, s, BYTES("coppice"));
    must(s->process != NULL);
}

void server_drained(struct server *s)
{
    status_report_drained(&s->report, s->process);
}

void server_ended(struct server *s, const struct process *p)
{
    if (p != s->process)
        return;
    status_report_close(&s->report);
    status_report_open(&s->report, &s->options);
    server_start(s);
}
