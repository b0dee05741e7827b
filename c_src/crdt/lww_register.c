/* LWWRegister: the last write wins.
 *
 * Memory: three terms, for the value, the timestamp and the actor of the last write. */
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

/* A write; all empty for none. */
struct write {
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

/* --- order of writes ----------------------------------------------------------- */

static struct write current_write(const struct lww_register *r)
{
    return (struct write){term_bytes(&r->timestamp), term_bytes(&r->actor), term_bytes(&r->value)};
}

/* A register that was never written has nil at timestamp 0, whatever its actor.  A struct cannot
 * express a write of nil at 0, so that is none. */
static bool is_unset(const struct write *w)
{
    struct etf_in value = etf_open(w->value);
    return w->timestamp.len == 0 || (integer_sign(w->timestamp) == 0 && etf_accept(&value, "nil"));
}

/* Key order breaks ties between terms that are == in Erlang (1 and 1.0), alike on all replicas. */
static int compare(const struct write *a, const struct write *b)
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

static bool is_later(const struct write *w, const struct write *than)
{
    return !is_unset(w) && (is_unset(than) || compare(w, than) > 0);
}

/* The actor of the last write is about to be another one. */
static void tell(const struct lww_register *r, struct bytes actor)
{
    struct actor_watch *w = r->crdt.watch;
    if (w == NULL || bytes_equal(actor, term_bytes(&r->actor)))
        return;
    w->told(w, actor, true);
    if (r->actor.len > 0)
        w->told(w, term_bytes(&r->actor), false);
}

static bool replace_if_later(struct lww_register *r, const struct write *w)
{
    struct write last = current_write(r);
    if (!is_later(w, &last))
        return false;
    struct term timestamp = term_copy(w->timestamp), actor = term_copy(w->actor),
                value = term_copy(w->value);
    tell(r, term_bytes(&actor));
    close_register(&r->crdt);
    r->timestamp = timestamp;
    r->actor = actor;
    r->value = value;
    return true;
}

static bool join_write(struct crdt *c, const struct write *w, struct crdt *delta)
{
    bool later = replace_if_later(of(c), w);
    if (later && delta != NULL)
        replace_if_later(of(delta), w);
    return later;
}

/* --- mutations ----------------------------------------------------------------- */

static bool is_timestamp(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_INTEGER && integer_sign(term) >= 0;
}

/* set/1: writes at the last timestamp + 1, which is kept in the buffer. */
static enum err set_next(struct write *last, struct buf *timestamp, const struct write *next)
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
    *last = (struct write){buf_bytes(timestamp), next->actor, next->value};
    return OK;
}

static enum err apply(struct write *last, struct buf *timestamp, struct bytes actor,
                      const struct op *op)
{
    struct write next = {.actor = actor, .value = op->args[0]};
    if (op_is(op, "set", 1))
        return set_next(last, timestamp, &next);
    if (!op_is(op, "set", 2) || !is_timestamp(op->args[1]))
        return ERR_BAD_OP;
    if (op->args[1].len > LIMIT_SET_TIMESTAMP_BYTES)
        return ERR_LIMIT;
    next.timestamp = op->args[1];
    if (is_later(&next, last))
        *last = next;
    return OK;
}

static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct write last = current_write(of(c));
    struct buf timestamp = {0};
    enum err e = OK;
    for (size_t i = 0; i < count && e == OK; i++) {
        e = apply(&last, &timestamp, c->options->actor, &ops[i]);
        if (e != OK)
            t->bad = i;
    }
    if (e == OK && !t->dry) {
        join_write(c, &last, t->delta);
        mutation_reply_ok(t, count);
    }
    buf_free(&timestamp);
    return e;
}

/* --- joins --------------------------------------------------------------------- */

/* Buffers for canonical forms. */
struct scratch {
    struct buf timestamp, actor, value;
};

static void scratch_free(struct scratch *s)
{
    buf_free(&s->timestamp);
    buf_free(&s->actor);
    buf_free(&s->value);
}

/* delta_dirty is ignored: it is private to the sender. */
static enum err parse_write(struct write *w, struct scratch *s, const struct bytes *values)
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

static enum err validate(const struct bytes *values)
{
    struct write w;
    struct scratch s = {0};
    enum err e = parse_write(&w, &s, values);
    scratch_free(&s);
    return e;
}

static bool join(struct crdt *c, const struct bytes *values, struct crdt *delta)
{
    struct write w;
    struct scratch s = {0};
    enum err e = parse_write(&w, &s, values);
    must(e == OK);
    bool later = join_write(c, &w, delta);
    scratch_free(&s);
    return later;
}

/* --- reading ------------------------------------------------------------------- */

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

/* delta_dirty is false in deltas too: a receiver that adopts a dirty register would broadcast it
 * again. */
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
    struct write last = current_write(of_const(c));
    uint64_t written = digest_bytes(digest_bytes(d->salt, last.timestamp), last.actor);
    if (!empty(c))
        digests_add_singleton(d, VALUE, digest_bytes(written, last.value));
}

static void actors(const struct crdt *c, struct actors *seen)
{
    if (!empty(c))
        actors_number(seen, term_bytes(&of_const(c)->actor));
}

static size_t actor_count(const struct crdt *c)
{
    return !empty(c);
}

static void check(const struct crdt *c)
{
    const struct lww_register *r = of_const(c);
    struct write last = current_write(r);
    must(empty(c) == (r->actor.len == 0) && empty(c) == (r->value.len == 0));
    must(empty(c) == is_unset(&last));
    must(empty(c) || is_timestamp(last.timestamp));
    must(r->timestamp.len <= LIMIT_TIMESTAMP_BYTES);
}

const struct crdt_type lww_register_type = {
    .module = "Elixir.Grove.Register.LWWRegister",
    .name = "lww_register",
    .fields = {"actor", "delta_dirty", "timestamp", "value"},
    .actor_of_value = true,
    .needed = 1u << ACTOR | 1u << TIMESTAMP | 1u << VALUE,
    .slicing = {[ACTOR] = SLICE_TERM, [VALUE] = SLICE_TERM},
    .bytes = sizeof(struct lww_register),
    .close = close_register,
    .mutate = mutate,
    .validate = validate,
    .join = join,
    .put = put,
    .digest = digest,
    .value = value,
    .empty = empty,
    .actors = actors,
    .actor_count = actor_count,
    .check = check,
};
