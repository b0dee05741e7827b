#include "../../mem.h"
#include "../../term/write.h"
#include "../types.h"
#include "or_map.h"

/* --- reading operations ---------------------------------------------------- */

struct request {
    enum { PUT, UPDATE, DELETE } kind;
    struct bytes key;
    struct typed_state state; /* PUT */
    struct op op;             /* UPDATE */
};

/* The argument of put: the name of a type, or a struct. */
static enum err typed_state_read(struct typed_state *g, struct bytes arg, unsigned level)
{
    struct etf_in in = etf_open(arg);
    *g = (struct typed_state){0};
    if (etf_peek(&in) == ETF_ATOM) {
        struct atom atom;
        etf_atom(&in, &atom);
        g->type = crdt_type_named((struct bytes){atom.text, atom.len});
        if (g->type == NULL)
            return ERR_BAD_OP;
        return values_too_deep(g->type, level) ? ERR_LIMIT : OK;
    }
    g->type = crdt_type_of(arg);
    g->valid = arg;
    enum err e = values_validate(arg, level);
    return e == OK || e == ERR_LIMIT ? e : ERR_BAD_OP;
}

static enum err request_read(struct request *r, const struct op *op, unsigned level)
{
    r->key = op->args[0];
    if (op_is(op, "put", 2)) {
        r->kind = PUT;
        return typed_state_read(&r->state, op->args[1], level);
    }
    if (op_is(op, "update", 2)) {
        r->kind = UPDATE;
        return op_read(&r->op, op->args[1]) == OK ? OK : ERR_BAD_OP;
    }
    r->kind = DELETE;
    return op_is(op, "delete", 1) ? OK : ERR_BAD_OP;
}

/* --- a batch over several keys --------------------------------------------- */

/* Whether an operation is valid depends on those before it, down to nested maps.  So operations
 * are applied to copies of the values that they change, which replace the originals if all
 * succeed.  The keys, which cannot fail any more, are changed last.  A single operation fails
 * before it changes anything and needs no copy. */
struct batch {
    struct or_map *map;
    struct values copies, delta_copies; /* changed values, and the delta of the changes */
    struct values *target, *delta;      /* these two, or those of the map and its delta */
    struct table presence;              /* keys that were put or deleted -> bool, whether present */
    uint64_t puts;
};

static void batch_open(struct batch *b, struct or_map *m, size_t count, struct or_map *delta)
{
    *b = (struct batch){.map = m};
    values_init(&b->copies, m->crdt.options, m->values.level);
    values_init(&b->delta_copies, m->crdt.options, m->values.level);
    table_init(&b->presence, sizeof(bool), m->crdt.options->seed);
    b->target = count == 1 ? &m->values : &b->copies;
    b->delta = delta == NULL ? NULL : count == 1 ? &delta->values : &b->delta_copies;
}

static void batch_close(struct batch *b)
{
    values_free(&b->copies);
    values_free(&b->delta_copies);
    table_free(&b->presence, NULL);
}

static const struct crdt *current_value(const struct batch *b, struct bytes key)
{
    const struct crdt *state = values_find(b->target, key);
    return state != NULL ? state : values_find(&b->map->values, key);
}

/* Ensures that the value, if there is one, is in the target. */
static void copy_on_write(struct batch *b, struct bytes key)
{
    const struct crdt *state = current_value(b, key);
    if (state != NULL && values_find(b->target, key) == NULL)
        values_copy(b->target, key, state);
}

static bool is_live(const struct batch *b, struct bytes key)
{
    const bool *live = table_find(&b->presence, key);
    return live != NULL ? *live : or_set_has(&b->map->keys, key);
}

static void set_live(struct batch *b, struct bytes key, bool live)
{
    bool added, *place = table_add(&b->presence, key, &added);
    *place = live;
}

static enum err check_allowed(const struct batch *b, const struct request *r)
{
    const struct crdt *state = current_value(b, r->key);
    switch (r->kind) {
    case PUT:
        if (state != NULL && state->type != r->state.type)
            return ERR_BAD_OP;
        return b->puts < or_set_adds_left(&b->map->keys) ? OK : ERR_LIMIT;
    case UPDATE:
        return state != NULL && is_live(b, r->key) ? OK : ERR_BAD_OP;
    case DELETE:
        break;
    }
    return OK;
}

static void apply_put(struct batch *b, const struct request *r)
{
    if (r->state.valid.len > 0 || current_value(b, r->key) == NULL) {
        copy_on_write(b, r->key);
        values_join(b->target, r->key, &r->state, b->delta);
    }
    set_live(b, r->key, true);
    b->puts++;
}

static enum err apply_one(struct batch *b, const struct op *op, struct mutation_turn *t)
{
    struct request r;
    enum err e = request_read(&r, op, b->map->values.level);
    if (e == OK)
        e = check_allowed(b, &r);
    if (e != OK)
        return e;
    if (r.kind == UPDATE) {
        copy_on_write(b, r.key);
        return values_mutate(b->target, r.key, &r.op, 1, t, b->delta);
    }
    if (r.kind == PUT)
        apply_put(b, &r);
    else
        set_live(b, r.key, false);
    mutation_reply_ok(t, 1);
    return OK;
}

static void commit(struct batch *b, const struct op *ops, size_t count, struct or_map *delta)
{
    struct or_set *news = delta != NULL ? &delta->keys : NULL;
    for (size_t i = 0; i < count; i++) {
        if (op_is(&ops[i], "put", 2))
            or_set_add(&b->map->keys, ops[i].args[0], news);
        else if (op_is(&ops[i], "delete", 1))
            or_set_remove(&b->map->keys, ops[i].args[0], news);
    }
    values_replace(&b->map->values, &b->copies);
    if (delta != NULL)
        values_merge(&delta->values, &b->delta_copies);
}

static enum err apply_all(struct or_map *m, const struct op *ops, size_t count,
                          struct mutation_turn *t)
{
    struct or_map *delta = (struct or_map *)t->delta;
    struct batch b;
    enum err e = OK;
    batch_open(&b, m, count, delta);
    for (size_t i = 0; e == OK && i < count; i++) {
        e = apply_one(&b, &ops[i], t);
        t->bad = i;
    }
    if (e == OK)
        commit(&b, ops, count, delta);
    batch_close(&b);
    return e;
}

/* --- a batch on one value -------------------------------------------------- */

static bool update_one_value(const struct op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!op_is(&ops[i], "update", 2) || !bytes_equal(ops[i].args[0], ops[0].args[0]))
            return false;
    }
    return count > 0;
}

/* Updates of one value are a batch of the value's own type, and need no copy. */
static enum err update_all(struct or_map *m, const struct op *ops, size_t count,
                           struct mutation_turn *t)
{
    struct bytes key = ops[0].args[0];
    t->bad = 0;
    if (values_find(&m->values, key) == NULL || !or_set_has(&m->keys, key))
        return ERR_BAD_OP;
    struct values *delta = t->delta != NULL ? &((struct or_map *)t->delta)->values : NULL;
    struct op *inside = mem_take(count * sizeof(*inside));
    enum err e = OK;
    for (size_t i = 0; e == OK && i < count; i++) {
        e = op_read(&inside[i], ops[i].args[1]) == OK ? OK : ERR_BAD_OP;
        t->bad = i;
    }
    if (e == OK)
        e = values_mutate(&m->values, key, inside, count, t, delta);
    mem_free(inside);
    return e;
}

enum err or_map_mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct or_map *m = (struct or_map *)c;
    return update_one_value(ops, count) ? update_all(m, ops, count, t)
                                        : apply_all(m, ops, count, t);
}
