/* TwoPSet: two GSets, one for added and one for removed elements.
 *
 * The halves share no memory: an element costs as much as in a GSet (gset.h), and a removed one
 * twice as much, for good: 130 bytes for a binary of 15. */
#include "../term/write.h"
#include "encoding.h"
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

/* The halves are independent, as Grove's are: a removed element can still be added (to no effect),
 * and one that was never added can be removed. */
static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct two_p_set *s = of(c), *delta = t->delta != NULL ? of(t->delta) : NULL;
    for (size_t i = 0; i < count; i++) {
        if (op_is(&ops[i], "add", 1) || op_is(&ops[i], "remove", 1))
            continue;
        t->bad = i;
        return ERR_BAD_OP;
    }
    for (size_t i = 0; i < count && !t->dry; i++) {
        if (op_is(&ops[i], "add", 1))
            gset_add(&s->added, ops[i].args[0], delta != NULL ? &delta->added : NULL);
        else
            gset_add(&s->removed, ops[i].args[0], delta != NULL ? &delta->removed : NULL);
    }
    mutation_reply_ok(t, count);
    return OK;
}

static enum err validate(const struct bytes *values)
{
    enum err e = crdt_validate_field(&gset_type, values[HALVES_FIRST]);
    return e == OK ? crdt_validate_field(&gset_type, values[HALVES_SECOND]) : e;
}

/* The elements added and not removed. */
static bool put_value(const struct two_p_set *s, struct put_cursor *at, struct buf *out)
{
    const struct table *added = &s->added.elements, *removed = &s->removed.elements;
    if (at->first == 0) {
        mapset_put(out, s->crdt.options->form, 0);
        at->first = out->len;
    }
    while (at->at < table_end(added)) {
        struct bytes element = table_key(added, table_at(added, at->at++));
        bool written = table_find(removed, element) == NULL;
        if (written)
            mapset_element(out, element);
        at->count += written;
        if (written ? out->len >= at->until : put_cursor_skip(at))
            return false;
    }
    put_map_count(out, at->first, at->count);
    mapset_end(out, s->crdt.options->form);
    return true;
}

static void value(const struct crdt *c, struct buf *out)
{
    struct put_cursor whole = {.until = SIZE_MAX, .skips = SIZE_MAX};
    put_value(of_const(c), &whole, out);
}

static bool encode(const struct crdt *c, unsigned field, struct put_cursor *at, struct buf *out)
{
    return field == CRDT_VALUE ? put_value(of_const(c), at, out) : halves_encode(c, field, at, out);
}

static size_t tombstones(const struct crdt *c)
{
    return of_const(c)->removed.elements.live;
}

static size_t elements(const struct crdt *c)
{
    return of_const(c)->added.elements.live;
}

const struct crdt_type two_p_set_type = {
    .module = "Elixir.Grove.Set.TwoPSet",
    .name = "two_p_set",
    .fields = {"actor", "added", "removed"},
    .needed = HALVES_NEEDED,
    .slicing = HALVES_SLICING,
    .half = &gset_type,
    .bytes = sizeof(struct two_p_set),
    .open = halves_open,
    .close = halves_close,
    .mutate = mutate,
    .validate = validate,
    .join = halves_join,
    .divisible = true,
    .put = halves_put,
    .encode = encode,
    .digest = halves_digest,
    .copy_extras = halves_copy_extras,
    .value = value,
    .empty = halves_empty,
    .elements = elements,
    .tombstones = tombstones,
    .check = halves_check,
};
