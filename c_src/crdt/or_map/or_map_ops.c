#include "../../mem.h"
#include "../../term/write.h"
#include "../types.h"
#include "or_map.h"

/* --- reading operations ---------------------------------------------------- */

struct request {
    enum { PUT, UPDATE, DELETE } kind;
    struct bytes key;
    struct given given; /* PUT */
    struct op op;       /* UPDATE */
};

/* A type's name, or a struct. */
static enum err given_read(struct given *g, struct bytes arg, unsigned level)
{
    struct etf_in in = etf_open(arg);
    *g = (struct given){0};
    if (etf_peek(&in) == ETF_ATOM) {
        struct atom atom;
        etf_atom(&in, &atom);
        g->type = crdt_type_named((struct bytes){atom.text, atom.len});
        if (g->type == NULL)
            return ERR_BAD_OP;
        return values_too_deep(g->type, level) ? ERR_LIMIT : OK;
    }
    g->type = crdt_type_of(arg);
    g->fitting = arg;
    enum err e = values_fit(arg, level);
    return e == OK || e == ERR_LIMIT ? e : ERR_BAD_OP;
}

static enum err request_read(struct request *r, const struct op *op, unsigned level)
{
    r->key = op->args[0];
    if (op_is(op, "put", 2)) {
        r->kind = PUT;
        return given_read(&r->given, op->args[1], level);
    }
    if (op_is(op, "update", 2)) {
        r->kind = UPDATE;
        return op_read(&r->op, op->args[1]) == OK ? OK : ERR_BAD_OP;
    }
    r->kind = DELETE;
    return op_is(op, "delete", 1) ? OK : ERR_BAD_OP;
}

/* --- a batch over several keys --------------------------------------------- */

/* Whether an operation can be made depends on those before it, down to maps inside
 * maps, so they are made on copies of the values that they change, which take the
 * place of those values when all are made.  The keys, where nothing fails, come last.  A
 * single operation fails before it changes anything and needs no copy. */
struct batch {
    struct or_map *map;
    struct values copies, news;     /* what changes, and what of it grew */
    struct values *changed, *grown; /* these two, or the map's own and its delta's */
    struct table lives; /* keys that are put or deleted -> bool, whether they are there */
    uint64_t puts;
};

static void batch_open(struct batch *b, struct or_map *m, size_t count, struct or_map *grown)
{
    *b = (struct batch){.map = m};
    values_init(&b->copies, m->crdt.options, m->values.level);
    values_init(&b->news, m->crdt.options, m->values.level);
    table_init(&b->lives, sizeof(bool), m->crdt.options->seed);
    b->changed = count == 1 ? &m->values : &b->copies;
    b->grown = grown == NULL ? NULL : count == 1 ? &grown->values : &b->news;
}

static void batch_close(struct batch *b)
{
    values_free(&b->copies);
    values_free(&b->news);
    table_free(&b->lives, NULL);
}

static const struct crdt *value_now(const struct batch *b, struct bytes key)
{
    const struct crdt *state = values_find(b->changed, key);
    return state != NULL ? state : values_find(&b->map->values, key);
}

/* Sees to it that the value, if there is one, is where it may be changed. */
static void value_open(struct batch *b, struct bytes key)
{
    const struct crdt *state = value_now(b, key);
    if (state != NULL && values_find(b->changed, key) == NULL)
        values_copy(b->changed, key, state);
}

static bool is_live(const struct batch *b, struct bytes key)
{
    const bool *live = table_find(&b->lives, key);
    return live != NULL ? *live : or_set_has(&b->map->keys, key);
}

static void set_live(struct batch *b, struct bytes key, bool live)
{
    bool added, *place = table_add(&b->lives, key, &added);
    *place = live;
}

static enum err allowed(const struct batch *b, const struct request *r)
{
    const struct crdt *state = value_now(b, r->key);
    switch (r->kind) {
    case PUT:
        if (state != NULL && state->type != r->given.type)
            return ERR_BAD_OP;
        return b->puts < or_set_adds_left(&b->map->keys) ? OK : ERR_LIMIT;
    case UPDATE:
        return state != NULL && is_live(b, r->key) ? OK : ERR_BAD_OP;
    case DELETE:
        break;
    }
    return OK;
}

static void put_one(struct batch *b, const struct request *r)
{
    if (r->given.fitting.len > 0 || value_now(b, r->key) == NULL) {
        value_open(b, r->key);
        values_join(b->changed, r->key, &r->given, b->grown);
    }
    set_live(b, r->key, true);
    b->puts++;
}

static enum err make_one(struct batch *b, const struct op *op, struct mutation_turn *t)
{
    struct request r;
    enum err e = request_read(&r, op, b->map->values.level);
    if (e == OK)
        e = allowed(b, &r);
    if (e != OK)
        return e;
    if (r.kind == UPDATE) {
        value_open(b, r.key);
        return values_mutate(b->changed, r.key, &r.op, 1, t, b->grown);
    }
    if (r.kind == PUT)
        put_one(b, &r);
    else
        set_live(b, r.key, false);
    mutation_reply_ok(t, 1);
    return OK;
}

static void settle(struct batch *b, const struct op *ops, size_t count, struct or_map *grown)
{
    struct or_set *news = grown != NULL ? &grown->keys : NULL;
    for (size_t i = 0; i < count; i++) {
        if (op_is(&ops[i], "put", 2))
            or_set_add(&b->map->keys, ops[i].args[0], news);
        else if (op_is(&ops[i], "delete", 1))
            or_set_remove(&b->map->keys, ops[i].args[0], news);
    }
    values_replace(&b->map->values, &b->copies);
    if (grown != NULL)
        values_merge(&grown->values, &b->news);
}

static enum err make_all(struct or_map *m, const struct op *ops, size_t count,
                         struct mutation_turn *t)
{
    struct or_map *grown = (struct or_map *)t->delta;
    struct batch b;
    enum err e = OK;
    batch_open(&b, m, count, grown);
    for (size_t i = 0; e == OK && i < count; i++) {
        e = make_one(&b, &ops[i], t);
        t->bad = i;
    }
    if (e == OK)
        settle(&b, ops, count, grown);
    batch_close(&b);
    return e;
}

/* --- a batch for one value ------------------------------------------------- */

static bool update_one_value(const struct op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!op_is(&ops[i], "update", 2) || !bytes_equal(ops[i].args[0], ops[0].args[0]))
            return false;
    }
    return count > 0;
}

/* Updates of one value are one batch of its own, and need no copy of it. */
static enum err update_all(struct or_map *m, const struct op *ops, size_t count,
                           struct mutation_turn *t)
{
    struct bytes key = ops[0].args[0];
    t->bad = 0;
    if (values_find(&m->values, key) == NULL || !or_set_has(&m->keys, key))
        return ERR_BAD_OP;
    struct values *grown = t->delta != NULL ? &((struct or_map *)t->delta)->values : NULL;
    struct op *inside = mem_take(count * sizeof(*inside));
    enum err e = OK;
    for (size_t i = 0; e == OK && i < count; i++) {
        e = op_read(&inside[i], ops[i].args[1]) == OK ? OK : ERR_BAD_OP;
        t->bad = i;
    }
    if (e == OK)
        e = values_mutate(&m->values, key, inside, count, t, grown);
    mem_free(inside);
    return e;
}

enum err or_map_mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct or_map *m = (struct or_map *)c;
    return update_one_value(ops, count) ? update_all(m, ops, count, t) : make_all(m, ops, count, t);
}
