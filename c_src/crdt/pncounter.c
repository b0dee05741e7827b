#include <stddef.h>

#include "../term/integer.h"
#include "../term/write.h"
#include "figures.h"
#include "gcounter.h"
#include "halves.h"
#include "tally.h"
#include "types.h"

struct pncounter {
    struct crdt crdt;
    struct gcounter negative, positive;
    struct actor_watch watch; /* of both halves */
    size_t actors;            /* in either */
};

static struct pncounter *of(struct crdt *c)
{
    return (struct pncounter *)c;
}

static const struct pncounter *of_const(const struct crdt *c)
{
    return (const struct pncounter *)c;
}

/* An actor comes to one half: it may be in the other one already. */
static void told(struct actor_watch *w, struct bytes actor, bool came)
{
    struct pncounter *p = (struct pncounter *)((char *)w - offsetof(struct pncounter, watch));
    must(came);
    if (counts_have(&p->negative.counts, actor) || counts_have(&p->positive.counts, actor))
        return;
    p->actors++;
    if (p->crdt.watch != NULL)
        p->crdt.watch->told(p->crdt.watch, actor, true);
}

static void open_counter(struct crdt *c)
{
    struct pncounter *p = of(c);
    halves_open(c);
    p->watch.told = told;
    crdt_watch(&p->negative.crdt, &p->watch);
    crdt_watch(&p->positive.crdt, &p->watch);
}

static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct pncounter *p = of(c), *delta = t->delta != NULL ? of(t->delta) : NULL;
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
    enum err e = tally(positive, actor, "increment", ops, count, &up, &t->bad);
    if (e == OK)
        e = tally(negative, actor, "decrement", ops, count, &down, &t->bad);
    if (e == OK && !t->dry) {
        counts_raise(positive, actor, buf_bytes(&up), delta ? &delta->positive.counts : NULL);
        counts_raise(negative, actor, buf_bytes(&down), delta ? &delta->negative.counts : NULL);
        mutation_reply_ok(t, count);
    }
    buf_free(&up);
    buf_free(&down);
    return e;
}

static enum err validate(const struct bytes *values)
{
    enum err e = crdt_validate_field(&gcounter_type, values[HALVES_FIRST]);
    return e == OK ? crdt_validate_field(&gcounter_type, values[HALVES_SECOND]) : e;
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

static void actors(const struct crdt *c, struct actors *seen)
{
    crdt_add_actors(&of_const(c)->positive.crdt, seen);
    crdt_add_actors(&of_const(c)->negative.crdt, seen);
}

static size_t actor_count(const struct crdt *c)
{
    return of_const(c)->actors;
}

const struct crdt_type pncounter_type = {
    .module = "Elixir.Grove.Counter.PNCounter",
    .name = "pncounter",
    .fields = {"actor", "negative", "positive"},
    .needed = HALVES_NEEDED,
    .slicing = HALVES_SLICING,
    .half = &gcounter_type,
    .bytes = sizeof(struct pncounter),
    .open = open_counter,
    .close = halves_close,
    .mutate = mutate,
    .validate = validate,
    .join = halves_join,
    .divisible = true,
    .put = halves_put,
    .digest = halves_digest,
    .copy_extras = halves_copy_extras,
    .value = value,
    .empty = halves_empty,
    .actors = actors,
    .actor_count = actor_count,
    .check = halves_check,
};
