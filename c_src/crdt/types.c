#include "types.h"

static const struct crdt_type *const types[] = {
    &gcounter_type,
    &pncounter_type,
};

#define TYPES (sizeof(types) / sizeof(types[0]))

const struct crdt_type *crdt_type_at(size_t i)
{
    return i < TYPES ? types[i] : NULL;
}

const struct crdt_type *crdt_type_named(struct bytes text)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (bytes_equal(text, bytes_of(types[i]->name)) ||
            bytes_equal(text, bytes_of(types[i]->module)))
            return types[i];
    }
    return NULL;
}

struct crdt *crdt_make(const struct crdt_type *type, struct bytes actor)
{
    struct crdt *c = type->make(actor);
    must(c->type == type);
    return c;
}

void crdt_free(struct crdt *c)
{
    if (c != NULL)
        c->type->free(c);
}

enum err crdt_mutate(struct crdt *c, const struct op *ops, size_t count, size_t *bad)
{
    return c->type->mutate(c, ops, count, bad);
}

enum err crdt_merge(struct crdt *c, struct bytes checked, enum origin origin, bool *changed)
{
    *changed = false;
    return c->type->merge(c, checked, origin, changed);
}

void crdt_state(const struct crdt *c, struct buf *out)
{
    c->type->state(c, out);
}

bool crdt_dirty(const struct crdt *c)
{
    return c->type->dirty(c);
}

void crdt_delta(const struct crdt *c, struct buf *out)
{
    c->type->delta(c, out);
}

void crdt_reset(struct crdt *c)
{
    c->type->reset(c);
    must(!crdt_dirty(c));
}

void crdt_value(const struct crdt *c, struct buf *out)
{
    c->type->value(c, out);
}

void crdt_check(const struct crdt *c)
{
    c->type->check(c);
}
