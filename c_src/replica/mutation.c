#include "../limits.h"
#include "../mem.h"
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

void mutation_finish(struct replica *r, struct bytes from, const struct buf *reason, struct turn *t)
{
    if (reason->len == 0)
        finish_made(r, from, (struct bytes){0}, t);
    else if (from.len > 0)
        gen_reply_error(r->process, from, buf_bytes(reason), t);
    else
        cast_refused(r, buf_bytes(reason), t);
}

void mutation_refuse(struct replica *r, struct bytes from, const char *reason, struct turn *t)
{
    struct buf atom = {0};
    put_atom(&atom, reason);
    mutation_finish(r, from, &atom, t);
    buf_free(&atom);
}

void mutation_finish_kept(struct replica *r, const struct queued_mutation *q,
                          const struct buf *reason, struct turn *t)
{
    struct bytes before = turn_for(t, buf_bytes(&q->by->node));
    mutation_finish(r, buf_bytes(&q->from), reason, t);
    turn_for(t, before);
}

void mutation_refuse_kept(struct replica *r, const struct queued_mutation *q, const char *reason,
                          struct turn *t)
{
    struct buf atom = {0};
    put_atom(&atom, reason);
    mutation_finish_kept(r, q, &atom, t);
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
    struct mutation_turn m = {.wall_ms = t->wall_ms,
                              .random = turn_random(t),
                              .delta = durable_delta(r, true),
                              .reply = results};
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
        mutation_finish(r, m->from, &reason, t);
    buf_free(&reason);
    buf_free(&results);
}

/* --- captures --------------------------------------------------------------- */

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
        mutation_finish(r, from, &reason, t);
    ops_free(&ops);
    buf_free(&reason);
    return e != ERR_BAD_OP;
}

/* --- the queue -------------------------------------------------------------- */

static struct mutation mutation_of(const struct queued_mutation *q)
{
    return (struct mutation){buf_bytes(&q->from), buf_bytes(&q->body), q->wants_results, q->alone,
                             q->until_ms};
}

static struct amount amount_of(const struct mutation *m)
{
    return (struct amount){1, sizeof(struct queued_mutation) + m->from.len + m->body.len};
}

struct queued_mutation *mutation_keep(struct replica *r, const struct mutation *m,
                                      const struct turn *t)
{
    struct queued_mutation *q = mem_take(sizeof(*q));
    buf_put(&q->from, m->from);
    buf_put(&q->body, m->body);
    q->wants_results = m->wants_results;
    q->alone = m->alone;
    q->until_ms = m->until_ms != 0 ? m->until_ms : t->now_ms + LIMIT_MUTATION_WAIT_MS;
    q->by = quotas_charge(&r->queued, t->node, amount_of(m));
    return q;
}

static void enqueue(struct replica *r, const struct mutation *m, struct turn *t)
{
    const struct amount most = {LIMIT_MUTATIONS, LIMIT_MUTATION_BYTES};
    if (!quotas_allow(&r->queued, t->node, amount_of(m), most)) {
        mutation_refuse(r, m->from, "overloaded", t);
        return;
    }
    struct queued_mutation *q = mutation_keep(r, m, t);
    *r->queue_end = q;
    r->queue_end = &q->next;
    catch_up_start(r, t);
    replica_set_wake(r);
}

/* Takes the one at *at out of the queue; the caller drops it. */
static struct queued_mutation *dequeue(struct replica *r, struct queued_mutation **at)
{
    struct queued_mutation *q = *at;
    *at = q->next;
    if (r->queue_end == &q->next)
        r->queue_end = at;
    return q;
}

void mutation_drop(struct replica *r, struct queued_mutation *q)
{
    struct mutation m = mutation_of(q);
    quotas_refund(&r->queued, q->by, amount_of(&m));
    buf_free(&q->from);
    buf_free(&q->body);
    mem_free(q);
}

struct queued_mutation *mutation_take(struct replica *r)
{
    return dequeue(r, &r->queue);
}

void mutation_put_back(struct replica *r, struct queued_mutation *q)
{
    q->next = r->queue;
    if (r->queue == NULL)
        r->queue_end = &q->next;
    r->queue = q;
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
    if (!is_fun(m->body) || m->wants_results)
        run_ops(r, m, t);
    else if (!run_capture(r, m->from, m->body, t))
        fun_run(r, m, t);
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
        mutation_finish(r, m->from, &failure, t);
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
            struct queued_mutation *q = dequeue(r, &r->queue);
            struct mutation m = mutation_of(q);
            struct bytes before = turn_for(t, buf_bytes(&q->by->node));
            run(r, &m, t);
            turn_for(t, before);
            mutation_drop(r, q);
        }
        durable_flush(r, t);
    } while (may_run_next(r));
}

void mutation_refuse_all(struct replica *r, struct bytes reason, struct turn *t)
{
    struct buf why = {0};
    buf_put(&why, reason);
    while (r->queue != NULL) {
        struct queued_mutation *q = dequeue(r, &r->queue);
        mutation_finish_kept(r, q, &why, t);
        mutation_drop(r, q);
    }
    buf_free(&why);
}

static void refuse_at(struct replica *r, struct queued_mutation **at, const char *reason,
                      struct turn *t)
{
    struct queued_mutation *q = dequeue(r, at);
    mutation_refuse_kept(r, q, reason, t);
    mutation_drop(r, q);
}

void mutation_refuse_funs(struct replica *r, struct bytes node, struct turn *t)
{
    struct queued_mutation **at = &r->queue;
    while (*at != NULL) {
        struct mutation m = mutation_of(*at);
        if (is_fun(m.body) && fun_runs_on(m.from, m.body, node))
            refuse_at(r, at, "unresponsive", t);
        else
            at = &(*at)->next;
    }
}

/* The first call that waits behind a fun; casts have no caller who would give up. */
static struct queued_mutation **first_call(struct replica *r)
{
    struct queued_mutation **at = &r->queue;
    while (*at != NULL && (*at)->from.len == 0)
        at = &(*at)->next;
    return at;
}

uint64_t mutation_due(struct replica *r)
{
    const struct queued_mutation *q = r->fun_call != 0 ? *first_call(r) : NULL;
    return q != NULL ? q->until_ms : UINT64_MAX;
}

void mutation_wake(struct replica *r, struct turn *t)
{
    while (mutation_due(r) <= t->now_ms)
        refuse_at(r, first_call(r), "timeout", t);
}

void mutation_free(struct replica *r)
{
    while (r->queue != NULL)
        mutation_drop(r, dequeue(r, &r->queue));
}
