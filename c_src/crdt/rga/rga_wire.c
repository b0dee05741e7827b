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
    tag_reader_close(&r->ids.tags);
    buf_free(&r->node_canonical);
    buf_free(&r->value);
    buf_free(&r->extras);
    buf_free(&r->time_extras);
}

static void keep_prefix(struct rga_id_reader *r, struct bytes checked, uint32_t actor)
{
    struct etf_in in = etf_open(checked);
    etf_tuple_of(&in, 2);
    etf_any(&in);
    r->last[1] = r->last[0];
    r->last[0] = (struct rga_id_prefix){{checked.at, (size_t)(in.at - checked.at)}, actor};
}

static enum err read_id(struct rga_id_reader *r, struct actors *actors, struct bytes checked,
                        struct tag *id)
{
    if (actors == NULL) {
        enum err e = tag_validate(&r->tags, checked);
        if (e != OK)
            return e;
    } else {
        *id = tag_read(&r->tags, actors, checked);
    }
    keep_prefix(r, checked, id->actor);
    return OK;
}

static bool accept_prefix(struct rga_id_reader *r, struct etf_in *in)
{
    if (rga_accept_bytes(in, r->last[0].bytes))
        return true;
    if (!rga_accept_bytes(in, r->last[1].bytes))
        return false;
    struct rga_id_prefix other = r->last[0];
    r->last[0] = r->last[1];
    r->last[1] = other;
    return true;
}

/* If the cursor's next term is an id of one of the last actors, consumes it. */
static bool next_of_last(struct rga_id_reader *r, struct etf_in *in, struct tag *id)
{
    struct etf_in number = *in;
    if (!accept_prefix(r, &number))
        return false;
    *id = (struct tag){etf_uint64(&number), r->last[0].actor};
    if (number.err != OK || id->n > INT64_MAX)
        return false;
    *in = number;
    return true;
}

/* The cursor's next term. */
static enum err next_id(struct rga_id_reader *r, struct actors *actors, struct etf_in *in,
                        struct tag *id)
{
    return next_of_last(r, in, id) ? OK : read_id(r, actors, etf_any(in), id);
}

static enum err next_prev(struct rga_reader *r, struct actors *actors, struct etf_in *in,
                          struct rga_item *item)
{
    if (next_of_last(&r->ids, in, &item->prev))
        return OK;
    item->at_head = etf_accept(in, "head");
    return item->at_head ? OK : read_id(&r->ids, actors, etf_any(in), &item->prev);
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

/* --- reading by names --------------------------------------------------------------- */

static enum err read_time(struct rga_reader *r, struct actors *actors, struct bytes checked,
                          struct rga_item *item, struct hlc_parts *parts)
{
    buf_clear(&r->time_extras);
    enum err e = hlc_read_parts(checked, &item->time, parts, &r->time_extras);
    if (e == OK)
        e = read_node(r, actors, parts->node);
    item->node = r->node_number;
    item->terms.time_extras = buf_bytes(&r->time_extras);
    return e;
}

static void learn_layout(struct rga_reader *r, struct bytes element, const struct bytes *values,
                         const struct hlc_parts *time)
{
    const struct bytes parts[RGA_PARTS] = {
        [RGA_ID] = values[ID],   [RGA_PREV] = values[PREV_ID], [RGA_COUNTER] = time->counter,
        [RGA_NODE] = time->node, [RGA_TIME] = time->time,      [RGA_VALUE] = values[VALUE],
    };
    rga_layout_learn(&r->learned, element, parts);
    r->has_learned = true;
}

static enum err read_by_names(struct rga_reader *r, struct actors *actors, struct etf_in *pairs,
                              struct rga_item *item)
{
    struct bytes key = etf_any(pairs), values[sizeof(fields) / sizeof(fields[0])];
    const uint8_t *element = pairs->at;
    struct hlc_parts time;
    *item = (struct rga_item){0};
    buf_clear(&r->extras);
    enum err e = struct_next(pairs, &form, values, &r->extras);
    if (e != OK)
        return e == ERR_TYPE ? ERR_SHAPE : e;
    item->terms.extras = buf_bytes(&r->extras);
    struct etf_in id = etf_open(key), prev;
    e = next_id(&r->ids, actors, &id, &item->id);
    if (e == OK)
        e = same_term(key, values[ID]);
    prev = etf_open(values[PREV_ID]);
    if (e == OK)
        e = next_prev(r, actors, &prev, item);
    if (e == OK)
        e = read_time(r, actors, values[TIMESTAMP], item, &time);
    if (e == OK)
        e = canon_view(&r->value, values[VALUE], &item->terms.value);
    if (e == OK && r->extras.len == 0 && r->time_extras.len == 0)
        learn_layout(r, (struct bytes){element, (size_t)(pairs->at - element)}, values, &time);
    return e;
}

/* --- reading by the layout ---------------------------------------------------------- */

/* False also for a malformed part. */
static bool next_part(struct rga_reader *r, struct actors *actors, struct etf_in *in,
                      enum rga_part part, struct bytes key, struct rga_item *item)
{
    switch (part) {
    case RGA_ID:
        return rga_accept_bytes(in, key);
    case RGA_PREV:
        return next_prev(r, actors, in, item) == OK;
    case RGA_COUNTER:
        item->time.counter = etf_uint32(in);
        return in->err == OK;
    case RGA_TIME:
        item->time.time_ms = etf_int64(in);
        return in->err == OK;
    case RGA_NODE:
        if (!rga_accept_bytes(in, r->node) && read_node(r, actors, etf_any(in)) != OK)
            return false;
        item->node = r->node_number;
        return true;
    case RGA_VALUE:
        return canon_view(&r->value, etf_any(in), &item->terms.value) == OK;
    case RGA_PARTS:
        break;
    }
    return false;
}

/* False, with nothing consumed, if the element has another layout or is malformed. */
static bool read_by_layout(struct rga_reader *r, struct actors *actors, struct etf_in *pairs,
                           struct rga_item *item)
{
    const struct rga_layout *l = r->has_learned ? &r->learned : &rga_layout_own;
    struct etf_in in = *pairs;
    *item = (struct rga_item){0};
    if (next_id(&r->ids, actors, &in, &item->id) != OK)
        return false;
    struct bytes key = {pairs->at, (size_t)(in.at - pairs->at)};
    for (unsigned i = 0; i < RGA_PARTS; i++) {
        if (!rga_accept_bytes(&in, l->before[i]) ||
            !next_part(r, actors, &in, l->order[i], key, item))
            return false;
    }
    if (l->before[RGA_PARTS].len > 0 && !rga_accept_bytes(&in, l->before[RGA_PARTS]))
        return false;
    *pairs = in;
    return true;
}

enum err rga_read(struct rga_reader *r, struct actors *actors, struct etf_in *pairs,
                  struct rga_item *item)
{
    if (read_by_layout(r, actors, pairs, item))
        return OK;
    return read_by_names(r, actors, pairs, item);
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
