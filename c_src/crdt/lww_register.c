/* LWWRegister: the last writer's value.
 *
 * Costs three terms: the value, and the time and the actor of its writing. */
#include "../causal/digests.h"
#include "../limits.h"
#include "../term/canon.h"
#include "../term/integer.h"
#include "../term/order.h"
#include "../term/write.h"
#include "types.h"

enum { ACTOR, DELTA_DIRTY, TIMESTAMP, VALUE };

struct lww_register {
    struct crdt crdt;
    struct term timestamp, actor, value; /* none: never written */
};

/* What was written, when and by whom; all empty where nothing was. */
struct writing {
    struct bytes timestamp, actor, value;
};

static const struct bytes zero = {(const uint8_t[]){97, 0}, 2};
static const struct bytes one = {(const uint8_t[]){97, 1}, 2};

static struct lww_register *of(struct crdt *c)
{
    return (struct lww_register *)c;
}

static const struct lww_register *of_const(const struct crdt *c)
{
    return (const struct lww_register *)c;
}

static void close_register(struct crdt *c)
{
    struct lww_register *r = of(c);
    term_free(&r->timestamp);
    term_free(&r->actor);
    term_free(&r->value);
}

/* --- which is the later -------------------------------------------------------- */

static struct writing last_of(const struct lww_register *r)
{
    return (struct writing){term_bytes(&r->timestamp), term_bytes(&r->actor),
                            term_bytes(&r->value)};
}

/* Whether it says nothing: a register that was never written has nil at timestamp 0,
 * whosoever it is, and a struct cannot say otherwise of one that was. */
static bool is_nothing(const struct writing *w)
{
    struct etf_in value = etf_open(w->value);
    return w->timestamp.len == 0 || (integer_sign(w->timestamp) == 0 && etf_accept(&value, "nil"));
}

/* Key order settles what Erlang holds for equal (1 and 1.0), so that all replicas settle
 * it alike. */
static int compare(const struct writing *a, const struct writing *b)
{
    int order = integer_compare(a->timestamp, b->timestamp);
    if (order == 0)
        order = term_compare(a->actor, b->actor);
    if (order == 0)
        order = term_compare(a->value, b->value);
    if (order == 0)
        order = term_compare_keys(a->actor, b->actor);
    return order != 0 ? order : term_compare_keys(a->value, b->value);
}

static bool is_later(const struct writing *w, const struct writing *than)
{
    return !is_nothing(w) && (is_nothing(than) || compare(w, than) > 0);
}

static bool offer(struct lww_register *r, const struct writing *w)
{
    struct writing last = last_of(r);
    if (!is_later(w, &last))
        return false;
    struct term timestamp = term_copy(w->timestamp), actor = term_copy(w->actor),
                value = term_copy(w->value);
    close_register(&r->crdt);
    r->timestamp = timestamp;
    r->actor = actor;
    r->value = value;
    return true;
}

static bool offer_telling(struct crdt *c, const struct writing *w, struct crdt *grown)
{
    bool later = offer(of(c), w);
    if (later && grown != NULL)
        offer(of(grown), w);
    return later;
}

/* --- mutations ----------------------------------------------------------------- */

static bool is_timestamp(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_INTEGER && integer_sign(term) >= 0;
}

/* The value now: a timestamp later than the last one, which goes to the buffer. */
static enum err write_next(struct writing *last, struct buf *timestamp, const struct writing *next)
{
    struct buf later = {0};
    enum err e = integer_add(&later, last->timestamp.len > 0 ? last->timestamp : zero, one);
    if (e == OK && later.len > LIMIT_TIMESTAMP_BYTES)
        e = ERR_LIMIT;
    if (e != OK) {
        buf_free(&later);
        return e;
    }
    buf_free(timestamp);
    *timestamp = later;
    *last = (struct writing){buf_bytes(timestamp), next->actor, next->value};
    return OK;
}

static enum err apply(struct writing *last, struct buf *timestamp, struct bytes actor,
                      const struct op *op)
{
    struct writing next = {.actor = actor, .value = op->args[0]};
    if (op_is(op, "set", 1))
        return write_next(last, timestamp, &next);
    if (!op_is(op, "set", 2) || !is_timestamp(op->args[1]))
        return ERR_BAD_OP;
    if (op->args[1].len > LIMIT_TIMESTAMP_BYTES)
        return ERR_LIMIT;
    next.timestamp = op->args[1];
    if (is_later(&next, last))
        *last = next;
    return OK;
}

static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct writing last = last_of(of(c));
    struct buf timestamp = {0};
    enum err e = OK;
    for (size_t i = 0; i < count && e == OK; i++) {
        e = apply(&last, &timestamp, c->options->actor, &ops[i]);
        if (e != OK)
            t->bad = i;
    }
    if (e == OK) {
        offer_telling(c, &last, t->delta);
        mutation_reply_ok(t, count);
    }
    buf_free(&timestamp);
    return e;
}

/* --- joins --------------------------------------------------------------------- */

/* What canonical forms are made in. */
struct scratch {
    struct buf timestamp, actor, value;
};

static void scratch_free(struct scratch *s)
{
    buf_free(&s->timestamp);
    buf_free(&s->actor);
    buf_free(&s->value);
}

/* delta_dirty is the sender's own bookkeeping. */
static enum err read_writing(struct writing *w, struct scratch *s, const struct bytes *values)
{
    struct etf_in in = etf_open(values[TIMESTAMP]);
    if (etf_peek(&in) != ETF_INTEGER)
        return ERR_SHAPE;
    enum err e = canon_view(&s->timestamp, values[TIMESTAMP], &w->timestamp);
    if (e == OK && integer_sign(w->timestamp) < 0)
        e = ERR_RANGE;
    if (e == OK && w->timestamp.len > LIMIT_TIMESTAMP_BYTES)
        e = ERR_LIMIT;
    if (e == OK)
        e = canon_view(&s->actor, values[ACTOR], &w->actor);
    if (e == OK)
        e = canon_view(&s->value, values[VALUE], &w->value);
    return e;
}

static enum err fits(const struct bytes *values)
{
    struct writing w;
    struct scratch s = {0};
    enum err e = read_writing(&w, &s, values);
    scratch_free(&s);
    return e;
}

static bool join(struct crdt *c, const struct bytes *values, struct crdt *grown)
{
    struct writing w;
    struct scratch s = {0};
    enum err e = read_writing(&w, &s, values);
    must(e == OK);
    bool later = offer_telling(c, &w, grown);
    scratch_free(&s);
    return later;
}

/* --- what is read from one ----------------------------------------------------- */

static bool empty(const struct crdt *c)
{
    return of_const(c)->timestamp.len == 0;
}

static void value(const struct crdt *c, struct buf *out)
{
    if (empty(c))
        put_atom(out, "nil");
    else
        put_term(out, term_bytes(&of_const(c)->value));
}

/* delta_dirty stays false in deltas, too: who takes a dirty register for his own would
 * tell everyone again. */
static void put(const struct crdt *c, unsigned field, struct part part, struct buf *out)
{
    const struct lww_register *r = of_const(c);
    (void)part;
    switch (field) {
    case ACTOR:
        put_term(out, empty(c) ? c->options->actor : term_bytes(&r->actor));
        break;
    case DELTA_DIRTY:
        put_bool(out, false);
        break;
    case TIMESTAMP:
        put_term(out, empty(c) ? zero : term_bytes(&r->timestamp));
        break;
    case VALUE:
        value(c, out);
        break;
    }
}

static void digest(const struct crdt *c, const struct digests *d)
{
    struct writing last = last_of(of_const(c));
    uint64_t written = digest_bytes(digest_bytes(0, last.timestamp), last.actor);
    if (!empty(c))
        digests_add_once(d, VALUE, digest_bytes(written, last.value));
}

static void actors(const struct crdt *c, struct actors *seen)
{
    if (!empty(c))
        actors_number(seen, term_bytes(&of_const(c)->actor));
}

static void check(const struct crdt *c)
{
    const struct lww_register *r = of_const(c);
    struct writing last = last_of(r);
    must(empty(c) == (r->actor.len == 0) && empty(c) == (r->value.len == 0));
    must(empty(c) == is_nothing(&last));
    must(empty(c) || is_timestamp(last.timestamp));
    must(r->timestamp.len <= LIMIT_TIMESTAMP_BYTES);
}

const struct crdt_type lww_register_type = {
    .module = "Elixir.Grove.Register.LWWRegister",
    .name = "lww_register",
    .fields = {"actor", "delta_dirty", "timestamp", "value"},
    .needed = 1u << ACTOR | 1u << TIMESTAMP | 1u << VALUE,
    .bytes = sizeof(struct lww_register),
    .close = close_register,
    .mutate = mutate,
    .fits = fits,
    .join = join,
    .put = put,
    .digest = digest,
    .value = value,
    .empty = empty,
    .actors = actors,
    .check = check,
};
