#include "rga.h"

#include "../../causal/digests.h"
#include "../../mem.h"
#include "../../term/write.h"
#include "../encoding.h"
#include "../types.h"

enum { CLOCK, DELTA_BUFFER, ELEMENTS, REPLICA_ID, TOMBSTONES };

static struct rga *of(struct crdt *c)
{
    return (struct rga *)c;
}

static const struct rga *of_const(const struct crdt *c)
{
    return (const struct rga *)c;
}

static void open_rga(struct crdt *c)
{
    struct rga *r = of(c);
    actors_init(&r->actors, c->options->seed);
    rga_elements_init(&r->elements, c->options->seed);
    must(actors_number(&r->actors, c->options->actor) == RGA_OWN);
}

static void close_rga(struct crdt *c)
{
    struct rga *r = of(c);
    actors_free(&r->actors);
    rga_elements_free(&r->elements);
    rga_tree_free(&r->tree);
    mem_free(r->pending);
}

/* --- joins ----------------------------------------------------------------------------- */

static enum err validate_clock(struct bytes checked)
{
    struct etf_in in = etf_open(checked);
    uint64_t clock = etf_uint64(&in);
    enum err e = etf_finish(&in);
    return e == OK && clock > INT64_MAX ? ERR_RANGE : e;
}

static enum err validate_elements(struct bytes checked)
{
    struct etf_in in = etf_open(checked);
    struct rga_reader reader = {0};
    struct rga_item item;
    enum err e = etf_peek(&in) == ETF_MAP ? OK : ERR_SHAPE;
    for (uint32_t left = etf_map(&in); e == OK && left > 0; left--)
        e = rga_read(&reader, NULL, &in, &item);
    rga_reader_close(&reader);
    return e == OK ? etf_finish(&in) : e;
}

static enum err validate_tombstones(struct bytes checked)
{
    struct etf_in in;
    uint32_t count;
    enum err e = mapset_read(checked, &in, &count);
    if (e != OK)
        return e == ERR_TYPE ? ERR_SHAPE : e;
    struct tag_reader reader = {0};
    for (; e == OK && count > 0; count--)
        e = tag_validate(&reader, mapset_next(&in));
    tag_reader_close(&reader);
    return e;
}

/* delta_buffer is ignored: it is private to the sender. */
static enum err validate(const struct bytes *values)
{
    enum err e = validate_clock(values[CLOCK]);
    if (e == OK)
        e = validate_elements(values[ELEMENTS]);
    return e == OK ? validate_tombstones(values[TOMBSTONES]) : e;
}

static bool join_elements(struct rga *r, struct bytes valid, struct rga *delta)
{
    struct etf_in in = etf_open(valid);
    struct rga_reader reader = {0};
    struct rga_item item;
    uint32_t count = etf_map(&in), number;
    bool grew = false;
    if (count > r->elements.present)
        rga_elements_reserve(&r->elements, count - r->elements.present);
    for (; count > 0; count--) {
        enum err e = rga_read(&reader, &r->actors, &in, &item);
        must(e == OK);
        if (!rga_add(r, &item))
            continue;
        grew = true;
        if (delta != NULL && rga_elements_find(&r->elements, item.id, &number))
            rga_copy_element(delta, r, number);
    }
    rga_reader_close(&reader);
    return grew;
}

static bool join_tombstones(struct rga *r, struct bytes valid, struct rga *delta)
{
    struct etf_in in;
    struct tag_reader reader = {0};
    uint32_t count;
    bool grew = false;
    must(mapset_read(valid, &in, &count) == OK);
    for (; count > 0; count--) {
        struct tag id = tag_read(&reader, &r->actors, mapset_next(&in));
        if (!rga_add_tombstone(r, id))
            continue;
        grew = true;
        if (delta != NULL)
            rga_add_tombstone(delta, tag_translate(&delta->actors, &r->actors, id));
    }
    tag_reader_close(&reader);
    return grew;
}

static bool join(struct crdt *c, const struct bytes *values, struct crdt *delta)
{
    struct rga *r = of(c), *d = delta != NULL ? of(delta) : NULL;
    struct etf_in in = etf_open(values[CLOCK]);
    uint64_t before = r->clock;
    rga_raise_clock(r, etf_uint64(&in));
    bool elements = join_elements(r, values[ELEMENTS], d);
    bool tombstones = join_tombstones(r, values[TOMBSTONES], d);
    rga_settle(r);
    rga_count_own(r);
    if (d != NULL && r->clock > before)
        rga_raise_clock(d, r->clock);
    if (d != NULL) {
        rga_settle(d);
        rga_count_own(d);
    }
    return elements || tombstones || r->clock > before;
}

/* --- reading ----------------------------------------------------------------------------- */

static bool put_elements(const struct rga *r, struct part part, struct put_cursor *at,
                         struct buf *out)
{
    if (at->first == 0) {
        put_map(out, 0);
        at->first = out->len;
    }
    while (at->at < r->elements.count) {
        uint32_t i = (uint32_t)at->at++;
        const struct rga_element *e = &r->elements.list[i];
        if (!e->present || !part_has_tag(part, &r->actors, e->id))
            continue;
        rga_put(out, r, i);
        at->count++;
        if (out->len >= at->until)
            return false;
    }
    put_map_count(out, at->first, at->count);
    return true;
}

static bool put_tombstones(const struct rga *r, struct part part, struct put_cursor *at,
                           struct buf *out)
{
    enum mapset_form form = r->crdt.options->form;
    if (at->first == 0) {
        mapset_put(out, form, 0);
        at->first = out->len;
    }
    while (at->at < r->elements.count) {
        const struct rga_element *e = &r->elements.list[at->at++];
        if (!e->removed || !part_has_tag(part, &r->actors, e->id))
            continue;
        tag_put(out, &r->actors, e->id);
        mapset_element_end(out);
        at->count++;
        if (out->len >= at->until)
            return false;
    }
    put_map_count(out, at->first, at->count);
    mapset_end(out, form);
    return true;
}

static void put(const struct crdt *c, unsigned field, struct part part, struct buf *out)
{
    struct put_cursor whole = {.until = SIZE_MAX};
    switch (field) {
    case CLOCK:
        put_uint(out, of_const(c)->clock);
        break;
    case DELTA_BUFFER:
        put_atom(out, "nil");
        break;
    case ELEMENTS:
        put_elements(of_const(c), part, &whole, out);
        break;
    case REPLICA_ID:
        put_term(out, c->options->actor);
        break;
    case TOMBSTONES:
        put_tombstones(of_const(c), part, &whole, out);
        break;
    }
}

static uint64_t element_digest(const struct rga *r, uint32_t number, uint64_t so_far)
{
    const struct rga_element *e = &r->elements.list[number];
    struct rga_terms terms = rga_elements_terms(&r->elements, number);
    if (e->prev != RGA_HEAD)
        so_far = digest_tag(so_far, &r->actors, r->elements.list[e->prev].id);
    so_far = digest_number(so_far, (uint64_t)e->time.time_ms);
    so_far = digest_number(so_far, e->time.counter);
    so_far = digest_bytes(so_far, actors_term(&r->actors, e->node));
    so_far = digest_bytes(so_far, terms.value);
    so_far = digest_bytes(so_far, terms.extras);
    return digest_bytes(so_far, terms.time_extras);
}

static void digest(const struct crdt *c, const struct digests *d)
{
    const struct rga *r = of_const(c);
    if (r->clock > 0)
        digests_add_singleton(d, CLOCK, digest_number(d->salt, r->clock));
    for (uint32_t i = 0; i < r->elements.count; i++) {
        const struct rga_element *e = &r->elements.list[i];
        uint64_t id = digest_tag(d->salt, &r->actors, e->id);
        if (!part_has(d->part, id))
            continue;
        if (e->present)
            digests_add(d, ELEMENTS, id, element_digest(r, i, id));
        if (e->removed)
            digests_add(d, TOMBSTONES, id, id);
    }
}

static void value(const struct crdt *c, struct buf *out)
{
    const struct rga *r = of_const(c);
    struct rga_place at = {0};
    uint32_t number, shown = rga_tree_shown(&r->tree);
    if (shown > 0)
        put_list(out, shown);
    while ((number = rga_tree_next_shown(&r->tree, &at)) != RGA_NONE)
        put_term(out, rga_elements_terms(&r->elements, number).value);
    put_nil(out);
}

static bool encode(const struct crdt *c, unsigned field, struct put_cursor *at, struct buf *out)
{
    if (field == ELEMENTS)
        return put_elements(of_const(c), PART_WHOLE, at, out);
    if (field == TOMBSTONES)
        return put_tombstones(of_const(c), PART_WHOLE, at, out);
    if (field == CRDT_VALUE)
        value(c, out);
    else
        put(c, field, PART_WHOLE, out);
    return true;
}

static bool empty(const struct crdt *c)
{
    const struct rga *r = of_const(c);
    return r->elements.present == 0 && r->elements.removed == 0 && r->clock == 0;
}

static size_t tombstones(const struct crdt *c)
{
    return of_const(c)->elements.removed;
}

/* Our own actor is counted once the state has seen any insert, as in an ORSet. */
static void actors(const struct crdt *c, struct actors *seen)
{
    const struct rga *r = of_const(c);
    for (uint32_t i = r->owns ? RGA_OWN : RGA_OWN + 1; i < actors_count(&r->actors); i++)
        actors_number(seen, actors_term(&r->actors, i));
}

static size_t actor_count(const struct crdt *c)
{
    return actors_count(&of_const(c)->actors) - !of_const(c)->owns;
}

static void watch(struct crdt *c)
{
    of(c)->actors.watch = c->watch;
}

static void check(const struct crdt *c)
{
    rga_check(of_const(c));
}

static size_t elements(const struct crdt *c)
{
    return rga_tree_shown(&of_const(c)->tree);
}

const struct crdt_type rga_type = {
    .module = "Elixir.Grove.Sequence.RGA",
    .name = "rga",
    .fields = {"clock", "delta_buffer", "elements", "replica_id", "tombstones"},
    .needed = 1u << CLOCK | 1u << ELEMENTS | 1u << TOMBSTONES,
    .slicing = {[ELEMENTS] = SLICE_PAIRS, [TOMBSTONES] = SLICE_SET},
    .bytes = sizeof(struct rga),
    .open = open_rga,
    .close = close_rga,
    .mutate = rga_mutate,
    .validate = validate,
    .join = join,
    .divisible = true,
    .put = put,
    .encode = encode,
    .digest = digest,
    .value = value,
    .empty = empty,
    .elements = elements,
    .tombstones = tombstones,
    .actors = actors,
    .actor_count = actor_count,
    .watch = watch,
    .check = check,
};
