#include "alike.h"

/* Any terms between the same bytes are the values of a struct with the same fields. */
static bool read_same(const struct alike *a, struct etf_in *in, struct parsed *r)
{
    struct etf_in ahead = *in;
    if (a->type == NULL)
        return false;
    *r = (struct parsed){.type = a->type};
    for (unsigned i = 0; i < a->count; i++) {
        if (!skip_same(&ahead, a->between[i]))
            return false;
        r->values[a->fields[i]] = etf_any(&ahead);
    }
    if (!skip_same(&ahead, a->between[a->count]))
        return false;
    *in = ahead;
    return true;
}

/* The field whose value is the first one at or after this place; false for none. */
static bool next_field(const struct parsed *r, const uint8_t *from, uint8_t *field)
{
    const uint8_t *first = NULL;
    for (uint8_t i = 0; i < CRDT_FIELDS_MAX; i++) {
        const uint8_t *at = r->values[i].at;
        if (at == NULL || at < from || (first != NULL && at > first))
            continue;
        first = at;
        *field = i;
    }
    return first != NULL;
}

static void keep(struct alike *a, struct bytes whole, const struct parsed *r)
{
    const uint8_t *at = whole.at;
    uint8_t field;
    *a = (struct alike){.type = r->type};
    for (; next_field(r, at, &field); at = r->values[field].at + r->values[field].len) {
        a->between[a->count] = (struct bytes){at, (size_t)(r->values[field].at - at)};
        a->fields[a->count++] = field;
    }
    a->between[a->count] = (struct bytes){at, (size_t)(whole.at + whole.len - at)};
}

enum err alike_read(struct alike *a, struct etf_in *in, struct parsed *r)
{
    if (read_same(a, in, r))
        return OK;
    struct bytes whole = etf_any(in);
    const struct crdt_type *type = crdt_type_of(whole);
    *r = (struct parsed){0};
    if (type == NULL)
        return ERR_SHAPE;
    enum err e = crdt_parse(r, type, whole);
    if (e == OK && r->extras.len == 0)
        keep(a, whole, r);
    return e;
}
