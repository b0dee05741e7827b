/* MVRegister: keeps all concurrent values.
 *
 * Memory per value: one term, {Value, Clock}, and a pointer pair.  A value's clock is the
 * register's clock when it was written, so a value dominates those that its writer had seen.
 * The register's own clock covers everything seen.  Invariants:
 *
 *   1. values are in key order, without duplicates, at most LIMIT_CONCURRENT_VALUES;
 *   2. none is dominated by another;
 *   3. the register's clock is at least each value's clock, so the next write dominates all. */
#include "../../causal/counts.h"
#include "../../causal/vclock.h"
#include "../../limits.h"
#include "../../mem.h"
#include "../../term/canon.h"
#include "../../term/order.h"
#include "../../term/write.h"
#include "../types.h"

enum { ACTOR, CLOCK, DELTA_BUFFER, VALUES };

struct mv_register {
    struct crdt crdt;
    struct counts clock;
    struct term *list; /* {Value, Clock} */
    size_t len;
};

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
    struct mv_register *m = of(c);
    counts_free(&m->clock);
    for (size_t i = 0; i < m->len; i++)
        term_free(&m->list[i]);
    mem_free(m->list);
}

/* --- merging values ---------------------------------------------------------------- */

struct pair {
    struct bytes value, clock;
};

static struct pair pair_open(struct bytes term)
{
    struct etf_in in = etf_open(term);
    etf_tuple_of(&in, 2);
    struct pair pair = {.value = etf_any(&in)};
    pair.clock = etf_last(&in);
    must(in.err == OK);
    return pair;
}

/* Present and incoming values, merged in key order. */
struct merging {
    struct bytes *list, *clocks;
    struct term **own; /* NULL for an incoming value */
    bool *dominated;
    size_t len;
    struct bytes *added; /* the incoming values that are kept */
    size_t added_len;
};

static void merging_open(struct merging *x, size_t most)
{
    *x = (struct merging){
        .list = mem_take(most * sizeof(*x->list)),
        .clocks = mem_take(most * sizeof(*x->clocks)),
        .own = mem_take(most * sizeof(struct term *)),
        .dominated = mem_take(most * sizeof(*x->dominated)),
        .added = mem_take(most * sizeof(*x->added)),
    };
}

static void merging_close(struct merging *x)
{
    mem_free(x->list);
    mem_free(x->clocks);
    mem_free(x->own);
    mem_free(x->dominated);
    mem_free(x->added);
}

static int merging_order(const struct mv_register *m, size_t i, const struct bytes *incoming,
                         size_t left)
{
    if (i == m->len)
        return 1;
    return left == 0 ? -1 : term_compare_keys(term_bytes(&m->list[i]), *incoming);
}

static void merge_lists(struct merging *x, struct mv_register *m, const struct bytes *incoming,
                        size_t count)
{
    for (size_t i = 0, j = 0; i < m->len || j < count; x->len++) {
        int order = merging_order(m, i, incoming + j, count - j);
        x->list[x->len] = order > 0 ? incoming[j] : term_bytes(&m->list[i]);
        x->own[x->len] = order > 0 ? NULL : &m->list[i];
        x->clocks[x->len] = pair_open(x->list[x->len]).clock;
        i += order <= 0;
        j += order >= 0;
    }
}

/* Keeps the values that are not dominated; true if the set of values changed. */
static bool keep_maximal(struct merging *x, struct mv_register *m)
{
    struct term *list = mem_take(x->len * sizeof(*list));
    size_t len = 0;
    bool changed = false;
    for (size_t i = 0; i < x->len; i++) {
        struct term *own = x->own[i];
        bool stays = !x->dominated[i] && len < LIMIT_CONCURRENT_VALUES;
        changed |= stays == (own == NULL);
        if (!stays) {
            if (own != NULL)
                term_free(own);
            continue;
        }
        list[len++] = own != NULL ? *own : term_copy(x->list[i]);
        if (own == NULL)
            x->added[x->added_len++] = x->list[i];
    }
    mem_free(m->list);
    m->list = list;
    m->len = len;
    return changed;
}

/* Up to so many new values are compared one by one with all others: reading all clocks costs more.
 */
#define FEW_VALUES 8

static void compare_pair(struct merging *x, size_t i, size_t k)
{
    struct vclock_order order = vclock_compare(x->clocks[i], x->clocks[k]);
    x->dominated[i] |= order.at_most && !order.at_least;
    x->dominated[k] |= order.at_least && !order.at_most;
}

/* The clocks of those before are covered by the register's own. */
static bool compare_few(struct merging *x, struct mv_register *m, struct counts *delta)
{
    bool later = false;
    for (size_t i = 0; i < x->len; i++) {
        if (x->own[i] != NULL)
            continue;
        for (size_t k = 0; k < x->len; k++)
            if (k != i)
                compare_pair(x, i, k);
        later |= counts_join(&m->clock, x->clocks[i], delta);
    }
    return later;
}

static bool compare_all(struct merging *x, struct mv_register *m, struct counts *delta)
{
    struct buf greatest = {0};
    vclocks_compare(x->clocks, x->len, m->crdt.options->seed, x->dominated, &greatest);
    bool later = counts_join(&m->clock, buf_bytes(&greatest), delta);
    buf_free(&greatest);
    return later;
}

static bool prune(struct merging *x, struct mv_register *m, struct mv_register *delta)
{
    struct counts *clock = delta != NULL ? &delta->clock : NULL;
    bool few = x->len - m->len <= FEW_VALUES;
    bool later = few ? compare_few(x, m, clock) : compare_all(x, m, clock);
    return keep_maximal(x, m) || later;
}

/* Joins values (canonical, in key order); true if the register changed. */
static bool join_pairs(struct mv_register *m, const struct bytes *incoming, size_t count,
                       struct mv_register *delta)
{
    struct merging x;
    merging_open(&x, m->len + count);
    merge_lists(&x, m, incoming, count);
    /* A state that is known already arrives often: then there is nothing to compare. */
    bool changed = x.len > m->len && prune(&x, m, delta);
    if (delta != NULL && x.added_len > 0)
        join_pairs(delta, x.added, x.added_len, NULL);
    merging_close(&x);
    return changed;
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
    struct bytes incoming = buf_bytes(&pair);
    join_pairs(m, &incoming, 1, delta);
    must(m->len == 1);
    buf_free(&pair);
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
    bool changed = join_pairs(m, incoming, count, d);
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
        put_term(out, pair_open(term_bytes(&m->list[i])).value);
    put_nil(out);
}

static bool empty(const struct crdt *c)
{
    return of_const(c)->clock.len == 0 && of_const(c)->len == 0;
}

static void check_order(const struct mv_register *m)
{
    must(m->len <= LIMIT_CONCURRENT_VALUES);
    for (size_t i = 1; i < m->len; i++)
        must(term_compare_keys(term_bytes(&m->list[i - 1]), term_bytes(&m->list[i])) < 0);
}

/* The clock covers the values' clocks if joining their maximum does not make it grow. */
static void check_clocks(const struct mv_register *m)
{
    struct bytes *clocks = mem_take(m->len * sizeof(*clocks));
    bool *dominated = mem_take(m->len * sizeof(*dominated));
    struct counts clock = {0};
    struct buf all = {0}, greatest = {0};
    for (size_t i = 0; i < m->len; i++)
        clocks[i] = pair_open(term_bytes(&m->list[i])).clock;
    vclocks_compare(clocks, m->len, m->crdt.options->seed, dominated, &greatest);
    for (size_t i = 0; i < m->len; i++)
        must(!dominated[i]);
    counts_put(&m->clock, PART_WHOLE, &all);
    must(vclock_validate(buf_bytes(&all)) == OK);
    counts_join(&clock, buf_bytes(&all), NULL);
    bool grew = counts_join(&clock, buf_bytes(&greatest), NULL);
    must(!grew);
    mem_free(clocks);
    mem_free(dominated);
    counts_free(&clock);
    buf_free(&all);
    buf_free(&greatest);
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
    check_order(of_const(c));
    check_clocks(of_const(c));
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
