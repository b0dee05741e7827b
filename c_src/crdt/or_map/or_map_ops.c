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

/* --- a batch ----------------------------------------------------------------- */

/* A batch costs what it changes, however large the values are.  Operations on one key are a group;
 * its updates are a batch of the value's own type.  Whether all groups will succeed is known before
 * anything is changed: by a dry run where the value does not change in between, else on a copy.
 * The keys, whose changes cannot fail, come last. */
struct group {
    struct crdt *value;           /* the key's; NULL for none */
    const struct crdt_type *type; /* its type behind the operations; NULL for none */
    bool live;                    /* whether the key is there behind the operations */
    bool joined;                  /* a struct was put */
    /* The value is new, and built in the batch's copies; or an update comes after a struct, with
     * which it may be valid or not.  A copy costs the whole value. */
    bool copied;
    size_t first, last; /* operations; each step knows the next */
    uint64_t random;    /* of the turn before the updates */
    struct buf reply;   /* to the updates */
    struct etf_in replies;
};

struct step {
    size_t group; /* its number */
    size_t next;  /* SIZE_MAX: none */
};

struct batch {
    struct or_map *map;
    const struct op *ops;
    size_t count;
    struct step *steps;
    struct table groups; /* key -> struct group */
    struct values copies, delta_copies;
    uint64_t puts;
};

static void batch_open(struct batch *b, struct or_map *m, const struct op *ops, size_t count)
{
    const struct crdt_options *o = m->crdt.options;
    *b = (struct batch){.map = m, .ops = ops, .count = count};
    b->steps = mem_take(count * sizeof(*b->steps) + 1);
    table_init(&b->groups, sizeof(struct group), o->seed);
    values_init(&b->copies, o, m->values.level, NULL);
    values_init(&b->delta_copies, o, m->values.level, NULL);
}

static void group_free(void *record)
{
    buf_free(&((struct group *)record)->reply);
}

static void batch_close(struct batch *b)
{
    mem_free(b->steps);
    table_free(&b->groups, group_free);
    values_free(&b->copies);
    values_free(&b->delta_copies);
}

static struct group *group_of(struct batch *b, struct bytes key)
{
    bool added;
    struct group *g = table_add(&b->groups, key, &added);
    if (!added)
        return g;
    g->value = values_find(&b->map->values, key);
    g->type = g->value != NULL ? g->value->type : NULL;
    g->live = or_set_has(&b->map->keys, key);
    g->first = g->last = SIZE_MAX;
    return g;
}

static enum err check_allowed(const struct batch *b, const struct group *g, const struct request *r)
{
    if (r->kind == UPDATE)
        return g->type != NULL && g->live ? OK : ERR_BAD_OP;
    if (r->kind == DELETE)
        return OK;
    if (g->type != NULL && g->type != r->state.type)
        return ERR_BAD_OP;
    return b->puts < or_set_adds_left(&b->map->keys) ? OK : ERR_LIMIT;
}

/* Adds operation i to its group. */
static enum err plan(struct batch *b, size_t i)
{
    struct request r;
    enum err e = request_read(&r, &b->ops[i], b->map->values.level);
    if (e != OK)
        return e;
    struct group *g = group_of(b, r.key);
    e = check_allowed(b, g, &r);
    if (e != OK)
        return e;
    b->steps[i] = (struct step){table_number(&b->groups, g), SIZE_MAX};
    if (g->first == SIZE_MAX)
        g->first = i;
    else
        b->steps[g->last].next = i;
    g->last = i;
    if (r.kind == UPDATE) {
        g->copied = g->copied || g->joined;
        return OK;
    }
    g->live = r.kind == PUT;
    if (r.kind == DELETE)
        return OK;
    b->puts++;
    g->type = r.state.type;
    g->copied = g->copied || g->value == NULL;
    g->joined = g->joined || r.state.valid.len > 0;
    return OK;
}

/* --- running a group --------------------------------------------------------- */

/* Updates that are not interrupted by a put of a struct, as operations of the value's type. */
struct updates {
    struct op *ops;
    size_t *at; /* their places in the batch */
    size_t count, cap, at_cap;
};

static void collect(struct updates *u, const struct batch *b, size_t i)
{
    u->ops = mem_room(u->ops, u->count, &u->cap, sizeof(*u->ops));
    u->at = mem_room(u->at, u->count, &u->at_cap, sizeof(*u->at));
    enum err e = op_read(&u->ops[u->count], b->ops[i].args[1]);
    must(e == OK); /* by plan() */
    u->at[u->count++] = i;
}

static enum err run_updates(struct updates *u, struct values *target, struct bytes key,
                            struct mutation_turn *t, struct values *delta)
{
    size_t count = u->count;
    u->count = 0;
    if (count == 0)
        return OK;
    enum err e = values_mutate(target, key, u->ops, count, t, delta);
    if (e != OK)
        t->bad = u->at[t->bad];
    return e;
}

/* Runs the group's operations on its value in target; dry, those that may fail. */
static enum err run(struct batch *b, struct group *g, struct values *target, struct values *delta,
                    struct mutation_turn *t)
{
    struct bytes key = table_key(&b->groups, g);
    struct updates u = {0};
    enum err e = OK;
    for (size_t i = g->first; e == OK && i != SIZE_MAX; i = b->steps[i].next) {
        struct request r;
        if (op_is(&b->ops[i], "update", 2))
            collect(&u, b, i);
        if (!op_is(&b->ops[i], "put", 2) || t->dry)
            continue;
        e = run_updates(&u, target, key, t, delta);
        if (e != OK)
            break;
        enum err again = request_read(&r, &b->ops[i], b->map->values.level);
        must(again == OK);
        if (r.state.valid.len > 0 || values_find(target, key) == NULL)
            values_join(target, key, &r.state, delta);
    }
    if (e == OK)
        e = run_updates(&u, target, key, t, delta);
    mem_free(u.ops);
    mem_free(u.at);
    return e;
}

/* Whether the group succeeds.  One on a copy is then done. */
static enum err try(struct batch *b, struct group *g, struct mutation_turn *t)
{
    struct bytes key = table_key(&b->groups, g);
    struct mutation_turn inside = *t;
    inside.delta = NULL;
    inside.reply = t->reply != NULL && g->copied ? &g->reply : NULL;
    inside.dry = !g->copied;
    g->random = t->random;
    if (g->copied && g->value != NULL)
        values_copy(&b->copies, key, g->value);
    enum err e = g->copied ? run(b, g, &b->copies, &b->delta_copies, &inside)
                           : run(b, g, &b->map->values, NULL, &inside);
    t->random = inside.random;
    t->bad = inside.bad;
    return e;
}

/* Tries all groups; on an error t->bad is the first operation at fault. */
static enum err try_all(struct batch *b, struct mutation_turn *t)
{
    enum err first = OK;
    size_t bad = SIZE_MAX;
    for (size_t i = 0; i < table_end(&b->groups); i++) {
        struct group *g = table_at(&b->groups, i);
        enum err e = g->first != SIZE_MAX ? try(b, g, t) : OK;
        if (e != OK && t->bad < bad) {
            first = e;
            bad = t->bad;
        }
    }
    t->bad = bad;
    return first;
}

/* Runs a group that is not on a copy: it succeeds if it was tried; else it may fail, and has then
 * changed nothing. */
static enum err apply(struct batch *b, struct group *g, struct or_map *delta,
                      struct mutation_turn *t)
{
    struct mutation_turn inside = *t;
    inside.delta = NULL;
    inside.reply = t->reply != NULL ? &g->reply : NULL;
    inside.random = g->random;
    enum err e = run(b, g, &b->map->values, delta != NULL ? &delta->values : NULL, &inside);
    t->bad = inside.bad;
    t->random = inside.random;
    return e;
}

static void apply_all(struct batch *b, struct or_map *delta, struct mutation_turn *t)
{
    uint64_t random = t->random;
    for (size_t i = 0; i < table_end(&b->groups); i++) {
        struct group *g = table_at(&b->groups, i);
        enum err e = g->copied ? OK : apply(b, g, delta, t);
        must(e == OK);
    }
    t->random = random;
    values_replace(&b->map->values, &b->copies);
    if (delta != NULL)
        values_merge(&delta->values, &b->delta_copies);
}

/* --- keys and replies -------------------------------------------------------- */

static void change_keys(struct batch *b, struct or_map *delta)
{
    struct or_set *news = delta != NULL ? &delta->keys : NULL;
    for (size_t i = 0; i < b->count; i++) {
        if (op_is(&b->ops[i], "put", 2))
            or_set_add(&b->map->keys, b->ops[i].args[0], news);
        else if (op_is(&b->ops[i], "delete", 1))
            or_set_remove(&b->map->keys, b->ops[i].args[0], news);
    }
    or_set_sweep(&b->map->keys);
    if (news != NULL)
        or_set_sweep(news);
}

/* In the order of the operations. */
static void put_replies(struct batch *b, struct mutation_turn *t)
{
    for (size_t i = 0; i < table_end(&b->groups); i++) {
        struct group *g = table_at(&b->groups, i);
        g->replies = etf_open(buf_bytes(&g->reply));
    }
    for (size_t i = 0; i < b->count; i++) {
        struct group *g = table_at(&b->groups, b->steps[i].group);
        if (op_is(&b->ops[i], "update", 2))
            put_term(t->reply, etf_any(&g->replies));
        else
            mutation_reply_ok(t, 1);
    }
}

/* The only group, if it is not on a copy: it need not be tried first. */
static struct group *lone_group(const struct batch *b)
{
    struct group *g = table_end(&b->groups) == 1 ? table_at(&b->groups, 0) : NULL;
    return g != NULL && !g->copied ? g : NULL;
}

/* Changes the values; on an error nothing is changed. */
static enum err change_values(struct batch *b, struct or_map *delta, struct mutation_turn *t)
{
    size_t planned = 0;
    enum err e = OK;
    while (planned < b->count && (e = plan(b, planned)) == OK)
        planned++;
    struct group *lone = e == OK && !t->dry ? lone_group(b) : NULL;
    if (lone != NULL) {
        lone->random = t->random;
        return apply(b, lone, delta, t);
    }
    enum err earlier = try_all(b, t);
    if (earlier != OK)
        return earlier;
    t->bad = planned;
    if (e == OK && !t->dry)
        apply_all(b, delta, t);
    return e;
}

enum err or_map_mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    struct batch b;
    struct or_map *delta = (struct or_map *)t->delta;
    batch_open(&b, (struct or_map *)c, ops, count);
    enum err e = change_values(&b, delta, t);
    if (e == OK && !t->dry) {
        change_keys(&b, delta);
        if (t->reply != NULL)
            put_replies(&b, t);
    }
    batch_close(&b);
    return e;
}
