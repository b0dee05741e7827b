#include "gset.h"

#include "../causal/digests.h"
#include "../term/canon.h"
#include "../term/write.h"
#include "encoding.h"
#include "types.h"

enum { ACTOR, DELTA_BUFFER, ELEMENTS };

static struct gset *of(struct crdt *c)
{
    return (struct gset *)c;
}

static const struct gset *of_const(const struct crdt *c)
{
    return (const struct gset *)c;
}

static void open_elements(struct crdt *c)
{
    table_init(&of(c)->elements, 0, c->options->seed);
    table_keep_marks(&of(c)->elements, part_mark);
}

static void close_elements(struct crdt *c)
{
    table_free(&of(c)->elements, NULL);
}

bool gset_add(struct gset *s, struct bytes element, struct gset *delta)
{
    bool added;
    table_add(&s->elements, element, &added);
    if (added && delta != NULL)
        gset_add(delta, element, NULL);
    return added;
}

static enum err mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    for (size_t i = 0; i < count; i++) {
        if (op_is(&ops[i], "add", 1))
            continue;
        t->bad = i;
        return ERR_BAD_OP;
    }
    for (size_t i = 0; i < count && !t->dry; i++)
        gset_add(of(c), ops[i].args[0], t->delta != NULL ? of(t->delta) : NULL);
    mutation_reply_ok(t, count);
    return OK;
}

/* delta_buffer is ignored: it is private to the sender. */
static enum err validate(const struct bytes *values)
{
    struct etf_in in;
    uint32_t left;
    struct buf scratch = {0};
    struct bytes element;
    enum err e = mapset_read(values[ELEMENTS], &in, &left);
    for (; e == OK && left > 0; left--)
        e = canon_view(&scratch, mapset_next(&in), &element);
    buf_free(&scratch);
    return e == ERR_TYPE ? ERR_SHAPE : e;
}

static bool join(struct crdt *c, const struct bytes *values, struct crdt *delta)
{
    struct etf_in in;
    uint32_t left;
    struct buf scratch = {0};
    bool grew = false;
    enum err e = mapset_read(values[ELEMENTS], &in, &left);
    for (; e == OK && left > 0; left--) {
        struct bytes element;
        e = canon_view(&scratch, mapset_next(&in), &element);
        if (e == OK && gset_add(of(c), element, delta != NULL ? of(delta) : NULL))
            grew = true;
    }
    must(e == OK);
    buf_free(&scratch);
    return grew;
}

static bool put_elements(const struct gset *s, struct part part, struct put_cursor *at,
                         struct buf *out)
{
    const struct table *t = &s->elements;
    const void *record;
    if (at->first == 0) {
        mapset_put(out, s->crdt.options->form, 0);
        at->first = out->len;
    }
    while ((record = part_next(part, t, &at->at)) != NULL) {
        mapset_element(out, table_key(t, record));
        at->count++;
        if (out->len >= at->until)
            return false;
    }
    put_map_count(out, at->first, at->count);
    mapset_end(out, s->crdt.options->form);
    return true;
}

static void put(const struct crdt *c, unsigned field, struct part part, struct buf *out)
{
    struct put_cursor whole = {.until = SIZE_MAX};
    switch (field) {
    case ACTOR:
        put_term(out, c->options->actor);
        break;
    case DELTA_BUFFER:
        mapset_put(out, c->options->form, 0);
        mapset_end(out, c->options->form);
        break;
    case ELEMENTS:
        put_elements(of_const(c), part, &whole, out);
        break;
    }
}

static bool encode(const struct crdt *c, unsigned field, struct put_cursor *at, struct buf *out)
{
    if (field == ELEMENTS || field == CRDT_VALUE)
        return put_elements(of_const(c), PART_WHOLE, at, out);
    put(c, field, PART_WHOLE, out);
    return true;
}

static void digest(const struct crdt *c, const struct digests *d)
{
    const struct table *t = &of_const(c)->elements;
    const void *record;
    for (size_t at = 0; (record = part_next(d->part, t, &at)) != NULL;) {
        uint64_t key = digest_bytes(d->salt, table_key(t, record));
        digests_add(d, ELEMENTS, key, key);
    }
}

static void value(const struct crdt *c, struct buf *out)
{
    put(c, ELEMENTS, PART_WHOLE, out);
}

static bool empty(const struct crdt *c)
{
    return of_const(c)->elements.live == 0;
}

static void check(const struct crdt *c)
{
    const struct table *t = &of_const(c)->elements;
    table_check(t);
    must(table_end(t) == t->live); /* nothing is ever removed */
}

static size_t elements(const struct crdt *c)
{
    return of_const(c)->elements.live;
}

const struct crdt_type gset_type = {
    .module = "Elixir.Grove.Set.GSet",
    .name = "gset",
    .fields = {"actor", "delta_buffer", "elements"},
    .needed = 1u << ELEMENTS,
    .slicing = {[ELEMENTS] = SLICE_SET},
    .bytes = sizeof(struct gset),
    .open = open_elements,
    .close = close_elements,
    .mutate = mutate,
    .validate = validate,
    .join = join,
    .divisible = true,
    .put = put,
    .encode = encode,
    .digest = digest,
    .value = value,
    .empty = empty,
    .elements = elements,
    .check = check,
};
