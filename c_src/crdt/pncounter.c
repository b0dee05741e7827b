#include "../mem.h"
#include "../term/integer.h"
#include "../term/write.h"
#include "gcounter.h"
#include "struct.h"
#include "types.h"

#define MODULE "Elixir.Grove.Counter.PNCounter"

struct pncounter {
    struct crdt crdt;
    struct term actor;
    struct counts positive, negative;
};

static struct pncounter *of(struct crdt *c)
{
    return (struct pncounter *)c;
}

static const struct pncounter *of_const(const struct crdt *c)
{
    return (const struct pncounter *)c;
}

static struct crdt *make(struct bytes actor)
{
    struct pncounter *p = mem_take(sizeof(*p));
    p->crdt.type = &pncounter_type;
    p->actor = term_copy(actor);
    return &p->crdt;
}

static void destroy(struct crdt *c)
{
    struct pncounter *p = of(c);
    term_free(&p->actor);
    counts_free(&p->positive);
    counts_free(&p->negative);
    mem_free(p);
}

static enum err mutate(struct crdt *c, const struct op *ops, size_t count, size_t *bad)
{
    struct pncounter *p = of(c);
    struct bytes actor = term_bytes(&p->actor);
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(ops[i].name, BYTES("increment")) ||
            bytes_equal(ops[i].name, BYTES("decrement")))
            continue;
        *bad = i;
        return ERR_BAD_OP;
    }
    struct buf up = {0}, down = {0};
    enum err e = counts_tally(&p->positive, actor, "increment", ops, count, &up, bad);
    if (e == OK)
        e = counts_tally(&p->negative, actor, "decrement", ops, count, &down, bad);
    if (e == OK) {
        counts_raise(&p->positive, actor, buf_bytes(&up));
        counts_raise(&p->negative, actor, buf_bytes(&down));
    }
    buf_free(&up);
    buf_free(&down);
    return e;
}

/* A half that is no GCounter is a malformed PNCounter, not another type. */
static enum err half_read(struct buf *out, struct bytes half)
{
    enum err e = gcounter_read(out, half);
    return e == ERR_TYPE ? ERR_SHAPE : e;
}

static enum err merge(struct crdt *c, struct bytes checked, enum origin origin, bool *changed)
{
    static const char *const names[] = {"positive", "negative"};
    struct bytes halves[2];
    struct buf up = {0}, down = {0};
    enum err e = struct_read(checked, MODULE, names, 2, halves);
    if (e == OK)
        e = half_read(&up, halves[0]);
    if (e == OK)
        e = half_read(&down, halves[1]);
    if (e == OK) {
        struct pncounter *p = of(c);
        struct bytes own = term_bytes(&p->actor);
        bool local = origin == ORIGIN_LOCAL;
        *changed = counts_join(&p->positive, buf_bytes(&up), own, local);
        *changed |= counts_join(&p->negative, buf_bytes(&down), own, local);
    }
    buf_free(&up);
    buf_free(&down);
    return e;
}

static void put_with(const struct crdt *c, struct buf *out,
                     void (*put)(struct buf *out, struct bytes actor, const struct counts *c))
{
    const struct pncounter *p = of_const(c);
    struct bytes actor = term_bytes(&p->actor);
    struct_put(out, MODULE, 3);
    put_atom(out, "actor");
    put_term(out, actor);
    put_atom(out, "negative");
    put(out, actor, &p->negative);
    put_atom(out, "positive");
    put(out, actor, &p->positive);
}

static void state(const struct crdt *c, struct buf *out)
{
    put_with(c, out, gcounter_put);
}

static bool dirty(const struct crdt *c)
{
    const struct pncounter *p = of_const(c);
    return counts_changed(&p->positive) || counts_changed(&p->negative);
}

static void delta(const struct crdt *c, struct buf *out)
{
    put_with(c, out, gcounter_put_changed);
}

static void reset(struct crdt *c)
{
    struct pncounter *p = of(c);
    counts_reset(&p->positive);
    counts_reset(&p->negative);
}

static void value(const struct crdt *c, struct buf *out)
{
    const struct pncounter *p = of_const(c);
    struct buf up = {0}, down = {0};
    counts_sum(&p->positive, &up);
    counts_sum(&p->negative, &down);
    must(integer_sub(out, buf_bytes(&up), buf_bytes(&down)) == OK);
    buf_free(&up);
    buf_free(&down);
}

static void check(const struct crdt *c)
{
    counts_check(&of_const(c)->positive);
    counts_check(&of_const(c)->negative);
}

const struct crdt_type pncounter_type = {
    .module = MODULE,
    .name = "pncounter",
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
