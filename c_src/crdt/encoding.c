#include "encoding.h"

#include "../mem.h"

/* To look up an entry that is left out costs as much as to write so many bytes. */
#define SKIP_BYTES 64

struct crdt_encoding {
    const struct crdt *c;
    bool value;
    bool opened, named; /* the struct; the current field */
    struct buf unknown;
    struct struct_out fields;
    unsigned field;
    struct put_cursor cursor;
};

struct crdt_encoding *crdt_encoding_open(const struct crdt *c, bool value)
{
    struct crdt_encoding *e = mem_take(sizeof(*e));
    *e = (struct crdt_encoding){.c = c, .value = value};
    return e;
}

void crdt_encoding_free(struct crdt_encoding *e)
{
    if (e == NULL)
        return;
    crdt_encoding_free(e->cursor.inner);
    buf_free(&e->unknown);
    mem_free(e);
}

static void open_struct(struct crdt_encoding *e, struct buf *out)
{
    const struct crdt_type *type = e->c->type;
    const struct form form = {type->module, type->fields, type->needed};
    unknown_put(&e->c->unknown, &e->unknown);
    const struct extras extras = {{e->unknown.at, e->unknown.len}};
    e->fields = struct_open(out, &form, &extras);
    e->opened = true;
}

/* False if there is more of the field, or of the value. */
static bool put_some(struct crdt_encoding *e, unsigned field, struct buf *out)
{
    const struct crdt_type *type = e->c->type;
    if (type->encode != NULL)
        return type->encode(e->c, field, &e->cursor, out);
    if (e->value)
        type->value(e->c, out);
    else
        type->put(e->c, field, PART_WHOLE, out);
    return true;
}

static bool put_fields(struct crdt_encoding *e, struct buf *out)
{
    const char *const *names = e->c->type->fields;
    if (!e->opened)
        open_struct(e, out);
    e->fields.out = out;
    for (; names[e->field] != NULL; e->field++) {
        if (!e->named)
            struct_field(&e->fields, names[e->field]);
        e->named = true;
        if (out->len >= e->cursor.until || !put_some(e, e->field, out))
            return false;
        e->cursor = (struct put_cursor){.until = e->cursor.until, .skips = e->cursor.skips};
        e->named = false;
    }
    struct_close(&e->fields);
    return true;
}

bool crdt_encoding_step(struct crdt_encoding *e, size_t bytes, struct buf *out)
{
    must(bytes > 0);
    e->cursor.until = bytes < SIZE_MAX - out->len ? out->len + bytes : SIZE_MAX;
    e->cursor.skips = bytes / SKIP_BYTES + 1;
    return e->value ? put_some(e, CRDT_VALUE, out) : put_fields(e, out);
}

bool crdt_encoding_nested(const struct crdt *c, struct put_cursor *at, struct buf *out)
{
    if (at->inner == NULL)
        at->inner = crdt_encoding_open(c, false);
    if (!crdt_encoding_step(at->inner, at->until - out->len, out))
        return false;
    crdt_encoding_free(at->inner);
    at->inner = NULL;
    return true;
}
