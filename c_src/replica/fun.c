/* Funs that only a BEAM can run: one at a time is sent to its caller's node with the state, and
 * the state that it returns is merged.  Both act as the same actor, so nothing else may mutate
 * meanwhile: another mutation would issue the same counts and tags.  A node that does not answer
 * therefore delays everybody, but once: what else it has queued is refused, and its next funs
 * are for a while. */
#include "../limits.h"
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

static void mark_unresponsive(struct replica *r, struct bytes node, struct turn *t)
{
    struct unresponsive *u = names_find(&r->unresponsive, node);
    if (u == NULL && r->unresponsive.count == LIMIT_UNRESPONSIVE)
        names_remove(&r->unresponsive, r->unresponsive.list[0]);
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

/* --- sending one ------------------------------------------------------------ */

/* rex can run the fun although the caller waits in its call: it is another process. */
static void send_fun(struct replica *r, struct bytes from, struct bytes fun, struct turn *t)
{
    must(r->fun_call == 0);
    struct buf args = {0};
    put_application(&args, fun, encoding_state(r).part);
    r->fun_call = rex_start(r->process, buf_bytes(&r->fun_node), "erlang", "apply",
                            buf_bytes(&args), LIMIT_APPLY_MS, t);
    buf_free(&args);
    if (r->fun_call != 0)
        buf_put(&r->fun_from, from);
    else
        mutation_refuse(r, from, "overloaded", t);
}

void fun_run(struct replica *r, struct bytes from, struct bytes fun, struct turn *t)
{
    buf_clear(&r->fun_node);
    put_node(&r->fun_node, from, fun);
    if (r->fun_node.len == 0)
        mutation_refuse(r, from, "no_caller", t);
    else if (!turn_may_write(t, buf_bytes(&r->fun_node)))
        mutation_refuse(r, from, "read_only", t); /* its result would be that node's change */
    else if (is_unresponsive(r, buf_bytes(&r->fun_node), t))
        mutation_refuse(r, from, "unresponsive", t);
    else
        send_fun(r, from, fun, t);
}

/* --- its result ------------------------------------------------------------- */

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

void fun_answer(struct replica *r, const struct answer *a, struct turn *t)
{
    must(r->fun_call != 0);
    struct buf from = r->fun_from, reason = {0};
    r->fun_call = 0;
    r->fun_from = (struct buf){0};
    if (durable_is_ready(r))
        read_result(r, a, &reason);
    else
        put_term(&reason, buf_bytes(&r->durable.reason));
    mutation_finish(r, buf_bytes(&from), &reason, t);
    buf_free(&from);
    buf_free(&reason);
    if (a->err == ERR_TIMEOUT) {
        mark_unresponsive(r, buf_bytes(&r->fun_node), t);
        mutation_refuse_funs(r, buf_bytes(&r->fun_node), t);
    }
    mutation_resume(r, t);
}

void fun_free(struct replica *r)
{
    buf_free(&r->fun_from);
    buf_free(&r->fun_node);
    names_free(&r->unresponsive);
}
