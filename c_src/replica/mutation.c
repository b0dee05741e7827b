#include "../limits.h"
#include "../mem.h"
#include "../otp/rex.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"
#include "internal.h"

/* Bytes of a reason that a log line shows. */
#define QUOTED 120

/* --- outcomes --------------------------------------------------------------- */

/* A cast has nobody to tell, so the log is told. */
static void cast_refused(struct replica *r, struct bytes reason, struct turn *t)
{
    struct buf canonical = {0}, text = {0};
    if (canon_put(&canonical, reason) == OK)
        text_print_short(&text, buf_bytes(&canonical), QUOTED);
    replica_refused(r, "a cast mutation", buf_bytes(&text), t);
    buf_free(&canonical);
    buf_free(&text);
}

/* Tells the caller that the change was made; made is empty for `ok`. */
static void finish_made(struct replica *r, struct bytes from, struct bytes made, struct turn *t)
{
    r->mutations++;
    waiting_answer(r, from, made, t);
}

/* Tells the caller; no reason means that the change was made. */
static void finish(struct replica *r, struct bytes from, const struct buf *reason, struct turn *t)
{
    if (reason->len == 0)
        finish_made(r, from, (struct bytes){0}, t);
    else if (from.len > 0)
        gen_reply_error(r->process, from, buf_bytes(reason), t);
    else
        cast_refused(r, buf_bytes(reason), t);
}

static void finish_with(struct replica *r, struct bytes from, const char *reason, struct turn *t)
{
    struct buf atom = {0};
    put_atom(&atom, reason);
    finish(r, from, &atom, t);
    buf_free(&atom);
}

/* {Name, _} of which the caller appends the second. */
static void put_pair(struct buf *out, const char *name)
{
    put_tuple(out, 2);
    put_atom(out, name);
}

/* --- operations ------------------------------------------------------------- */

/* Applies them; on an error *reason says which one is wrong, else made (may be
 * NULL) gets a term from each. */
static enum err apply(struct replica *r, const struct ops *ops, struct buf *made,
                      struct buf *reason, struct turn *t)
{
    struct mutation_turn m = {
        .wall_ms = t->wall_ms, .grown = durable_grown(r, true), .reply = made};
    enum err e = crdt_mutate(r->crdt, ops->list, ops->count, &m);
    if (e == OK) {
        replica_changed(r);
        return OK;
    }
    put_pair(reason, e == ERR_LIMIT ? "too_large" : "bad_op");
    op_put(reason, &ops->list[m.bad]);
    return e;
}

static bool is_list(struct bytes change)
{
    struct etf_in in = etf_open(change);
    return etf_peek(&in) == ETF_LIST;
}

/* The answer to a list of operations is a list. */
static void list_made(struct buf *made, size_t count)
{
    struct buf terms = *made;
    *made = (struct buf){0};
    if (count > 0)
        put_list(made, (uint32_t)count);
    buf_put(made, buf_bytes(&terms));
    put_nil(made);
    buf_free(&terms);
}

static void run_ops(struct replica *r, const struct change *c, struct turn *t)
{
    struct ops ops;
    struct bytes bad;
    struct buf reason = {0}, made = {0};
    enum err e = ops_read(&ops, c->change, &bad);
    if (e == OK) {
        e = apply(r, &ops, c->replies ? &made : NULL, &reason, t);
        if (e == OK && c->replies && is_list(c->change))
            list_made(&made, ops.count);
        ops_free(&ops);
    } else if (e == ERR_LIMIT) {
        put_atom(&reason, "too_large");
    } else {
        put_pair(&reason, "bad_op");
        put_term(&reason, bad);
    }
    must((e == OK) == (reason.len == 0));
    if (e == OK)
        finish_made(r, c->from, buf_bytes(&made), t);
    else
        finish(r, c->from, &reason, t);
    buf_free(&reason);
    buf_free(&made);
}

/* --- funs ------------------------------------------------------------------- */

/* Applies &Mod.name/1 of the state's own module where name is an operation of
 * it; false when it is anything else, which only a BEAM can run. */
static bool run_export(struct replica *r, struct bytes from, struct bytes fun, struct turn *t)
{
    struct etf_in in = etf_open(fun);
    if (etf_peek(&in) != ETF_EXPORT)
        return false;
    struct etf_export export = etf_export(&in);
    struct etf_in module = etf_open(export.module);
    if (export.arity != 1 || !etf_accept(&module, r->options.type->module))
        return false;
    struct etf_in function = etf_open(export.function);
    struct atom name;
    etf_atom(&function, &name);
    struct ops ops;
    struct buf reason = {0};
    ops_single(&ops, (struct bytes){name.text, name.len});
    enum err e = apply(r, &ops, NULL, &reason, t);
    if (e != ERR_BAD_OP)
        finish(r, from, &reason, t);
    ops_free(&ops);
    buf_free(&reason);
    return e != ERR_BAD_OP;
}

/* [Fun, [State]] */
static void put_application(struct buf *out, struct bytes fun, struct bytes state)
{
    put_list(out, 2);
    put_term(out, fun);
    put_list(out, 1);
    put_term(out, state);
    put_nil(out);
    put_nil(out);
}

/* Whose node can run the fun: the caller's; where nobody waits, its maker's.
 * Empty where neither is known. */
static struct bytes fun_owner(struct bytes from, struct bytes fun)
{
    struct etf_in in = etf_open(fun);
    if (from.len > 0)
        return gen_caller(from);
    return etf_peek(&in) == ETF_FUN ? etf_fun_creator(&in) : (struct bytes){0};
}

/* The caller waits in its own call, and its rex is another process: it can
 * run the fun without waiting for itself. */
static void send_fun(struct replica *r, struct bytes from, struct bytes owner, struct bytes fun,
                     struct turn *t)
{
    must(r->fun_call == 0);
    struct buf caller = {0}, args = {0};
    if (canon_put(&caller, owner) == OK) {
        put_application(&args, fun, replica_state_term(r));
        r->fun_call = rex_start(r->process, node_of(buf_bytes(&caller)), "erlang", "apply",
                                buf_bytes(&args), LIMIT_APPLY_MS, t);
    }
    buf_free(&caller);
    buf_free(&args);
    if (r->fun_call != 0)
        buf_put(&r->fun_from, from);
    else
        finish_with(r, from, "overloaded", t);
}

static void run_fun(struct replica *r, struct bytes from, struct bytes fun, struct turn *t)
{
    if (run_export(r, from, fun, t))
        return;
    struct bytes owner = fun_owner(from, fun);
    if (owner.len == 0)
        finish_with(r, from, "no_caller", t);
    else
        send_fun(r, from, owner, fun, t);
}

/* Joins what the fun made of the state. */
static void join_result(struct replica *r, struct bytes result, struct buf *reason)
{
    enum err e = exchange_merge(r, result, true);
    if (e == OK)
        return;
    put_pair(reason, "bad_result");
    put_atom(reason, e == ERR_TYPE ? "other_type" : e == ERR_LIMIT ? "too_large" : "malformed");
}

static void read_result(struct replica *r, const struct answer *a, struct buf *reason)
{
    struct bytes term;
    switch (rex_read(a, &term)) {
    case REX_VALUE:
        join_result(r, term, reason);
        break;
    case REX_RAISED:
        put_term(reason, term);
        break;
    case REX_FAILED:
        put_pair(reason, "badrpc");
        put_term(reason, term);
        break;
    case REX_UNDEF:
        put_atom(reason, "undef");
        break;
    case REX_GONE:
        put_pair(reason, "rex_down");
        put_term(reason, a->reply);
        break;
    case REX_LATE:
        put_atom(reason, "timeout");
        break;
    }
}

void mutation_answer(struct replica *r, const struct answer *a, struct turn *t)
{
    must(r->fun_call != 0);
    struct buf from = r->fun_from, reason = {0};
    r->fun_call = 0;
    r->fun_from = (struct buf){0};
    if (durable_is_ready(r))
        read_result(r, a, &reason);
    else
        put_term(&reason, buf_bytes(&r->durable.reason));
    finish(r, buf_bytes(&from), &reason, t);
    buf_free(&from);
    buf_free(&reason);
    mutation_go_on(r, t);
}

/* --- the queue -------------------------------------------------------------- */

static size_t weight(const struct mutation *m)
{
    return sizeof(*m) + m->from.len + m->change.len;
}

static void mutation_drop(struct mutation *m)
{
    buf_free(&m->from);
    buf_free(&m->change);
    mem_free(m);
}

static struct mutation *dequeue(struct replica *r)
{
    struct mutation *m = r->first;
    r->first = m->next;
    if (r->first == NULL)
        r->end = &r->first;
    r->waiting--;
    r->waiting_bytes -= weight(m);
    return m;
}

static void enqueue(struct replica *r, const struct change *c, struct turn *t)
{
    size_t more = sizeof(struct mutation) + c->from.len + c->change.len;
    if (r->waiting == LIMIT_MUTATIONS || more > LIMIT_MUTATION_BYTES - r->waiting_bytes) {
        finish_with(r, c->from, "overloaded", t);
        return;
    }
    struct mutation *m = mem_take(sizeof(*m));
    buf_put(&m->from, c->from);
    buf_put(&m->change, c->change);
    m->replies = c->replies;
    *r->end = m;
    r->end = &m->next;
    r->waiting++;
    r->waiting_bytes += weight(m);
    catch_up_hold(r, t);
}

static bool is_fun(struct bytes change)
{
    struct etf_in in = etf_open(change);
    enum etf_kind kind = etf_peek(&in);
    return kind == ETF_FUN || kind == ETF_EXPORT;
}

/* A fun makes nothing that could be answered. */
static void run(struct replica *r, const struct change *c, struct turn *t)
{
    r->bytes += c->change.len;
    if (is_fun(c->change) && !c->replies)
        run_fun(r, c->from, c->change, t);
    else
        run_ops(r, c, t);
}

/* A fun is given the state, and so told it. */
static bool may_run(const struct replica *r, struct bytes change)
{
    return r->caught_up && r->fun_call == 0 && durable_takes(r) &&
           (durable_is_safe(r) || !is_fun(change));
}

void mutation_take(struct replica *r, const struct change *c, struct turn *t)
{
    struct buf trouble = {0};
    buf_put(&trouble, durable_trouble(r));
    if (trouble.len > 0) {
        finish(r, c->from, &trouble, t);
    } else if (!may_run(r, c->change)) {
        enqueue(r, c, t);
    } else {
        must(r->first == NULL);
        run(r, c, t);
        durable_flush(r, t);
    }
    buf_free(&trouble);
}

void mutation_go_on(struct replica *r, struct turn *t)
{
    while (r->first != NULL && may_run(r, buf_bytes(&r->first->change))) {
        struct mutation *m = dequeue(r);
        run(r, &(struct change){buf_bytes(&m->from), buf_bytes(&m->change), m->replies}, t);
        mutation_drop(m);
    }
    durable_flush(r, t);
}

void mutation_refuse_all(struct replica *r, struct bytes reason, struct turn *t)
{
    struct buf why = {0};
    buf_put(&why, reason);
    while (r->first != NULL) {
        struct mutation *m = dequeue(r);
        finish(r, buf_bytes(&m->from), &why, t);
        mutation_drop(m);
    }
    buf_free(&why);
}

void mutation_free(struct replica *r)
{
    while (r->first != NULL)
        mutation_drop(dequeue(r));
    buf_free(&r->fun_from);
}
