/* Funs that only a BEAM can run: they are sent to their callers' node with the state, and the
 * state that they return is merged.  Both act as the same actor, so nothing else may mutate
 * meanwhile: another mutation would issue the same counts and tags.  So one node at a time is
 * asked, for all its funs that are next in the queue.  A node that does not answer delays
 * everybody, but once: what else it has queued is refused, and its next funs are for a while. */
#include "../limits.h"
#include "../mem.h"
#include "../otp/rex.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"

/* {Name, _}: the caller appends the second element. */
static void put_pair(struct buf *out, const char *name)
{
    put_tuple(out, 2);
    put_atom(out, name);
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

/* Appends the name of the node that runs the fun; nothing if it is not known. */
static void put_node(struct buf *out, struct bytes from, struct bytes fun)
{
    struct buf owner = {0};
    struct bytes pid = fun_owner(from, fun);
    if (pid.len > 0 && canon_put(&owner, pid) == OK)
        buf_put(out, node_of(buf_bytes(&owner)));
    buf_free(&owner);
}

bool fun_runs_on(struct bytes from, struct bytes fun, struct bytes node)
{
    struct buf runs_on = {0};
    put_node(&runs_on, from, fun);
    bool same = bytes_equal(buf_bytes(&runs_on), node);
    buf_free(&runs_on);
    return same;
}

/* --- nodes that let a fun time out ------------------------------------------ */

struct unresponsive {
    struct buf name;
    uint64_t until_ms;
};

/* Of those there are, that whose time is over first. */
static struct unresponsive *first_over(const struct replica *r)
{
    struct unresponsive *first = r->unresponsive.list[0];
    for (size_t i = 1; i < r->unresponsive.count; i++) {
        struct unresponsive *u = r->unresponsive.list[i];
        first = u->until_ms < first->until_ms ? u : first;
    }
    return first;
}

static void mark_unresponsive(struct replica *r, struct bytes node, struct turn *t)
{
    struct unresponsive *u = names_find(&r->unresponsive, node);
    if (u == NULL && r->unresponsive.count == LIMIT_UNRESPONSIVE)
        names_remove(&r->unresponsive, first_over(r));
    if (u == NULL)
        u = names_add(&r->unresponsive, node, sizeof(*u));
    u->until_ms = t->now_ms + LIMIT_UNRESPONSIVE_MS;
}

static bool is_unresponsive(struct replica *r, struct bytes node, const struct turn *t)
{
    struct unresponsive *u = names_find(&r->unresponsive, node);
    if (u == NULL || t->now_ms < u->until_ms)
        return u != NULL;
    names_remove(&r->unresponsive, u);
    return false;
}

/* --- those that a node has been asked for ------------------------------------ */

static struct asked take_asked(struct replica *r)
{
    struct asked asked = r->asked;
    r->asked = (struct asked){0};
    return asked;
}

static void asked_free(struct replica *r, struct asked *asked)
{
    for (size_t i = 0; i < asked->count; i++)
        mutation_drop(r, asked->list[i]);
    mem_free(asked->list);
    buf_free(&asked->state);
}

/* --- asking ----------------------------------------------------------------- */

static void add(struct replica *r, struct queued_mutation *q)
{
    struct asked *asked = &r->asked;
    asked->list =
        mem_room(asked->list, asked->count, &asked->cap, sizeof(struct queued_mutation *));
    asked->list[asked->count++] = q;
}

static bool is_closure(struct bytes body)
{
    struct etf_in in = etf_open(body);
    return etf_peek(&in) == ETF_FUN;
}

/* Whether a queued mutation may share the question of a fun that runs on fun_node.  Captures may
 * not: most of them run here. */
static bool may_join(const struct replica *r, const struct queued_mutation *q)
{
    struct bytes body = buf_bytes(&q->body);
    return !q->alone && !q->wants_results && is_closure(body) &&
           fun_runs_on(buf_bytes(&q->from), body, buf_bytes(&r->fun_node));
}

/* The closures of that node that are next in the queue.  The answer has a state for each. */
static void add_queued(struct replica *r, size_t bytes)
{
    if (r->queue == NULL || !may_join(r, r->queue))
        return;
    size_t state = encoding_state(r).part.len;
    bytes += state;
    while (r->queue != NULL && r->asked.count < LIMIT_QUESTION_FUNS && may_join(r, r->queue)) {
        bytes += r->queue->body.len + state;
        if (bytes > LIMIT_QUESTION_BYTES)
            return;
        r->estimated_bytes += r->queue->body.len;
        add(r, mutation_take(r));
    }
}

/* rex can run the funs although their callers wait in their calls: it is another process. */
static uint64_t ask_for_one(struct replica *r, struct turn *t)
{
    struct buf args = {0};
    put_application(&args, buf_bytes(&r->asked.list[0]->body), encoding_state(r).part);
    uint64_t call = rex_start(r->process, buf_bytes(&r->fun_node), "erlang", "apply",
                              buf_bytes(&args), LIMIT_APPLY_MS, t);
    buf_free(&args);
    return call;
}

static uint64_t ask_for_several(struct replica *r, struct turn *t)
{
    struct bytes funs[LIMIT_QUESTION_FUNS];
    for (size_t i = 0; i < r->asked.count; i++)
        funs[i] = buf_bytes(&r->asked.list[i]->body);
    struct question q = {.funs = funs,
                         .count = r->asked.count,
                         .module = r->options.type->module,
                         .state = encoding_state(r).part,
                         .timeout_ms = LIMIT_ANSWERED_MS};
    buf_put(&r->asked.state, q.state);
    return question_ask(&r->forms, r->process, buf_bytes(&r->fun_node), &q, t);
}

static void ask(struct replica *r, const struct mutation *m, struct turn *t)
{
    must(r->fun_call == 0 && r->asked.count == 0);
    add(r, mutation_keep(r, m, t));
    if (!m->alone && is_closure(m->body))
        add_queued(r, m->body.len);
    r->fun_call = r->asked.count == 1 ? ask_for_one(r, t) : ask_for_several(r, t);
    if (r->fun_call != 0)
        return;
    struct asked asked = take_asked(r);
    for (size_t i = 0; i < asked.count; i++)
        mutation_refuse_kept(r, asked.list[i], "overloaded", t);
    asked_free(r, &asked);
}

void fun_run(struct replica *r, const struct mutation *m, struct turn *t)
{
    buf_clear(&r->fun_node);
    put_node(&r->fun_node, m->from, m->body);
    if (r->fun_node.len == 0)
        mutation_refuse(r, m->from, "no_caller", t);
    else if (!turn_may_write(t, buf_bytes(&r->fun_node)))
        mutation_refuse(r, m->from, "read_only", t); /* its result would be that node's change */
    else if (is_unresponsive(r, buf_bytes(&r->fun_node), t))
        mutation_refuse(r, m->from, "unresponsive", t);
    else
        ask(r, m, t);
}

/* --- the answer about one ---------------------------------------------------- */

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
    case REX_UNFIT:
        put_pair(reason, "bad_result");
        put_atom(reason, bad_term_reason(a->err));
        break;
    }
}

/* --- the answer about several ------------------------------------------------ */

/* Merges a result, or appends why there is none. */
static void take_result(struct replica *r, const struct fun_result *result, struct buf *reason)
{
    switch (result->outcome) {
    case FUN_RETURNED:
        merge_result(r, result->term, reason);
        break;
    case FUN_FAILED:
        put_term(reason, result->term);
        break;
    case FUN_UNDEF:
        put_atom(reason, "undef");
        break;
    case FUN_OTHER:
        put_pair(reason, "bad_result");
        put_atom(reason, "other_type");
        break;
    }
}

/* Whether a valid struct has everything that another one has. */
static bool includes(struct replica *r, struct bytes all, struct bytes part)
{
    struct crdt *joined = crdt_make(r->options.type, &r->crdt_options);
    bool more = false;
    enum err e = crdt_merge(joined, all, NULL, &more);
    if (e == OK)
        e = crdt_merge(joined, part, NULL, &more);
    crdt_free(joined);
    return e == OK && !more;
}

/* Whether the next fun was applied to what is now our state: to a valid result that lacks nothing
 * of the state before it, *base, which becomes that result. */
static bool is_sound(struct replica *r, const struct fun_result *result, bool merged,
                     struct bytes *base)
{
    if (result->outcome != FUN_RETURNED)
        return true;
    if (!merged || !includes(r, result->term, *base))
        return false;
    *base = result->term;
    return true;
}

/* Answers the callers of the results up to one that the next fun should not have been applied to;
 * returns how many that are. */
static size_t take_results(struct replica *r, const struct asked *asked,
                           const struct fun_result *results, size_t count, struct turn *t)
{
    struct bytes base = buf_bytes(&asked->state);
    bool sound = true;
    size_t i = 0;
    for (; i < count && sound; i++) {
        struct buf reason = {0};
        take_result(r, &results[i], &reason);
        sound = i + 1 == count || is_sound(r, &results[i], reason.len == 0, &base);
        mutation_finish_kept(r, asked->list[i], &reason, t);
        buf_free(&reason);
    }
    return i;
}

/* Puts back those that are not answered, to be asked for again. */
static void put_back(struct replica *r, struct asked *asked, size_t from)
{
    while (asked->count > from) {
        struct queued_mutation *q = asked->list[--asked->count];
        if (q != NULL)
            mutation_put_back(r, q);
    }
}

/* If nothing is known of any, each is asked for alone: the answer may be about the others. */
static void finish_several(struct replica *r, struct asked *asked, const struct answer *a,
                           bool *late, struct turn *t)
{
    struct fun_result results[LIMIT_QUESTION_FUNS];
    struct question_answer answer;
    size_t answered = 0;
    if (question_read(a, asked->count, results, &answer)) {
        answered = take_results(r, asked, results, answer.count, t);
        *late = answer.hung;
    } else {
        for (size_t i = 0; i < asked->count; i++)
            asked->list[i]->alone = true;
    }
    if (*late) {
        struct queued_mutation **hung = &asked->list[answer.count];
        mutation_refuse_kept(r, *hung, "timeout", t);
        mutation_drop(r, *hung);
        *hung = NULL;
    }
    put_back(r, asked, answered);
}

/* --- any answer -------------------------------------------------------------- */

static void finish_all(struct replica *r, const struct asked *asked, const struct buf *reason,
                       struct turn *t)
{
    for (size_t i = 0; i < asked->count; i++)
        mutation_finish_kept(r, asked->list[i], reason, t);
}

static void finish(struct replica *r, struct asked *asked, const struct answer *a, bool *late,
                   struct turn *t)
{
    struct buf reason = {0};
    if (!durable_is_ready(r)) {
        finish_all(r, asked, &r->durable.reason, t);
    } else if (asked->count == 1 || *late || a->err == ERR_CLOSED) {
        read_result(r, a, &reason);
        finish_all(r, asked, &reason, t);
    } else {
        finish_several(r, asked, a, late, t);
    }
    buf_free(&reason);
}

void fun_answer(struct replica *r, const struct answer *a, struct turn *t)
{
    must(r->fun_call != 0);
    struct asked asked = take_asked(r);
    bool late = a->err == ERR_TIMEOUT;
    r->fun_call = 0;
    finish(r, &asked, a, &late, t);
    asked_free(r, &asked);
    if (late) {
        mark_unresponsive(r, buf_bytes(&r->fun_node), t);
        mutation_refuse_funs(r, buf_bytes(&r->fun_node), t);
    }
    mutation_resume(r, t);
}

void fun_free(struct replica *r)
{
    asked_free(r, &r->asked);
    question_forms_free(&r->forms);
    buf_free(&r->fun_node);
    names_free(&r->unresponsive);
}
