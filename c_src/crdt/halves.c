#include "halves.h"

#include "../term/write.h"
#include "encoding.h"
#include "part.h"

static struct crdt *half(const struct crdt *c, unsigned field)
{
    size_t before = (field - HALVES_FIRST) * c->type->half->bytes;
    must(sizeof(*c) + 2 * c->type->half->bytes <= c->type->bytes);
    return (struct crdt *)((char *)c + sizeof(*c) + before);
}

void halves_open(struct crdt *c)
{
    crdt_open(half(c, HALVES_FIRST), c->type->half, c->options);
    crdt_open(half(c, HALVES_SECOND), c->type->half, c->options);
}

void halves_close(struct crdt *c)
{
    crdt_close(half(c, HALVES_FIRST));
    crdt_close(half(c, HALVES_SECOND));
}

static bool join_half(struct crdt *c, unsigned field, const struct bytes *values,
                      struct crdt *delta)
{
    return crdt_join(half(c, field), values[field], delta != NULL ? half(delta, field) : NULL);
}

bool halves_join(struct crdt *c, const struct bytes *values, struct crdt *delta)
{
    bool first = join_half(c, HALVES_FIRST, values, delta);
    bool second = join_half(c, HALVES_SECOND, values, delta);
    return first || second;
}

void halves_put(const struct crdt *c, unsigned field, struct part part, struct buf *out)
{
    if (field == HALVES_ACTOR)
        put_term(out, c->options->actor);
    else
        crdt_state_of(half(c, field), part, out);
}

bool halves_encode(const struct crdt *c, unsigned field, struct put_cursor *at, struct buf *out)
{
    if (field == HALVES_FIRST || field == HALVES_SECOND)
        return crdt_encoding_nested(half(c, field), at, out);
    if (field == CRDT_VALUE)
        c->type->value(c, out);
    else
        c->type->put(c, field, PART_WHOLE, out);
    return true;
}

void halves_digest(const struct crdt *c, const struct digests *d)
{
    crdt_digest_field(d, HALVES_FIRST, half(c, HALVES_FIRST));
    crdt_digest_field(d, HALVES_SECOND, half(c, HALVES_SECOND));
}

void halves_copy_extras(struct crdt *to, const struct crdt *from)
{
    crdt_copy_extras(half(to, HALVES_FIRST), half(from, HALVES_FIRST));
    crdt_copy_extras(half(to, HALVES_SECOND), half(from, HALVES_SECOND));
}

bool halves_empty(const struct crdt *c)
{
    return crdt_empty(half(c, HALVES_FIRST)) && crdt_empty(half(c, HALVES_SECOND));
}

void halves_check(const struct crdt *c)
{
    crdt_check(half(c, HALVES_FIRST));
    crdt_check(half(c, HALVES_SECOND));
}
