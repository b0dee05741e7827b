#include "../../limits.h"
#include "../../mem.h"
#include "../../term/write.h"
#include "rga.h"

/* So many changes take no allocation: a request has one, mostly. */
#define CHANGES_FEW 4

/* A batch in progress.  Whether an operation is valid depends on those before it, so each is
 * applied at once and logged, to be undone if a later one fails. */
struct batch {
    struct rga *r;
    struct mutation_turn *t;
    struct tag_reader reader;
    struct change {
        uint32_t number;
        bool removed; /* else added */
    } few[CHANGES_FEW], *more;
    size_t count, more_cap;
    uint64_t clock, own_seen; /* before the batch ... */
    size_t elements, actors;  /* ... and how many there were */
};

static struct change *change_at(struct batch *b, size_t i)
{
    return i < CHANGES_FEW ? &b->few[i] : &b->more[i - CHANGES_FEW];
}

static void log_change(struct batch *b, uint32_t number, bool removed)
{
    if (b->count >= CHANGES_FEW)
        b->more = mem_room(b->more, b->count - CHANGES_FEW, &b->more_cap, sizeof(*b->more));
    *change_at(b, b->count++) = (struct change){number, removed};
}

static void undo(struct batch *b)
{
    while (b->count > 0) {
        const struct change *change = change_at(b, --b->count);
        if (change->removed)
            rga_set_removed(b->r, change->number, false);
        else
            rga_undo_add_own(b->r, change->number);
    }
    rga_elements_undo(&b->r->elements, b->elements);
    actors_undo(&b->r->actors, b->actors);
    b->r->clock = b->clock;
    b->r->own_seen = b->own_seen;
}

/* --- arguments ------------------------------------------------------------------------ */

/* The number of an id, whose element may not have arrived. */
static enum err id_read(struct batch *b, struct bytes arg, uint32_t *number)
{
    struct tag_reader check = {0};
    enum err e = tag_validate(&check, arg);
    tag_reader_close(&check);
    if (e != OK)
        return ERR_BAD_OP;
    struct tag id = tag_read(&b->reader, &b->r->actors, arg);
    rga_note_id(b->r, id);
    *number = rga_elements_number(&b->r->elements, id);
    return OK;
}

static enum err prev_read(struct batch *b, struct bytes arg, uint32_t *number)
{
    struct etf_in in = etf_open(arg);
    if (!etf_accept(&in, "head"))
        return id_read(b, arg, number);
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

static enum err insert(struct batch *b, struct bytes value, uint32_t prev,
                       const struct rga_place *front, struct hlc time)
{
    struct rga *r = b->r;
    if (rga_own_max(r) >= LIMIT_OWN_NUMBER)
        return ERR_LIMIT;
    uint32_t number = rga_add_own(r, prev, front, time, value);
    log_change(b, number, false);
    if (b->t->reply != NULL)
        tag_put(b->t->reply, &r->actors, r->elements.list[number].id);
    return OK;
}

static bool is_followed(const void *arg, uint32_t other)
{
    const struct batch *b = arg;
    return hlc_is_followed(b->r->elements.list[other].time, b->t->wall_ms);
}

/* The clock's time, later than those of prev's children, except for those too far ahead. */
static struct hlc time_behind(const struct batch *b, uint32_t prev)
{
    const struct rga_tree *tree = &b->r->tree;
    struct hlc last = {INT64_MIN, 0};
    uint32_t sibling = RGA_NONE;
    if (prev == RGA_HEAD || rga_tree_has(tree, prev))
        sibling = rga_tree_last_before(tree, prev, is_followed, b);
    if (sibling != RGA_NONE)
        last = b->r->elements.list[sibling].time;
    return hlc_tick(last, b->t->wall_ms);
}

/* As the last child. */
static enum err insert_after(struct batch *b, const struct op *op)
{
    uint32_t prev;
    enum err e = prev_read(b, op->args[1], &prev);
    if (e != OK)
        return e;
    return insert(b, op->args[0], prev, NULL, time_behind(b, prev));
}

/* A time for a new first child.  Elements put in front of each other one by one are siblings: their
 * times are those of a run, so that those of others do not come between them. */
static bool time_in_front(struct batch *b, struct rga_place front, struct hlc *time)
{
    uint32_t first = rga_tree_child_at(&b->r->tree, front);
    uint64_t random = mutation_random(b->t);
    if (first == RGA_NONE) {
        *time = hlc_run(b->t->wall_ms, random);
        return true;
    }
    const struct rga_element *e = &b->r->elements.list[first];
    return hlc_before(e->time, e->id.actor == RGA_OWN, random, time);
}

/* Directly after the shown element before the index, so before that element's other children. */
static enum err insert_at(struct batch *b, const struct op *op)
{
    const struct rga_tree *tree = &b->r->tree;
    struct hlc time;
    uint32_t index, prev;
    enum err e = index_read(op->args[0], rga_tree_shown(tree) + 1, &index);
    if (e != OK)
        return e;
    struct rga_place front = rga_tree_front_at(tree, index, &prev);
    if (!time_in_front(b, front, &time))
        return ERR_LIMIT;
    return insert(b, op->args[1], prev, &front, time);
}

static void remove_number(struct batch *b, uint32_t number)
{
    if (!b->r->elements.list[number].removed) {
        rga_set_removed(b->r, number, true);
        log_change(b, number, true);
    }
    mutation_reply_ok(b->t, 1);
}

static enum err remove_id(struct batch *b, const struct op *op)
{
    uint32_t number;
    enum err e = id_read(b, op->args[0], &number);
    if (e == OK)
        remove_number(b, number);
    return e;
}

static enum err remove_at(struct batch *b, const struct op *op)
{
    const struct rga_tree *tree = &b->r->tree;
    uint32_t index;
    enum err e = index_read(op->args[0], rga_tree_shown(tree), &index);
    if (e == OK)
        remove_number(b, rga_tree_at(tree, index));
    return e;
}

static const struct {
    const char *name;
    unsigned arity;
    enum err (*apply)(struct batch *b, const struct op *op);
} operations[] = {
    {"insert", 2, insert_after},
    {"insert_at", 2, insert_at},
    {"remove", 1, remove_id},
    {"remove_at", 1, remove_at},
};

static enum err apply(struct batch *b, const struct op *op)
{
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (op_is(op, operations[i].name, operations[i].arity))
            return operations[i].apply(b, op);
    }
    return ERR_BAD_OP;
}

/* Called only when nothing can be undone any more. */
static void write_delta(struct batch *b, struct rga *delta)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct change *change = change_at(b, i);
        if (change->removed)
            rga_copy_tombstone(delta, b->r, change->number);
        else
            rga_copy_element(delta, b->r, change->number);
    }
    if (b->r->clock > b->clock)
        rga_raise_clock(delta, b->r->clock);
    rga_settle(delta);
    rga_count_own(delta);
}

enum err rga_mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct rga *r = (struct rga *)c;
    struct batch b = {.r = r,
                      .t = t,
                      .clock = r->clock,
                      .own_seen = r->own_seen,
                      .elements = r->elements.count,
                      .actors = actors_count(&r->actors)};
    enum err e = OK;
    for (size_t i = 0; e == OK && i < count; i++) {
        t->bad = i;
        e = apply(&b, &ops[i]);
    }
    if (e != OK || t->dry)
        undo(&b);
    else if (t->delta != NULL)
        write_delta(&b, (struct rga *)t->delta);
    rga_count_own(r);
    tag_reader_close(&b.reader);
    mem_free(b.more);
    return e;
}
