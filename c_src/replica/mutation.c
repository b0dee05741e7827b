#include "../limits.h"
#include "../mem.h"
#include "../otp/rex.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"
#include "internal.h"

/* Bytes of a reason in a log line, at most. */
#define QUOTED 120

/* --- replies ---------------------------------------------------------------- */

/* A cast has no caller: the reason goes to the log. */
static void cast_refused(struct replica *r, struct bytes reason, struct turn *t)
{
    struct buf canonical = {0}, text = {0};
    if (canon_put(&canonical, reason) == OK)
        text_print_short(&text, buf_bytes(&canonical), QUOTED);
    replica_refused(r, "a cast mutation", buf_bytes(&text), t);
    buf_free(&canonical);
    buf_free(&text);
}

/* The mutation has been made; an empty result means `ok`. */
static void finish_made(struct replica *r, struct bytes from, struct bytes result, struct turn *t)
{
    r->mutations++;
    waiting_reply(r, from, result, t);
}

/* The mutation has been made (reason is empty) or refused. */
static void finish(struct replica *r, struct bytes from, const struct buf *reason, struct turn *t)
{
    if (reason->len == 0)
        finish_made(r, from, (struct bytes){0}, t);
    else if (from.len > 0)
        gen_reply_error(r->process, from, buf_bytes(reason), t);
    else
        cast_refused(r, buf_bytes(reason), t);
}

static void finish_refused(struct replica *r, struct bytes from, const char *reason, struct turn *t)
{
    struct buf atom = {0};
    put_atom(&atom, reason);
    finish(r, from, &atom, t);
    buf_free(&atom);
}

/* {Name, _}: the caller appends the second element. */
static void put_pair(struct buf *out, const char *name)
{
    put_tuple(out, 2);
    put_atom(out, name);
}

/* --- operations ------------------------------------------------------------- */

/* Applies all or none.  Appends a result for each to results (may be NULL), or to *reason
 * which one is wrong. */
static enum err apply(struct replica *r, const struct ops *ops, struct buf *results,
                      struct buf *reason, struct turn *t)
{
    struct mutation_turn m = {
        .wall_ms = t->wall_ms, .delta = durable_delta(r, true), .reply = results};
    enum err e = crdt_mutate(r->crdt, ops->list, ops->count, &m);
    if (e == OK) {
        replica_changed(r);
        return OK;
    }
    put_pair(reason, e == ERR_LIMIT ? "too_large" : "bad_op");
    op_put(reason, &ops->list[m.bad]);
    return e;
}

static bool is_list(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_LIST;
}

/* A list of operations has a list of results. */
static void wrap_in_list(struct buf *results, size_t count)
{
    struct buf terms = *results;
    *results = (struct buf){0};
    if (count > 0)
        put_list(results, (uint32_t)count);
    buf_put(results, buf_bytes(&terms));
    put_nil(results);
    buf_free(&terms);
}

static void run_ops(struct replica *r, const struct mutation *m, struct turn *t)
{
    struct ops ops;
    struct bytes bad;
    struct buf reason = {0}, results = {0};
    enum err e = ops_read(&ops, m->body, &bad);
    if (e == OK) {
        e = apply(r, &ops, m->wants_results ? &results : NULL, &reason, t);
        if (e == OK && m->wants_results && is_list(m->body))
            wrap_in_list(&results, ops.count);
        ops_free(&ops);
    } else if (e == ERR_LIMIT) {
        put_atom(&reason, "too_large");
    } else {
        put_pair(&reason, "bad_op");
        put_term(&reason, bad);
    }
    must((e == OK) == (reason.len == 0));
    if (e == OK)
        finish_made(r, m->from, buf_bytes(&results), t);
    else
        finish(r, m->from, &reason, t);
    buf_free(&reason);
    buf_free(&results);
}

/* --- funs ------------------------------------------------------------------- */

/* Applies &Mod.name/1 if Mod is the type's module and name an operation of it; false for any
 * other fun, which only a BEAM can run. */
static bool run_capture(struct replica *r, struct bytes from, struct bytes fun, struct turn *t)
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

/* A process on the node that runs the fun: the caller or, for a cast, the fun's creator;
 * empty if neither is known. */
static struct bytes fun_owner(struct bytes from, struct bytes fun)
{
    struct etf_in in = etf_open(fun);
    if (from.len > 0)
        return gen_caller(from);
    return etf_peek(&in) == ETF_FUN ? etf_fun_creator(&in) : (struct bytes){0};
}

/* rex can run the fun although the caller waits in its call: it is another process. */
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
        finish_refused(r, from, "overloaded", t);
}

static void run_fun(struct replica *r, struct bytes from, struct bytes fun, struct turn *t)
{
    if (run_capture(r, from, fun, t))
        return;
    struct bytes owner = fun_owner(from, fun);
    if (owner.len == 0)
        finish_refused(r, from, "no_caller", t);
    else
        send_fun(r, from, owner, fun, t);
}

/* Merges the state that the fun returned. */
static void merge_result(struct replica *r, struct bytes result, struct buf *reason)
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
        merge_result(r, term, reason);
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
    mutation_resume(r, t);
}

/* --- the queue -------------------------------------------------------------- */

static struct mutation mutation_of(const struct queued_mutation *q)
{
    return (struct mutation){buf_bytes(&q->from), buf_bytes(&q->body), q->wants_results};
}

static size_t bytes_in_queue(const struct mutation *m)
{
    return sizeof(struct queued_mutation) + m->from.len + m->body.len;
}

static void enqueue(struct replica *r, const struct mutation *m, struct turn *t)
{
    size_t more = bytes_in_queue(m);
    if (r->queued == LIMIT_MUTATIONS || more > LIMIT_MUTATION_BYTES - r->queued_bytes) {
        finish_refused(r, m->from, "overloaded", t);
        return;
    }
    struct queued_mutation *q = mem_take(sizeof(*q));
    buf_put(&q->from, m->from);
    buf_put(&q->body, m->body);
    q->wants_results = m->wants_results;
    *r->queue_end = q;
    r->queue_end = &q->next;
    r->queued++;
    r->queued_bytes += more;
    catch_up_start(r, t);
}

/* The caller frees it. */
static struct queued_mutation *dequeue(struct replica *r)
{
    struct queued_mutation *q = r->queue;
    struct mutation m = mutation_of(q);
    r->queue = q->next;
    if (r->queue == NULL)
        r->queue_end = &r->queue;
    r->queued--;
    r->queued_bytes -= bytes_in_queue(&m);
    return q;
}

static void queued_free(struct queued_mutation *q)
{
    buf_free(&q->from);
    buf_free(&q->body);
    mem_free(q);
}

static bool is_fun(struct bytes term)
{
    struct etf_in in = etf_open(term);
    enum etf_kind kind = etf_peek(&in);
    return kind == ETF_FUN || kind == ETF_EXPORT;
}

/* A fun has no results: run_ops() refuses one that is asked for them. */
static void run(struct replica *r, const struct mutation *m, struct turn *t)
{
    r->estimated_bytes += m->body.len;
    if (is_fun(m->body) && !m->wants_results)
        run_fun(r, m->from, m->body, t);
    else
        run_ops(r, m, t);
}

/* A fun is sent the state, which must be safe for that. */
static bool may_run(const struct replica *r, struct bytes body)
{
    return r->caught_up && r->fun_call == 0 && durable_may_mutate(r) &&
           (durable_is_safe(r) || !is_fun(body));
}

void mutation_submit(struct replica *r, const struct mutation *m, struct turn *t)
{
    struct buf failure = {0};
    buf_put(&failure, durable_failure(r));
    if (failure.len > 0) {
        finish(r, m->from, &failure, t);
    } else if (!may_run(r, m->body)) {
        enqueue(r, m, t);
    } else {
        must(r->queue == NULL);
        run(r, m, t);
        durable_flush(r, t);
    }
    buf_free(&failure);
}

static bool may_run_next(const struct replica *r)
{
    return r->queue != NULL && may_run(r, buf_bytes(&r->queue->body));
}

/* Flushing may commit at once, if nothing has changed: then a fun that had to wait may run. */
void mutation_resume(struct replica *r, struct turn *t)
{
    do {
        while (may_run_next(r)) {
            struct queued_mutation *q = dequeue(r);
            struct mutation m = mutation_of(q);
            run(r, &m, t);
            queued_free(q);
        }
        durable_flush(r, t);
    } while (may_run_next(r));
}

void mutation_refuse_all(struct replica *r, struct bytes reason, struct turn *t)
{
    struct buf why = {0};
    buf_put(&why, reason);
    while (r->queue != NULL) {
        struct queued_mutation *q = dequeue(r);
        finish(r, buf_bytes(&q->from), &why, t);
        queued_free(q);
    }
    buf_free(&why);
}

void mutation_free(struct replica *r)
{
    while (r->queue != NULL)
        queued_free(dequeue(r));
    buf_free(&r->fun_from);
}
