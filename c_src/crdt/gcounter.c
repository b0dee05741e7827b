#include "gcounter.h"

#include "../mem.h"
#include "../term/write.h"
#include "struct.h"
#include "types.h"

#define MODULE "Elixir.Grove.Counter.GCounter"

struct gcounter {
    struct crdt crdt;
    struct term actor;
    struct counts counts;
};

/* --- the struct ----------------------------------------------------------- */

/* Its delta_buffer is the sender's own bookkeeping. */
enum err gcounter_read(struct buf *out, struct bytes checked)
{
    static const char *const names[] = {"counts"};
    struct bytes counts;
    enum err e = struct_read(checked, MODULE, names, 1, &counts);
    return e == OK ? counts_read(out, counts) : e;
}

static void begin(struct buf *out, struct bytes actor)
{
    struct_put(out, MODULE, 3);
    put_atom(out, "actor");
    put_term(out, actor);
    put_atom(out, "counts");
}

static void end(struct buf *out)
{
    put_atom(out, "delta_buffer");
    put_map(out, 0);
}

void gcounter_put(struct buf *out, struct bytes actor, const struct counts *c)
{
    begin(out, actor);
    counts_put(c, out);
    end(out);
}

/* A delta has whole counts, not differences: a join takes the larger one. */
void gcounter_put_changed(struct buf *out, struct bytes actor, const struct counts *c)
{
    begin(out, actor);
    counts_put_changed(c, out);
    end(out);
}

/* --- the row -------------------------------------------------------------- */

static struct gcounter *of(struct crdt *c)
{
    return (struct gcounter *)c;
}

static const struct gcounter *of_const(const struct crdt *c)
{
    return (const struct gcounter *)c;
}

static struct crdt *make(struct bytes actor)
{
    struct gcounter *g = mem_take(sizeof(*g));
    g->crdt.type = &gcounter_type;
    g->actor = term_copy(actor);
    return &g->crdt;
}

static void destroy(struct crdt *c)
{
    struct gcounter *g = of(c);
    term_free(&g->actor);
    counts_free(&g->counts);
    mem_free(g);
}

static enum err mutate(struct crdt *c, const struct op *ops, size_t count, size_t *bad)
{
    struct gcounter *g = of(c);
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(ops[i].name, BYTES("increment")))
            continue;
        *bad = i;
        return ERR_BAD_OP;
    }
    struct buf sum = {0};
    struct bytes actor = term_bytes(&g->actor);
    enum err e = counts_tally(&g->counts, actor, "increment", ops, count, &sum, bad);
    if (e == OK)
        counts_raise(&g->counts, actor, buf_bytes(&sum));
    buf_free(&sum);
    return e;
}

static enum err merge(struct crdt *c, struct bytes checked, enum origin origin, bool *changed)
{
    struct buf counts = {0};
    enum err e = gcounter_read(&counts, checked);
    if (e == OK)
        *changed = counts_join(&of(c)->counts, buf_bytes(&counts), term_bytes(&of(c)->actor),
                               origin == ORIGIN_LOCAL);
    buf_free(&counts);
    return e;
}

static void state(const struct crdt *c, struct buf *out)
{
    const struct gcounter *g = of_const(c);
    gcounter_put(out, term_bytes(&g->actor), &g->counts);
}

static bool dirty(const struct crdt *c)
{
    return counts_changed(&of_const(c)->counts);
}

static void delta(const struct crdt *c, struct buf *out)
{
    const struct gcounter *g = of_const(c);
    gcounter_put_changed(out, term_bytes(&g->actor), &g->counts);
}

static void reset(struct crdt *c)
{
    counts_reset(&of(c)->counts);
}

static void value(const struct crdt *c, struct buf *out)
{
    counts_sum(&of_const(c)->counts, out);
}

static void check(const struct crdt *c)
{
    counts_check(&of_const(c)->counts);
}

const struct crdt_type gcounter_type = {
    .module = MODULE,
    .name = "gcounter",
    .make = make,
    .free = destroy,
    .mutate = mutate,
    .merge = merge,
    .state = state,
    .dirty = dirty,
    .delta = delta,
    .reset = reset,
    .value = value,
    .check = check,
};
