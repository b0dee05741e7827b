#include "../../mem.h"
#include "../../term/write.h"
#include "rga.h"

/* Operations under way.  What each did is noted, since a later one may be refused, and
 * whether it is depends on those before it. */
struct work {
    struct rga *r;
    struct mutation_turn *t;
    struct tag_reader reader;
    struct deed {
        uint32_t number;
        bool removed; /* or added */
    } * deeds;
    size_t count, cap;
    uint64_t clock, heard; /* at first, as is the next */
    struct hlc latest;
};

static void note(struct work *w, uint32_t number, bool removed)
{
    w->deeds = mem_room(w->deeds, w->count, &w->cap, sizeof(*w->deeds));
    w->deeds[w->count++] = (struct deed){number, removed};
}

static void take_back(struct work *w)
{
    while (w->count > 0) {
        const struct deed *d = &w->deeds[--w->count];
        if (d->removed)
            rga_set_gone(w->r, d->number, false);
        else
            rga_take_back_own(w->r, d->number);
    }
    w->r->clock = w->clock;
    w->r->heard = w->heard;
    w->r->latest = w->latest;
}

/* --- arguments ------------------------------------------------------------------------ */

/* The number of the element that an id names, whether it is here or not. */
static enum err id_read(struct work *w, struct bytes arg, uint32_t *number)
{
    struct tag_reader check = {0};
    enum err e = tag_check(&check, arg);
    tag_reader_close(&check);
    if (e != OK)
        return ERR_BAD_OP;
    struct tag id = tag_read(&w->reader, &w->r->actors, arg);
    rga_hear(w->r, id);
    *number = rga_elements_number(&w->r->elements, id);
    return OK;
}

static enum err prev_read(struct work *w, struct bytes arg, uint32_t *number)
{
    struct etf_in in = etf_open(arg);
    if (!etf_accept(&in, "head"))
        return id_read(w, arg, number);
    *number = RGA_HEAD;
    return OK;
}

static enum err index_read(struct bytes arg, uint32_t below, uint32_t *index)
{
    struct etf_in in = etf_open(arg);
    *index = etf_uint32(&in);
    return etf_finish(&in) == OK && *index < below ? OK : ERR_BAD_OP;
}

/* --- operations ----------------------------------------------------------------------- */

/* With the time of day: it comes behind all others that stand behind the same; or,
 * given a time, before them. */
static enum err insert(struct work *w, struct bytes value, uint32_t prev, const struct hlc *before)
{
    struct rga *r = w->r;
    if (rga_taken(r) >= INT64_MAX)
        return ERR_LIMIT;
    struct hlc time = before != NULL ? *before : hlc_tick(r->latest, w->t->wall_ms);
    uint32_t number = rga_add_own(r, prev, time, value, before != NULL);
    note(w, number, false);
    if (w->t->reply != NULL)
        tag_put(w->t->reply, &r->actors, r->elements.list[number].id);
    return OK;
}

static enum err insert_after(struct work *w, const struct op *op)
{
    uint32_t prev;
    enum err e = prev_read(w, op->args[1], &prev);
    return e == OK ? insert(w, op->args[0], prev, NULL) : e;
}

/* Right behind the element that is shown before it, so before all that stands there. */
static enum err insert_at(struct work *w, const struct op *op)
{
    const struct rga_tree *tree = &w->r->tree;
    uint32_t index;
    struct hlc before;
    enum err e = index_read(op->args[0], rga_tree_shown(tree) + 1, &index);
    if (e != OK)
        return e;
    uint32_t prev = index > 0 ? rga_tree_at(tree, index - 1) : RGA_HEAD;
    uint32_t first = rga_tree_first(tree, prev);
    if (first == RGA_NONE)
        return insert(w, op->args[1], prev, NULL);
    if (!hlc_before(w->r->elements.list[first].time, &before))
        return ERR_LIMIT;
    return insert(w, op->args[1], prev, &before);
}

static void remove_number(struct work *w, uint32_t number)
{
    if (!w->r->elements.list[number].gone) {
        rga_set_gone(w->r, number, true);
        note(w, number, true);
    }
    mutation_reply_ok(w->t, 1);
}

static enum err remove_id(struct work *w, const struct op *op)
{
    uint32_t number;
    enum err e = id_read(w, op->args[0], &number);
    if (e == OK)
        remove_number(w, number);
    return e;
}

static enum err remove_at(struct work *w, const struct op *op)
{
    const struct rga_tree *tree = &w->r->tree;
    uint32_t index;
    enum err e = index_read(op->args[0], rga_tree_shown(tree), &index);
    if (e == OK)
        remove_number(w, rga_tree_at(tree, index));
    return e;
}

static const struct {
    const char *name;
    unsigned arity;
    enum err (*apply)(struct work *w, const struct op *op);
} operations[] = {
    {"insert", 2, insert_after},
    {"insert_at", 2, insert_at},
    {"remove", 1, remove_id},
    {"remove_at", 1, remove_at},
};

static enum err apply(struct work *w, const struct op *op)
{
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (op_is(op, operations[i].name, operations[i].arity))
            return operations[i].apply(w, op);
    }
    return ERR_BAD_OP;
}

/* Only once nothing is taken back any more. */
static void tell(const struct work *w, struct rga *grown)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->deeds[i].removed)
            rga_tell_gone(grown, w->r, w->deeds[i].number);
        else
            rga_tell(grown, w->r, w->deeds[i].number);
    }
    if (w->r->clock > w->clock)
        rga_raise(grown, w->r->clock);
    rga_settle(grown);
}

enum err rga_mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct rga *r = (struct rga *)c;
    struct work w = {.r = r, .t = t, .clock = r->clock, .heard = r->heard, .latest = r->latest};
    enum err e = OK;
    for (size_t i = 0; e == OK && i < count; i++) {
        t->bad = i;
        e = apply(&w, &ops[i]);
    }
    if (e != OK)
        take_back(&w);
    else if (t->delta != NULL)
        tell(&w, (struct rga *)t->delta);
    tag_reader_close(&w.reader);
    mem_free(w.deeds);
    return e;
}
