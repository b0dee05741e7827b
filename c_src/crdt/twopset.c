/* The two halves share nothing: an element that was added costs what it does in a GSet
 * (gset.h), and one that was removed, too, costs that twice and for good: 130 bytes for
 * a binary of 15. */
#include "../term/write.h"
#include "digests.h"
#include "gset.h"
#include "types.h"

enum { ACTOR, ADDED, REMOVED };

struct twopset {
    struct crdt crdt;
    struct gset added, removed;
};

static struct twopset *of(struct crdt *c)
{
    return (struct twopset *)c;
}

static const struct twopset *of_const(const struct crdt *c)
{
    return (const struct twopset *)c;
}

static void open_halves(struct crdt *c)
{
    crdt_open(&of(c)->added.crdt, &gset_type, c->options);
    crdt_open(&of(c)->removed.crdt, &gset_type, c->options);
}

static void close_halves(struct crdt *c)
{
    crdt_close(&of(c)->added.crdt);
    crdt_close(&of(c)->removed.crdt);
}

/* An element that was removed is still taken in by an add, and one that was never
 * added by a remove: the halves know nothing of each other, as Grove's do not. */
static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct twopset *s = of(c), *grown = t->grown != NULL ? of(t->grown) : NULL;
    for (size_t i = 0; i < count; i++) {
        if (op_is(&ops[i], "add", 1) || op_is(&ops[i], "remove", 1))
            continue;
        t->bad = i;
        return ERR_BAD_OP;
    }
    for (size_t i = 0; i < count; i++) {
        if (op_is(&ops[i], "add", 1))
            gset_add(&s->added, ops[i].args[0], grown != NULL ? &grown->added : NULL);
        else
            gset_add(&s->removed, ops[i].args[0], grown != NULL ? &grown->removed : NULL);
    }
    mutation_reply_ok(t, count);
    return OK;
}

static enum err fits(const struct bytes *values)
{
    enum err e = crdt_fits_inside(&gset_type, values[ADDED]);
    return e == OK ? crdt_fits_inside(&gset_type, values[REMOVED]) : e;
}

static bool join(struct crdt *c, const struct bytes *values, struct crdt *grown)
{
    struct twopset *s = of(c);
    bool more =
        crdt_join(&s->added.crdt, values[ADDED], grown != NULL ? &of(grown)->added.crdt : NULL);
    bool fewer = crdt_join(&s->removed.crdt, values[REMOVED],
                           grown != NULL ? &of(grown)->removed.crdt : NULL);
    return more || fewer;
}

static void put(const struct crdt *c, unsigned field, struct crdt_part part, struct buf *out)
{
    switch (field) {
    case ACTOR:
        put_term(out, c->options->actor);
        break;
    case ADDED:
        crdt_state_of(&of_const(c)->added.crdt, part, out);
        break;
    case REMOVED:
        crdt_state_of(&of_const(c)->removed.crdt, part, out);
        break;
    }
}

static void digest(const struct crdt *c, const struct digests *d)
{
    digests_add_state(d, ADDED, &of_const(c)->added.crdt);
    digests_add_state(d, REMOVED, &of_const(c)->removed.crdt);
}

static void share(struct crdt *to, const struct crdt *from)
{
    crdt_share_extras(&of(to)->added.crdt, &of_const(from)->added.crdt);
    crdt_share_extras(&of(to)->removed.crdt, &of_const(from)->removed.crdt);
}

/* Those that were added and not removed. */
static size_t members(const struct table *added, const struct table *removed)
{
    size_t both = 0;
    for (size_t i = 0; i < table_end(removed); i++)
        both += table_find(added, table_key(removed, table_at(removed, i))) != NULL;
    return added->live - both;
}

static void value(const struct crdt *c, struct buf *out)
{
    const struct table *added = &of_const(c)->added.elements;
    const struct table *removed = &of_const(c)->removed.elements;
    mapset_put(out, c->options->form, (uint32_t)members(added, removed));
    for (size_t i = 0; i < table_end(added); i++) {
        struct bytes element = table_key(added, table_at(added, i));
        if (table_find(removed, element) == NULL)
            mapset_element(out, element);
    }
    mapset_end(out, c->options->form);
}

static bool empty(const struct crdt *c)
{
    return crdt_empty(&of_const(c)->added.crdt) && crdt_empty(&of_const(c)->removed.crdt);
}

static size_t tombstones(const struct crdt *c)
{
    return of_const(c)->removed.elements.live;
}

static void check(const struct crdt *c)
{
    crdt_check(&of_const(c)->added.crdt);
    crdt_check(&of_const(c)->removed.crdt);
}

const struct crdt_type two_p_set_type = {
    .module = "Elixir.Grove.Set.TwoPSet",
    .name = "two_p_set",
    .fields = {"actor", "added", "removed"},
    .needed = 1u << ADDED | 1u << REMOVED,
    .bytes = sizeof(struct twopset),
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
    .tombstones = tombstones,
    .check = check,
};
