#include "gcounter.h"

#include "../term/write.h"
#include "tally.h"
#include "types.h"

enum { ACTOR, COUNTS, DELTA_BUFFER };

static struct gcounter *of(struct crdt *c)
{
    return (struct gcounter *)c;
}

static const struct gcounter *of_const(const struct crdt *c)
{
    return (const struct gcounter *)c;
}

static void close_counts(struct crdt *c)
{
    counts_free(&of(c)->counts);
}

static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct gcounter *g = of(c);
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(ops[i].name, BYTES("increment")))
            continue;
        t->bad = i;
        return ERR_BAD_OP;
    }
    struct buf sum = {0};
    struct bytes actor = c->options->actor;
    enum err e = tally(&g->counts, actor, "increment", ops, count, &sum, &t->bad);
    if (e == OK && !t->dry) {
        counts_raise(&g->counts, actor, buf_bytes(&sum),
                     t->delta != NULL ? &of(t->delta)->counts : NULL);
        mutation_reply_ok(t, count);
    }
    buf_free(&sum);
    return e;
}

/* delta_buffer is ignored: it is private to the sender. */
static enum err validate(const struct bytes *values)
{
    return counts_validate(values[COUNTS]);
}

/* A delta has absolute counts, not increments: a join takes the larger one. */
static bool join(struct crdt *c, const struct bytes *values, struct crdt *delta)
{
    return counts_join(&of(c)->counts, values[COUNTS], delta != NULL ? &of(delta)->counts : NULL);
}

static void put(const struct crdt *c, unsigned field, struct part part, struct buf *out)
{
    switch (field) {
    case ACTOR:
        put_term(out, c->options->actor);
        break;
    case COUNTS:
        counts_put(&of_const(c)->counts, part, out);
        break;
    case DELTA_BUFFER:
        put_map(out, 0);
        break;
    }
}

static void digest(const struct crdt *c, const struct digests *d)
{
    counts_digest(&of_const(c)->counts, d, COUNTS);
}

static void value(const struct crdt *c, struct buf *out)
{
    counts_sum(&of_const(c)->counts, out);
}

static bool empty(const struct crdt *c)
{
    return of_const(c)->counts.len == 0;
}

static void actors(const struct crdt *c, struct actors *seen)
{
    counts_actors(&of_const(c)->counts, seen);
}

static size_t actor_count(const struct crdt *c)
{
    return of_const(c)->counts.len;
}

static void watch(struct crdt *c)
{
    of(c)->counts.watch = c->watch;
}

static void check(const struct crdt *c)
{
    counts_check(&of_const(c)->counts);
}

const struct crdt_type gcounter_type = {
    .module = "Elixir.Grove.Counter.GCounter",
    .name = "gcounter",
    .fields = {"actor", "counts", "delta_buffer"},
    .needed = 1u << COUNTS,
    .slicing = {[COUNTS] = SLICE_PAIRS},
    .bytes = sizeof(struct gcounter),
    .close = close_counts,
    .mutate = mutate,
    .validate = validate,
    .join = join,
    .divisible = true,
    .put = put,
    .digest = digest,
    .value = value,
    .empty = empty,
    .actors = actors,
    .actor_count = actor_count,
    .watch = watch,
    .check = check,
};
