#include "../term/integer.h"
#include "../term/write.h"
#include "gcounter.h"
#include "types.h"

enum { ACTOR, NEGATIVE, POSITIVE };

struct pncounter {
    struct crdt crdt;
    struct gcounter positive, negative;
};

static struct pncounter *of(struct crdt *c)
{
    return (struct pncounter *)c;
}

static const struct pncounter *of_const(const struct crdt *c)
{
    return (const struct pncounter *)c;
}

static void open_halves(struct crdt *c)
{
    crdt_open(&of(c)->positive.crdt, &gcounter_type, c->options);
    crdt_open(&of(c)->negative.crdt, &gcounter_type, c->options);
}

static void close_halves(struct crdt *c)
{
    crdt_close(&of(c)->positive.crdt);
    crdt_close(&of(c)->negative.crdt);
}

static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct pncounter *p = of(c), *grown = t->grown != NULL ? of(t->grown) : NULL;
    struct counts *positive = &p->positive.counts, *negative = &p->negative.counts;
    struct bytes actor = c->options->actor;
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(ops[i].name, BYTES("increment")) ||
            bytes_equal(ops[i].name, BYTES("decrement")))
            continue;
        t->bad = i;
        return ERR_BAD_OP;
    }
    struct buf up = {0}, down = {0};
    enum err e = counts_tally(positive, actor, "increment", ops, count, &up, &t->bad);
    if (e == OK)
        e = counts_tally(negative, actor, "decrement", ops, count, &down, &t->bad);
    if (e == OK) {
        counts_raise(positive, actor, buf_bytes(&up), grown ? &grown->positive.counts : NULL);
        counts_raise(negative, actor, buf_bytes(&down), grown ? &grown->negative.counts : NULL);
        mutation_reply_ok(t, count);
    }
    buf_free(&up);
    buf_free(&down);
    return e;
}

static enum err fits(const struct bytes *values)
{
    enum err e = crdt_fits_inside(&gcounter_type, values[POSITIVE]);
    return e == OK ? crdt_fits_inside(&gcounter_type, values[NEGATIVE]) : e;
}

static bool join(struct crdt *c, const struct bytes *values, struct crdt *grown)
{
    struct pncounter *p = of(c);
    bool up = crdt_join(&p->positive.crdt, values[POSITIVE],
                        grown != NULL ? &of(grown)->positive.crdt : NULL);
    bool down = crdt_join(&p->negative.crdt, values[NEGATIVE],
                          grown != NULL ? &of(grown)->negative.crdt : NULL);
    return up || down;
}

static void put(const struct crdt *c, unsigned field, struct crdt_part part, struct buf *out)
{
    switch (field) {
    case ACTOR:
        put_term(out, c->options->actor);
        break;
    case NEGATIVE:
        crdt_state_of(&of_const(c)->negative.crdt, part, out);
        break;
    case POSITIVE:
        crdt_state_of(&of_const(c)->positive.crdt, part, out);
        break;
    }
}

static void digest(const struct crdt *c, const struct digests *d)
{
    digests_add_state(d, POSITIVE, &of_const(c)->positive.crdt);
    digests_add_state(d, NEGATIVE, &of_const(c)->negative.crdt);
}

static void share(struct crdt *to, const struct crdt *from)
{
    crdt_share_extras(&of(to)->positive.crdt, &of_const(from)->positive.crdt);
    crdt_share_extras(&of(to)->negative.crdt, &of_const(from)->negative.crdt);
}

static void value(const struct crdt *c, struct buf *out)
{
    struct buf up = {0}, down = {0};
    crdt_value(&of_const(c)->positive.crdt, &up);
    crdt_value(&of_const(c)->negative.crdt, &down);
    enum err e = integer_sub(out, buf_bytes(&up), buf_bytes(&down));
    must(e == OK);
    buf_free(&up);
    buf_free(&down);
}

static bool empty(const struct crdt *c)
{
    return crdt_empty(&of_const(c)->positive.crdt) && crdt_empty(&of_const(c)->negative.crdt);
}

static void actors(const struct crdt *c, struct actors *seen)
{
    crdt_add_actors(&of_const(c)->positive.crdt, seen);
    crdt_add_actors(&of_const(c)->negative.crdt, seen);
}

static void check(const struct crdt *c)
{
    crdt_check(&of_const(c)->positive.crdt);
    crdt_check(&of_const(c)->negative.crdt);
}

const struct crdt_type pncounter_type = {
    .module = "Elixir.Grove.Counter.PNCounter",
    .name = "pncounter",
    .fields = {"actor", "negative", "positive"},
    .needed = 1u << POSITIVE | 1u << NEGATIVE,
    .bytes = sizeof(struct pncounter),
    .open = open_halves,
    .close = close_halves,
    .mutate = mutate,
    .fits = fits,
    .join = join,
    .divides = true,
    .put = put,
    .digest = digest,
    .share = share,
    .value = value,
    .empty = empty,
    .actors = actors,
    .check = check,
};
