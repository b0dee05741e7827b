#include "outline.h"

#include "../limits.h"
#include "../term/write.h"
#include "crdt.h"

/* Bytes of a value that is copied: in canonical form it may yet be below
 * LIMIT_UNKNOWN_FIELD_BYTES. */
#define SMALL_BYTES (16u * LIMIT_UNKNOWN_FIELD_BYTES)
/* Pairs that are copied: more than struct_read() accepts. */
#define PAIRS_MAX (CRDT_FIELDS_MAX + LIMIT_UNKNOWN_FIELDS + 2)

void outline_open(struct outline *o, struct bytes from)
{
    *o = (struct outline){.in = etf_open(from)};
}

void outline_close(struct outline *o)
{
    buf_free(&o->copy);
}

static void next_pair(struct outline *o)
{
    o->key = o->in.at;
    o->value = NULL;
    o->left = 1;
}

static void head_read_once(struct outline *o)
{
    if (o->opened)
        return;
    o->opened = true;
    if (etf_peek(&o->in) != ETF_MAP)
        etf_fail(&o->in, ERR_TYPE);
    o->pairs = etf_map(&o->in);
    put_map(&o->copy, 0);
    o->first = o->copy.len;
    next_pair(o);
}

static void pair_keep(struct outline *o)
{
    struct bytes key = {o->key, (size_t)(o->value - o->key)};
    struct bytes value = {o->value, (size_t)(o->in.at - o->value)};
    struct etf_in at_key = etf_open(key);
    bool large = value.len > SMALL_BYTES;
    if (etf_peek(&at_key) != ETF_ATOM)
        return;
    if (++o->copied > PAIRS_MAX || (large && o->large_count == OUTLINE_LARGE_MAX)) {
        etf_fail(&o->in, ERR_LIMIT);
        return;
    }
    put_term(&o->copy, key);
    if (!large) {
        put_term(&o->copy, value);
        return;
    }
    put_nil(&o->copy);
    o->large[o->large_count].key = key;
    o->large[o->large_count++].value = value;
}

bool outline_step(struct outline *o, size_t bytes)
{
    const uint8_t *from = o->in.at;
    head_read_once(o);
    while (o->pairs > 0 && o->in.err == OK) {
        size_t walked = (size_t)(o->in.at - from);
        if (walked >= bytes || !etf_skip(&o->in, &o->left, bytes - walked))
            return false;
        if (o->value == NULL) {
            o->value = o->in.at;
            o->left = 1;
            continue;
        }
        if (o->in.err == OK)
            pair_keep(o);
        o->pairs--;
        next_pair(o);
    }
    return true;
}

static enum err place_large(const struct outline *o, const struct form *form, struct bytes *values)
{
    for (size_t i = 0; i < o->large_count; i++) {
        struct etf_in key = etf_open(o->large[i].key);
        size_t field = 0;
        while (form->fields[field] != NULL && !etf_accept(&key, form->fields[field]))
            field++;
        if (form->fields[field] == NULL)
            return ERR_LIMIT;
        values[field] = o->large[i].value;
    }
    return OK;
}

static struct bytes copied(struct outline *o)
{
    put_map_count(&o->copy, o->first, o->copied);
    return buf_bytes(&o->copy);
}

enum err outline_read(struct outline *o, const struct form *form, struct bytes *values,
                      struct buf *extras)
{
    must(o->opened && (o->pairs == 0 || o->in.err != OK));
    if (o->in.err != OK)
        return o->in.err;
    enum err e = struct_read(copied(o), form, values, extras);
    return e == OK ? place_large(o, form, values) : e;
}

const struct crdt_type *outline_type(struct outline *o)
{
    return o->in.err == OK ? crdt_type_of(copied(o)) : NULL;
}
