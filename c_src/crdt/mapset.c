#include "mapset.h"

#include "../term/write.h"
#include "struct.h"

#define VERSION 2

static const char *const fields[] = {"map", NULL};
static const struct form form = {"Elixir.MapSet", fields, 1};

enum err mapset_read(struct bytes checked, struct etf_in *elements, uint32_t *count)
{
    struct bytes map;
    enum err e = struct_read(checked, &form, &map, NULL);
    if (e != OK)
        return e;
    struct etf_in in = etf_open(map);
    if (etf_peek(&in) != ETF_MAP)
        return ERR_SHAPE;
    *count = etf_map(&in);
    *elements = in;
    for (uint32_t left = *count; left > 0; left--) {
        etf_any(&in);
        if (!etf_accept_nil(&in))
            return ERR_SHAPE;
    }
    return etf_finish(&in);
}

struct bytes mapset_next(struct etf_in *elements)
{
    struct bytes element = etf_any(elements);
    etf_any(elements);
    return element;
}

void mapset_put(struct buf *out, enum mapset_form kind, uint32_t count)
{
    put_map(out, kind == MAPSET_VERSIONED ? 3 : 2);
    put_atom(out, "__struct__");
    put_atom(out, form.module);
    put_atom(out, "map");
    put_map(out, count);
}

void mapset_element(struct buf *out, struct bytes element)
{
    put_term(out, element);
    put_nil(out);
}

void mapset_element_end(struct buf *out)
{
    put_nil(out);
}

void mapset_end(struct buf *out, enum mapset_form kind)
{
    if (kind == MAPSET_VERSIONED) {
        put_atom(out, "version");
        put_uint(out, VERSION);
    }
}

void mapset_put_plain(struct buf *out, struct bytes term)
{
    struct etf_in in = etf_open(term);
    uint32_t count;
    if (mapset_read(term, &in, &count) == OK) {
        if (count > 0)
            put_list(out, count);
        for (; count > 0; count--)
            put_term(out, mapset_next(&in));
        put_nil(out);
        return;
    }
    in = etf_open(term);
    if (etf_peek(&in) != ETF_MAP) {
        put_term(out, term);
        return;
    }
    count = etf_map(&in);
    put_map(out, count);
    for (; count > 0; count--) {
        put_term(out, etf_any(&in));
        mapset_put_plain(out, etf_any(&in));
    }
}
