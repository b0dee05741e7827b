#include "rpc.h"

#include "../mem.h"
#include "../otp/gen.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "asker.h"

struct rpc {
    struct functions functions;
    struct process *rex;
};

/* A call, as it is asked for: the names need not be atoms, the arguments need not be a list. */
struct call {
    struct bytes module, function; /* terms */
    struct bytes args;             /* a term */
    struct bytes fun;              /* the term that is to be applied instead, or empty */
};

/* --- making a call --------------------------------------------------------------------- */

/* The elements of a list of exactly this length. */
static bool read_list(struct bytes term, struct bytes *elements, uint32_t count)
{
    struct etf_in in = etf_open(term);
    struct bytes element;
    uint32_t found = 0;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element); found++)
        if (found < count)
            elements[found] = element;
    return etf_finish(&in) == OK && found == count;
}

static bool is_list(struct bytes term)
{
    struct etf_in in = etf_open(term);
    struct bytes element;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element);)
        ;
    return etf_finish(&in) == OK;
}

static bool is_atom(struct bytes term, const char *name)
{
    struct etf_in in = etf_open(term);
    return etf_accept(&in, name);
}

/* erlang:apply/2 and /3 are a call of what they apply. */
static struct call applied_call(const struct call *c)
{
    struct bytes args[3];
    if (!is_atom(c->module, "erlang") || !is_atom(c->function, "apply"))
        return *c;
    if (read_list(c->args, args, 3))
        return (struct call){args[0], args[1], args[2], {0}};
    if (!read_list(c->args, args, 2))
        return *c;
    struct etf_in in = etf_open(args[0]);
    if (etf_peek(&in) == ETF_EXPORT && is_list(args[1])) {
        struct etf_export export = etf_export(&in);
        return (struct call){export.module, export.function, args[1], {0}};
    }
    return (struct call){.fun = args[0], .args = args[1]};
}

static bool is_a(struct bytes term, enum etf_kind kind)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == kind;
}

/* Whether erlang:apply can begin: else it is what fails. */
static bool can_apply(const struct call *c)
{
    bool applicable = c->fun.len > 0 ? is_a(c->fun, ETF_FUN)
                                     : is_a(c->module, ETF_ATOM) && is_a(c->function, ETF_ATOM);
    return applicable && is_list(c->args);
}

static enum applied make(struct rpc *r, const struct call *c, struct buf *value, struct turn *t)
{
    if (!can_apply(c))
        return APPLIED_BADARG;
    if (c->fun.len > 0)
        return APPLIED_UNDEF;
    struct atom module, function;
    struct etf_in at_module = etf_open(c->module), at_function = etf_open(c->function);
    etf_atom(&at_module, &module);
    etf_atom(&at_function, &function);
    const struct spawn call = {.module = {module.text, module.len},
                               .function = {function.text, function.len},
                               .args = c->args};
    return functions_apply(&r->functions, &call, value, t);
}

/* Module, Function, Args of the stack trace's frame; for a fun Fun, Args. */
static void put_frame(struct buf *out, const struct call *c)
{
    if (c->fun.len > 0) {
        put_term(out, c->fun);
    } else {
        put_term(out, c->module);
        put_term(out, c->function);
    }
    put_term(out, c->args);
}

/* erlang:apply/2 or /3 itself fails. */
static void put_apply_failure(struct buf *out, const struct call *c)
{
    bool no_fun = c->fun.len > 0 && is_list(c->args);
    if (no_fun) {
        put_tuple(out, 2);
        put_atom(out, "badfun");
        put_term(out, c->fun);
    } else {
        put_atom(out, "badarg");
    }
    put_list(out, 1);
    put_tuple(out, 4);
    put_atom(out, "erlang");
    put_atom(out, "apply");
    if (no_fun) {
        put_uint(out, 2);
    } else {
        put_list(out, c->fun.len > 0 ? 2 : 3);
        put_frame(out, c);
        put_nil(out);
    }
    put_nil(out);
    put_nil(out);
}

/* The exception, and a stack trace of one frame, {Module, Function, Args, []} or {Fun, Args, []}:
 * without the frames of rpc and erpc themselves, as they show it. */
static void put_failure(struct buf *out, const struct call *c, enum applied why)
{
    if (!can_apply(c)) {
        put_apply_failure(out, c);
        return;
    }
    put_atom(out, why == APPLIED_UNDEF ? "undef" : "badarg");
    put_list(out, 1);
    put_tuple(out, c->fun.len > 0 ? 3 : 4);
    put_frame(out, c);
    put_nil(out);
    put_nil(out);
}

/* --- rex --------------------------------------------------------------------------------- */

/* {call, Module, Function, Args, GroupLeader}, or block_call. */
static bool read_call(struct bytes request, struct call *c)
{
    struct etf_in in = etf_open(request);
    if (etf_tuple(&in) != 5 || !(etf_accept(&in, "call") || etf_accept(&in, "block_call")))
        return false;
    *c = (struct call){0};
    c->module = etf_any(&in);
    c->function = etf_any(&in);
    c->args = etf_any(&in);
    return in.err == OK;
}

/* The value, or {badrpc, {'EXIT', {Exception, Stack}}}. */
static void put_result(struct rpc *r, const struct call *asked, struct buf *out, struct turn *t)
{
    struct call c = applied_call(asked);
    struct buf value = {0};
    enum applied applied = make(r, &c, &value, t);
    if (applied == APPLIED_VALUE) {
        put_term(out, buf_bytes(&value));
    } else {
        put_tuple(out, 2);
        put_atom(out, "badrpc");
        put_tuple(out, 2);
        put_atom(out, "EXIT");
        put_tuple(out, 2);
        put_failure(out, &c, applied);
    }
    buf_free(&value);
}

static void answer_call(struct process *p, const struct gen_message *m, struct turn *t)
{
    struct call c;
    struct buf result = {0};
    if (!read_call(m->request, &c)) {
        gen_reply_unknown(p, m->from, m->request, t);
        return;
    }
    put_result(process_self(p), &c, &result, t);
    gen_reply(p, m->from, buf_bytes(&result), t);
    buf_free(&result);
}

/* {sbcast, Name, Message}: rpc:sbcast/3 waits until the message has been passed on. */
static bool put_broadcast(struct process *p, struct bytes request, struct buf *out, struct turn *t)
{
    struct etf_in in = etf_open(request);
    struct atom name;
    if (etf_tuple(&in) != 3 || !etf_accept(&in, "sbcast"))
        return false;
    etf_atom(&in, &name);
    struct bytes text = {name.text, name.len}, message = etf_any(&in);
    if (in.err != OK)
        return false;
    struct bytes node = processes_node(process_table(p));
    bool found = process_named(process_table(p), text) != NULL;
    put_tuple(out, 3);
    put_atom(out, "rex");
    put_atom_bytes(out, node);
    if (found) {
        turn_send_named(t, process_pid(p), node, text, message);
        put_atom_bytes(out, node);
    } else {
        put_tuple(out, 2);
        put_atom(out, "nonexisting_name");
        put_atom_bytes(out, text);
    }
    return true;
}

/* What BEAMs ask when a visible node is up: whether it has erpc. */
static bool put_features(struct process *p, struct bytes request, struct buf *out)
{
    if (!is_atom(request, "features_request"))
        return false;
    put_tuple(out, 3);
    put_atom(out, "features_reply");
    put_atom_bytes(out, processes_node(process_table(p)));
    put_list(out, 1);
    put_atom(out, "erpc");
    put_nil(out);
    return true;
}

static void put_ei_result(struct process *p, const struct call *c, struct buf *out, struct turn *t)
{
    put_tuple(out, 2);
    put_atom(out, "rex");
    put_result(process_self(p), c, out, t);
}

/* {From, Request}, the form of ei's ei_rpc(); the answer is a plain message. */
static void answer_message(struct process *p, struct bytes message, struct turn *t)
{
    struct etf_in in = etf_open(message);
    struct buf pid = {0}, answer = {0};
    struct call c;
    if (etf_tuple(&in) != 2 || etf_peek(&in) != ETF_PID || canon_put(&pid, etf_any(&in)) != OK) {
        buf_free(&pid);
        return;
    }
    struct bytes request = etf_any(&in);
    if (read_call(request, &c))
        put_ei_result(p, &c, &answer, t);
    else if (!put_features(p, request, &answer))
        put_broadcast(p, request, &answer, t);
    if (answer.len > 0)
        t->post->send(t->post, &(struct signal){.kind = SIGNAL_SEND,
                                                .node = node_of(buf_bytes(&pid)),
                                                .from = process_pid(p),
                                                .to = buf_bytes(&pid),
                                                .payload = buf_bytes(&answer)});
    buf_free(&pid);
    buf_free(&answer);
}

/* A cast has no answer, and the functions no effect. */
static void rex_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    if (m.kind == GEN_CALL)
        answer_call(p, &m, t);
    else if (m.kind == GEN_INFO)
        answer_message(p, message, t);
}

static const struct process_kind kind = {
    .module = "rpc",
    .message = rex_message,
    .state = asker_state,
    .free = asker_free,
};

/* --- spawned processes --------------------------------------------------------------------- */

/* The reason in which erpc:execute_call(Id, Module, Function, Args) gives its answer:
 * {Id, return, Value} or {Id, error, Exception, Stack}. */
static void put_erpc_result(struct rpc *r, struct bytes id, const struct call *asked,
                            struct buf *out, struct turn *t)
{
    struct call c = applied_call(asked);
    struct buf value = {0};
    enum applied applied = make(r, &c, &value, t);
    put_tuple(out, applied == APPLIED_VALUE ? 3 : 4);
    put_term(out, id);
    if (applied == APPLIED_VALUE) {
        put_atom(out, "return");
        put_term(out, buf_bytes(&value));
    } else {
        put_atom(out, "error");
        put_failure(out, &c, applied);
    }
    buf_free(&value);
}

/* `normal`, or what a process crashes with. */
static void put_exit(struct rpc *r, const struct call *asked, struct buf *out, struct turn *t)
{
    struct call c = applied_call(asked);
    struct buf value = {0};
    enum applied applied = make(r, &c, &value, t);
    if (applied == APPLIED_VALUE) {
        put_atom(out, "normal");
    } else {
        put_tuple(out, 2);
        put_failure(out, &c, applied);
    }
    buf_free(&value);
}

static bool is_erpc(const struct spawn *spawn, const char *function)
{
    return bytes_equal(spawn->module, BYTES("erpc")) &&
           bytes_equal(spawn->function, bytes_of(function));
}

static void on_spawn(void *who, const struct spawn *spawn, struct buf *reason, struct turn *t)
{
    struct bytes args[4];
    if (is_erpc(spawn, "execute_call") && read_list(spawn->args, args, 4)) {
        put_erpc_result(who, args[0], &(struct call){args[1], args[2], args[3], {0}}, reason, t);
    } else if (is_erpc(spawn, "execute_cast") && read_list(spawn->args, args, 3)) {
        put_exit(who, &(struct call){args[0], args[1], args[2], {0}}, reason, t);
    } else {
        struct buf module = {0}, function = {0};
        put_atom_bytes(&module, spawn->module);
        put_atom_bytes(&function, spawn->function);
        put_exit(who, &(struct call){buf_bytes(&module), buf_bytes(&function), spawn->args, {0}},
                 reason, t);
        buf_free(&module);
        buf_free(&function);
    }
}

/* --- the interface -------------------------------------------------------------------------- */

struct rpc *rpc_new(const struct functions *functions)
{
    struct rpc *r = mem_take(sizeof(*r));
    r->functions = *functions;
    processes_on_spawn(functions->table, on_spawn, r);
    return r;
}

void rpc_free(struct rpc *r)
{
    mem_free(r);
}

void rpc_start(struct rpc *r)
{
    r->rex = process_start(r->functions.table, &kind, r, BYTES("rex"));
    must(r->rex != NULL);
}

void rpc_ended(struct rpc *r, const struct process *p)
{
    if (p == r->rex)
        rpc_start(r);
}
