/* MVRegister: keeps all concurrent values. */
#include "mv_register.h"

#include "../../limits.h"
#include "../../mem.h"
#include "../../term/canon.h"
#include "../../term/write.h"
#include "../types.h"

enum { ACTOR, CLOCK, DELTA_BUFFER, VALUES };

static struct mv_register *of(struct crdt *c)
{
    return (struct mv_register *)c;
}

static const struct mv_register *of_const(const struct crdt *c)
{
    return (const struct mv_register *)c;
}

static void close_register(struct crdt *c)
{
    counts_free(&of(c)->clock);
    mv_free_values(of(c));
}

/* --- mutations ------------------------------------------------------------------- */

static enum err check_ops(const struct op *ops, size_t count, uint64_t n, struct mutation_turn *t)
{
    for (size_t i = 0; i < count; i++) {
        bool known = op_is(&ops[i], "set", 1) || op_is(&ops[i], "resolve", 1);
        if (known && i < VCLOCK_N_MAX - n)
            continue;
        t->bad = i;
        return known ? ERR_LIMIT : ERR_BAD_OP;
    }
    return OK;
}

static void raise_own(struct mv_register *m, uint64_t n, struct mv_register *delta)
{
    struct buf count = {0};
    put_uint(&count, n);
    counts_raise(&m->clock, m->crdt.options->actor, buf_bytes(&count),
                 delta != NULL ? &delta->clock : NULL);
    buf_free(&count);
}

/* The only value from now on: the register's clock, which is its own, covers those of all others.
 * Those of the delta may have come from elsewhere. */
static void replace_all(struct mv_register *m, struct term pair, struct mv_register *delta)
{
    struct bytes incoming = term_bytes(&pair);
    if (delta != NULL)
        mv_join_values(delta, &incoming, 1, NULL);
    mv_free_values(m);
    m->list = mem_take(sizeof(*m->list));
    m->list[0] = pair;
    m->len = 1;
}

/* Each set and resolve replaces all values seen, so only the last one of a batch remains. */
static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct mv_register *m = of(c), *delta = t->delta != NULL ? of(t->delta) : NULL;
    struct etf_in in = etf_open(counts_of(&m->clock, c->options->actor));
    uint64_t n = etf_uint64(&in);
    enum err e = check_ops(ops, count, n, t);
    if (e != OK || count == 0 || t->dry)
        return e;

    struct buf pair = {0};
    raise_own(m, n + count, delta);
    put_tuple(&pair, 2);
    put_term(&pair, ops[count - 1].args[0]);
    counts_put(&m->clock, PART_WHOLE, &pair);
    replace_all(m, term_take(&pair), delta);
    mutation_reply_ok(t, count);
    return OK;
}

/* --- joins ----------------------------------------------------------------------- */

static enum err validate_clock(struct buf *scratch, struct bytes checked)
{
    struct bytes canonical;
    enum err e = canon_view(scratch, checked, &canonical);
    return e == OK ? vclock_validate(canonical) : e;
}

static enum err validate_values(struct bytes canonical)
{
    struct etf_in in = etf_open(canonical);
    for (uint32_t values = etf_map(&in); values > 0 && in.err == OK; values--) {
        etf_tuple_of(&in, 2);
        etf_any(&in);
        struct bytes clock = etf_any(&in);
        etf_expect(&in, "true");
        enum err e = in.err == OK ? vclock_validate(clock) : OK;
        if (e != OK)
            etf_fail(&in, e);
    }
    return etf_finish(&in);
}

static enum err read_values(struct buf *scratch, struct bytes checked)
{
    struct etf_in in = etf_open(checked);
    struct bytes canonical;
    if (etf_peek(&in) != ETF_MAP)
        return ERR_SHAPE;
    if (etf_map(&in) > LIMIT_CONCURRENT_VALUES)
        return ERR_LIMIT;
    enum err e = canon_view(scratch, checked, &canonical);
    return e == OK ? validate_values(canonical) : e;
}

static enum err validate(const struct bytes *values)
{
    struct buf scratch = {0};
    enum err e = validate_clock(&scratch, values[CLOCK]);
    if (e == OK)
        e = read_values(&scratch, values[VALUES]);
    buf_free(&scratch);
    return e;
}

/* delta_buffer is ignored: it is private to the sender. */
static bool join(struct crdt *c, const struct bytes *values, struct crdt *delta)
{
    struct mv_register *m = of(c), *d = delta != NULL ? of(delta) : NULL;
    struct buf scratch = {0};
    struct bytes canonical;
    enum err e = canon_view(&scratch, values[VALUES], &canonical);
    must(e == OK);
    struct etf_in in = etf_open(canonical);
    uint32_t count = etf_map(&in);
    struct bytes *incoming = mem_take(count * sizeof(*incoming));
    for (uint32_t i = 0; i < count; i++) {
        incoming[i] = etf_any(&in);
        etf_any(&in);
    }
    bool later = counts_join(&m->clock, values[CLOCK], d != NULL ? &d->clock : NULL);
    bool changed = mv_join_values(m, incoming, count, d);
    mem_free(incoming);
    buf_free(&scratch);
    return later || changed;
}

/* --- reading --------------------------------------------------------------------- */

static void values_put(const struct mv_register *m, struct buf *out)
{
    put_map(out, (uint32_t)m->len);
    for (size_t i = 0; i < m->len; i++) {
        put_term(out, term_bytes(&m->list[i]));
        put_bool(out, true);
    }
}

static void put(const struct crdt *c, unsigned field, struct part part, struct buf *out)
{
    switch (field) {
    case ACTOR:
        put_term(out, c->options->actor);
        break;
    case CLOCK:
        counts_put(&of_const(c)->clock, part, out);
        break;
    case DELTA_BUFFER:
        put_atom(out, "nil");
        break;
    case VALUES:
        values_put(of_const(c), out);
        break;
    }
}

static void digest(const struct crdt *c, const struct digests *d)
{
    const struct mv_register *m = of_const(c);
    counts_digest(&m->clock, d, CLOCK);
    for (size_t i = 0; i < m->len; i++)
        digests_add_singleton(d, VALUES, digest_bytes(d->salt, term_bytes(&m->list[i])));
}

static void value(const struct crdt *c, struct buf *out)
{
    const struct mv_register *m = of_const(c);
    if (m->len > 0)
        put_list(out, (uint32_t)m->len);
    for (size_t i = 0; i < m->len; i++)
        put_term(out, mv_pair_open(term_bytes(&m->list[i])).value);
    put_nil(out);
}

static bool empty(const struct crdt *c)
{
    return of_const(c)->clock.len == 0 && of_const(c)->len == 0;
}

static void actors(const struct crdt *c, struct actors *seen)
{
    counts_actors(&of_const(c)->clock, seen);
}

static size_t actor_count(const struct crdt *c)
{
    return of_const(c)->clock.len;
}

static void watch(struct crdt *c)
{
    of(c)->clock.watch = c->watch;
}

static void check(const struct crdt *c)
{
    counts_check(&of_const(c)->clock);
    mv_check_values(of_const(c));
}

static size_t elements(const struct crdt *c)
{
    return of_const(c)->len;
}

const struct crdt_type mv_register_type = {
    .module = "Elixir.Grove.Register.MVRegister",
    .name = "mv_register",
    .fields = {"actor", "clock", "delta_buffer", "values"},
    .needed = 1u << CLOCK | 1u << VALUES,
    .slicing = {[CLOCK] = SLICE_TERM, [VALUES] = SLICE_TERM},
    .bytes = sizeof(struct mv_register),
    .close = close_register,
    .mutate = mutate,
    .validate = validate,
    .join = join,
    .put = put,
    .digest = digest,
    .value = value,
    .empty = empty,
    .elements = elements,
    .actors = actors,
    .actor_count = actor_count,
    .watch = watch,
    .check = check,
};
