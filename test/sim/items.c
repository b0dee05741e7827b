#include <stdio.h>
#include <string.h>

#include "crdt/mapset.h"
#include "items.h"
#include "term/etf.h"
#include "term/text.h"
#include "world.h"

/* Only the first half of the drawn items is ever removed by name. */

#define DRAWN     40 /* items that sim_change() draws; the others are for probes */
#define REMOVABLE (DRAWN / 2)
#define ALL       UINT64_MAX

_Static_assert(DRAWN + SIM_NODES_MAX <= 64, "every node has an item of its own");

/* --- items ---------------------------------------------------------------------- */

/* Terms of all kinds, some of them easily confused. */
static const char *item_text(unsigned item)
{
    static const char *const formats[] = {"%u",   "%u.0",       "i%u",  "<<\"%u\">>",
                                          "{%u}", "#{%u => x}", "[%u]", "{a, [<<%u>>]}"};
    static char text[40];
    unsigned kinds = sizeof(formats) / sizeof(formats[0]);
    snprintf(text, sizeof(text), formats[item % kinds], item / kinds);
    return text;
}

static uint64_t bit(unsigned item)
{
    return UINT64_C(1) << item;
}

/* The bit of the item that is this canonical term; 0 for none. */
static uint64_t item_of(struct bytes canonical)
{
    static struct term items[DRAWN + SIM_NODES_MAX];
    for (unsigned i = 0; i < DRAWN + SIM_NODES_MAX; i++) {
        if (items[i].len == 0) {
            struct buf term = {0};
            struct text_error error;
            must(text_single(bytes_of(item_text(i)), &term, &error) == OK);
            items[i] = term_take(&term);
        }
        if (bytes_equal(term_bytes(&items[i]), canonical))
            return bit(i);
    }
    return 0;
}

/* A cursor over the items of a value of any shape. */
struct walk {
    struct etf_in in;
    struct etf_list list;
    enum shape shape;
    uint32_t left; /* for shapes other than a list */
};

static void walk_open(struct walk *w, const struct sim *s, struct bytes value)
{
    *w = (struct walk){.in = etf_open(value), .shape = s->item_type->shape};
    if (w->shape == SHAPE_ONE)
        w->left = !etf_accept(&w->in, "nil");
    else if (w->shape == SHAPE_LIST)
        w->list = etf_list(&w->in);
    else if (w->shape == SHAPE_KEYS)
        w->left = etf_map(&w->in);
    else if (mapset_read(value, &w->in, &w->left) != OK)
        etf_fail(&w->in, ERR_SHAPE);
}

static bool walk_next(struct walk *w, struct bytes *item)
{
    if (w->shape == SHAPE_LIST)
        return etf_next(&w->list, item);
    if (w->left == 0 || w->in.err != OK)
        return false;
    w->left--;
    *item = etf_any(&w->in);
    if (w->shape != SHAPE_ONE)
        etf_any(&w->in);
    return true;
}

bool items_read(const struct sim *s, struct bytes value, uint64_t *items)
{
    struct walk w;
    struct bytes item;
    bool known = true;
    *items = 0;
    for (walk_open(&w, s, value); walk_next(&w, &item);) {
        known = known && item_of(item) != 0;
        *items |= item_of(item);
    }
    return known && etf_finish(&w.in) == OK;
}

void items_show(const struct sim *s, struct bytes value, struct buf *out)
{
    struct walk w;
    struct bytes item;
    const char *before = "";
    for (walk_open(&w, s, value); walk_next(&w, &item); before = ", ") {
        buf_printf(out, "%s", before);
        text_print(out, item);
    }
    if (out->len == 0)
        buf_printf(out, "nothing");
}

/* --- operations ------------------------------------------------------------------ */

static void put_op(struct change *c, const char *format, const char *text)
{
    snprintf(c->op, sizeof(c->op), format, text);
}
static void draw_add(struct sim *s, struct change *c, const char *format)
{
    unsigned item = (unsigned)sim_random(s, DRAWN);
    put_op(c, format, item_text(item));
    c->adds = bit(item);
}

static void draw_remove(struct sim *s, struct change *c, const char *format)
{
    unsigned item = (unsigned)sim_random(s, REMOVABLE);
    put_op(c, format, item_text(item));
    c->removes = bit(item);
}

static bool removes(struct sim *s)
{
    return !s->options.grow_only && sim_random(s, 3) == 0;
}

static void draw_gset(struct sim *s, struct change *c)
{
    draw_add(s, c, "{add, [%s]}");
}

static void draw_set(struct sim *s, struct change *c)
{
    if (removes(s))
        draw_remove(s, c, "{remove, [%s]}");
    else
        draw_add(s, c, "{add, [%s]}");
}

/* A removal may hide additions that its replica has not seen. */
static void draw_dvv_set(struct sim *s, struct change *c)
{
    draw_set(s, c);
    if (c->removes != 0)
        c->removes = ALL;
}

/* Some with a timestamp, often the same one. */
static void draw_lww_register(struct sim *s, struct change *c)
{
    static const char *const formats[] = {"{set, [%s]}", "{set, [%s]}", "{set, [%s, 7]}",
                                          "{set, [%s, 20]}", "{set, [%s, 60]}"};
    draw_add(s, c, formats[sim_random(s, sizeof(formats) / sizeof(formats[0]))]);
}

static void draw_mv_register(struct sim *s, struct change *c)
{
    draw_add(s, c, sim_random(s, 4) > 0 ? "{set, [%s]}" : "{resolve, [%s]}");
}

/* Several types under one key, and operations that fit one of them at most. */
static void draw_or_map(struct sim *s, struct change *c)
{
    static const char *const puts[] = {"{put, [%s, gcounter]}", "{put, [%s, or_set]}",
                                       "{put, [%s, gcounter]}", "{put, [%s, or_map]}"};
    static const char *const updates[] = {
        "{update, [%s, {increment, [5]}]}",
        "{update, [%s, increment]}",
        "{update, [%s, {add, [x]}]}",
        "{update, [%s, {remove, [x]}]}",
        "{update, [%s, {put, [k, mv_register]}]}",
        "{update, [%s, {update, [k, {set, [v]}]}]}",
    };
    if (removes(s)) {
        draw_remove(s, c, "{delete, [%s]}");
    } else if (sim_random(s, 2) > 0) {
        draw_add(s, c, updates[sim_random(s, sizeof(updates) / sizeof(updates[0]))]);
        c->adds = 0;
    } else {
        draw_add(s, c, puts[sim_random(s, sizeof(puts) / sizeof(puts[0]))]);
    }
}

/* A removal by index may hit any element. */
static void draw_rga(struct sim *s, struct change *c)
{
    unsigned at = (unsigned)sim_random(s, 6);
    char format[40];
    if (removes(s)) {
        snprintf(c->op, sizeof(c->op), "{remove_at, [%u]}", at);
        c->removes = ALL;
        return;
    }
    snprintf(format, sizeof(format), "{insert_at, [%u, %%s]}", at);
    draw_add(s, c, sim_random(s, 4) > 0 ? format : "{insert, [%s, head]}");
}

static const struct item_type all[] = {
    {.crdt = "gset", .shape = SHAPE_SET, .retains = true, .draw = draw_gset, .add = "{add, [%s]}"},
    {.crdt = "two_p_set",
     .shape = SHAPE_SET,
     .retains = true,
     .final = true,
     .draw = draw_set,
     .add = "{add, [%s]}",
     .remove = "{remove, [%s]}"},
    {.crdt = "or_set",
     .shape = SHAPE_SET,
     .retains = true,
     .dots = true,
     .draw = draw_set,
     .add = "{add, [%s]}",
     .remove = "{remove, [%s]}"},
    {.crdt = "dvv_set",
     .shape = SHAPE_SET,
     .retains = true,
     .dots = true,
     .draw = draw_dvv_set,
     .add = "{add, [%s]}",
     .remove = "{remove, [%s]}"},
    {.crdt = "lww_register", .shape = SHAPE_ONE, .draw = draw_lww_register, .add = "{set, [%s]}"},
    {.crdt = "mv_register", .shape = SHAPE_LIST, .draw = draw_mv_register, .add = "{set, [%s]}"},
    {.crdt = "or_map",
     .shape = SHAPE_KEYS,
     .retains = true,
     .dots = true,
     .draw = draw_or_map,
     .add = "{put, [%s, gcounter]}",
     .remove = "{delete, [%s]}"},
    {.crdt = "rga",
     .shape = SHAPE_LIST,
     .retains = true,
     .dots = true,
     .by_index = true,
     .draw = draw_rga,
     .add = "{insert_at, [0, %s]}",
     .remove = "{remove_at, [%s]}"},
};

const struct item_type *items_type(const char *crdt)
{
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i].crdt, crdt) == 0)
            return &all[i];
    return NULL;
}

void items_draw(struct sim *s, struct change *c)
{
    *c = (struct change){0};
    s->item_type->draw(s, c);
}

uint64_t sim_probes(const struct sim *s)
{
    (void)s;
    return ALL << DRAWN;
}

/* Indices shift when anything is removed, so only one node removes. */
bool items_probe(const struct sim *s, unsigned node, bool adds, struct change *c)
{
    const struct item_type *h = s->item_type;
    bool by_index = !adds && h->by_index;
    const char *format = adds ? h->add : h->remove;
    *c = (struct change){0};
    if (format == NULL || (by_index && node != 1))
        return false;
    put_op(c, format, by_index ? "1" : item_text(DRAWN + node));
    if (adds)
        c->adds = bit(DRAWN + node);
    else
        c->removes = by_index ? sim_probes(s) : bit(DRAWN + node);
    return true;
}

bool sim_retains_items(const struct sim *s)
{
    return s->item_type->retains;
}
