#include "../../term/canon.h"
#include "../../term/write.h"
#include "../hlc_struct.h"
#include "rga.h"

enum { ID, PREV_ID, TIMESTAMP, VALUE };

static const char *const fields[] = {"id", "prev_id", "timestamp", "value", NULL};
static const struct form form = {NULL, fields,
                                 1u << ID | 1u << PREV_ID | 1u << TIMESTAMP | 1u << VALUE};

/* --- reading ------------------------------------------------------------------------- */

void rga_reader_close(struct rga_reader *r)
{
    tag_reader_close(&r->ids);
    tag_reader_close(&r->prevs);
    buf_free(&r->node_canonical);
    buf_free(&r->value);
    buf_free(&r->extras);
    buf_free(&r->time_extras);
}

static enum err read_tag(struct tag_reader *r, struct actors *actors, struct bytes checked,
                         struct tag *tag)
{
    if (actors == NULL)
        return tag_validate(r, checked);
    *tag = tag_read(r, actors, checked);
    return OK;
}

static enum err read_prev(struct rga_reader *r, struct actors *actors, struct bytes checked,
                          struct rga_item *item)
{
    struct etf_in in = etf_open(checked);
    item->at_head = etf_accept(&in, "head");
    return item->at_head ? OK : read_tag(&r->prevs, actors, checked, &item->prev);
}

/* Caches the last node, since there are only a few. */
static enum err read_node(struct rga_reader *r, struct actors *actors, struct bytes checked)
{
    struct bytes canonical;
    if (bytes_equal(checked, r->node))
        return OK;
    enum err e = canon_view(&r->node_canonical, checked, &canonical);
    if (e != OK)
        return e;
    if (actors != NULL)
        r->node_number = actors_number(actors, canonical);
    r->node = checked;
    return OK;
}

static enum err read_time(struct rga_reader *r, struct actors *actors, struct bytes checked,
                          struct rga_item *item)
{
    struct bytes node;
    buf_clear(&r->time_extras);
    enum err e = hlc_read(checked, &item->time, &node, &r->time_extras);
    if (e == OK)
        e = read_node(r, actors, node);
    item->node = r->node_number;
    item->terms.time_extras = buf_bytes(&r->time_extras);
    return e;
}

/* The id in an element must equal its key. */
static enum err same_term(struct bytes a, struct bytes b)
{
    if (bytes_equal(a, b))
        return OK;
    struct term x, y = {0};
    enum err e = canon_copy(&x, a);
    if (e == OK)
        e = canon_copy(&y, b);
    if (e == OK && !bytes_equal(term_bytes(&x), term_bytes(&y)))
        e = ERR_SHAPE;
    term_free(&x);
    term_free(&y);
    return e;
}

enum err rga_read(struct rga_reader *r, struct actors *actors, struct etf_in *pairs,
                  struct rga_item *item)
{
    struct bytes key = etf_any(pairs), values[sizeof(fields) / sizeof(fields[0])];
    *item = (struct rga_item){0};
    buf_clear(&r->extras);
    enum err e = struct_next(pairs, &form, values, &r->extras);
    if (e != OK)
        return e == ERR_TYPE ? ERR_SHAPE : e;
    item->terms.extras = buf_bytes(&r->extras);
    e = read_tag(&r->ids, actors, key, &item->id);
    if (e == OK)
        e = same_term(key, values[ID]);
    if (e == OK)
        e = read_prev(r, actors, values[PREV_ID], item);
    if (e == OK)
        e = read_time(r, actors, values[TIMESTAMP], item);
    if (e == OK)
        e = canon_view(&r->value, values[VALUE], &item->terms.value);
    return e;
}

/* --- writing ------------------------------------------------------------------------- */

/* Unknown fields in place, borrowed from the elements' terms. */
static struct extras view(const struct rga *r, struct bytes map)
{
    if (map.len == 0)
        return (struct extras){0};
    return (struct extras){{r->elements.terms.at + (map.at - r->elements.terms.at), map.len}};
}

static void put_prev(struct buf *out, const struct rga *r, uint32_t prev)
{
    if (prev == RGA_HEAD)
        put_atom(out, "head");
    else
        tag_put(out, &r->actors, r->elements.list[prev].id);
}

void rga_put(struct buf *out, const struct rga *r, uint32_t number)
{
    const struct rga_element *e = &r->elements.list[number];
    struct rga_terms terms = rga_elements_terms(&r->elements, number);
    struct extras extras = view(r, terms.extras), time_extras = view(r, terms.time_extras);
    tag_put(out, &r->actors, e->id);
    struct struct_out s = struct_open(out, &form, &extras);
    struct_field(&s, fields[ID]);
    tag_put(out, &r->actors, e->id);
    struct_field(&s, fields[PREV_ID]);
    put_prev(out, r, e->prev);
    struct_field(&s, fields[TIMESTAMP]);
    hlc_put(out, e->time, actors_term(&r->actors, e->node), &time_extras);
    struct_field(&s, fields[VALUE]);
    put_term(out, terms.value);
    struct_close(&s);
}
