/* The two halves share nothing: an element that was added costs what it does in a GSet
 * (gset.h), and one that was removed, too, costs that twice and for good: 130 bytes for
 * a binary of 15. */
#include "gset.h"
#include "halves.h"
#include "types.h"

struct two_p_set {
    struct crdt crdt;
    struct gset added, removed;
};

static struct two_p_set *of(struct crdt *c)
{
    return (struct two_p_set *)c;
}

static const struct two_p_set *of_const(const struct crdt *c)
{
    return (const struct two_p_set *)c;
}

/* An element that was removed is still taken in by an add, and one that was never
 * added by a remove: the halves know nothing of each other, as Grove's do not. */
static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct two_p_set *s = of(c), *grown = t->delta != NULL ? of(t->delta) : NULL;
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
    enum err e = crdt_fits_inside(&gset_type, values[HALVES_FIRST]);
    return e == OK ? crdt_fits_inside(&gset_type, values[HALVES_SECOND]) : e;
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

static size_t tombstones(const struct crdt *c)
{
    return of_const(c)->removed.elements.live;
}

const struct crdt_type two_p_set_type = {
    .module = "Elixir.Grove.Set.TwoPSet",
    .name = "two_p_set",
    .fields = {"actor", "added", "removed"},
    .needed = HALVES_NEEDED,
    .half = &gset_type,
    .bytes = sizeof(struct two_p_set),
    .open = halves_open,
    .close = halves_close,
    .mutate = mutate,
    .fits = fits,
    .join = halves_join,
    .divisible = true,
    .put = halves_put,
    .digest = halves_digest,
    .copy_extras = halves_copy_extras,
    .value = value,
    .empty = halves_empty,
    .tombstones = tombstones,
    .check = halves_check,
};
