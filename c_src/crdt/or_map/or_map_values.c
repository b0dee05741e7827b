#include <stddef.h>
#include <string.h>

#include "../../causal/digests.h"
#include "../../limits.h"
#include "../figures.h"
#include "../types.h"
#include "or_map.h"

/* One of the values, or the keys, has got an actor, or lost it. */
static void told(struct actor_watch *w, struct bytes actor, bool came)
{
    struct values *v = (struct values *)((char *)w - offsetof(struct values, watch));
    bool added;
    uint32_t *holders = table_add(&v->actors, actor, &added);
    must(came || *holders > 0);
    *holders = came ? *holders + 1 : *holders - 1;
    bool changed = *holders == (came ? 1 : 0);
    struct actor_watch *above = v->map != NULL ? v->map->watch : NULL;
    if (changed && above != NULL)
        above->told(above, actor, came);
    if (*holders == 0)
        table_remove(&v->actors, holders);
}

void values_init(struct values *v, const struct crdt_options *o, unsigned level, struct crdt *map)
{
    must(level <= LIMIT_MAP_NESTING);
    *v = (struct values){.options = o, .level = level, .watch = {told}, .map = map};
    table_init(&v->table, sizeof(struct crdt *), o->seed);
    table_keep_marks(&v->table, part_mark);
    table_init(&v->actors, sizeof(uint32_t), o->seed);
}

static void value_free(void *record)
{
    crdt_free(*(struct crdt **)record);
}

void values_free(struct values *v)
{
    table_free(&v->table, value_free);
    table_free(&v->actors, NULL);
    histogram_free(&v->by_tags);
}

/* NULL is allowed. */
static void drop(struct crdt *state)
{
    if (state != NULL)
        crdt_watch(state, NULL);
    crdt_free(state);
}

/* --- counting -------------------------------------------------------------- */

/* What a value adds to the counts; all zero for none. */
struct figures {
    size_t tombstones;
    struct tag_counts tags;
};

static struct figures figures_of(const struct crdt *state)
{
    return state != NULL ? (struct figures){crdt_tombstones(state), crdt_tags(state)}
                         : (struct figures){0};
}

/* A value was changed or replaced: it had these figures. */
static void count(struct values *v, const struct figures *before, const struct crdt *state)
{
    struct figures now = figures_of(state);
    v->tombstones += now.tombstones - before->tombstones;
    v->tags += now.tags.all - before->tags.all;
    histogram_move(&v->by_tags, (uint32_t)before->tags.most, (uint32_t)now.tags.most);
}

struct tag_counts values_tags(const struct values *v)
{
    size_t most = v->by_tags.most > 0 ? v->by_tags.most : v->tags > 0;
    return (struct tag_counts){v->tags, most};
}

/* --- one state ------------------------------------------------------------- */

bool values_too_deep(const struct crdt_type *type, unsigned level)
{
    return type == &or_map_type && level == LIMIT_MAP_NESTING;
}

static struct crdt *state_make(struct values *v, const struct crdt_type *type)
{
    must(!values_too_deep(type, v->level));
    struct crdt *state = crdt_make(type, v->options);
    if (type == &or_map_type)
        ((struct or_map *)state)->values.level = v->level + 1;
    crdt_watch(state, &v->watch);
    return state;
}

/* Below 0 if b is the later type, which replaces a; 0 if equal. */
static int type_order(const struct crdt_type *a, const struct crdt_type *b)
{
    return strcmp(a->module, b->module);
}

/* The slot of a key's value, initially NULL. */
static struct crdt **place_of(struct values *v, struct bytes key)
{
    bool added;
    return table_add(&v->table, key, &added);
}

struct crdt *values_find(const struct values *v, struct bytes key)
{
    struct crdt **place = table_find(&v->table, key);
    return place != NULL ? *place : NULL;
}

static void join_state(struct crdt *to, const struct crdt *from)
{
    struct buf whole = {0};
    crdt_state(from, &whole);
    crdt_join(to, buf_bytes(&whole), NULL);
    buf_free(&whole);
}

void values_copy(struct values *v, struct bytes key, const struct crdt *state)
{
    struct crdt **place = place_of(v, key);
    must(*place == NULL);
    *place = state_make(v, state->type);
    join_state(*place, state);
    count(v, &(struct figures){0}, *place);
}

/* --- changes --------------------------------------------------------------- */

/* Joins a state, of which it takes ownership. */
static void adopt(struct values *v, struct bytes key, struct crdt *state)
{
    struct crdt **place = place_of(v, key);
    int order = *place != NULL ? type_order((*place)->type, state->type) : -1;
    struct figures before = figures_of(*place);
    struct crdt *other = order < 0 ? *place : state;
    if (order < 0)
        *place = state;
    else if (order == 0)
        join_state(*place, state);
    crdt_watch(*place, &v->watch);
    drop(other);
    count(v, &before, *place);
}

/* valid: NULL for an empty state. */
static bool join_value(struct values *v, struct bytes key, const struct crdt_type *type,
                       const struct parsed *valid, struct values *delta)
{
    struct crdt **place = place_of(v, key);
    int order = *place != NULL ? type_order((*place)->type, type) : -1;
    if (order > 0)
        return false;
    struct crdt *news = delta != NULL ? state_make(delta, type) : NULL;
    struct figures before = figures_of(*place);
    if (order < 0) {
        drop(*place);
        *place = state_make(v, type);
    }
    bool joined = valid != NULL && crdt_join_parsed(*place, valid, news);
    bool grew = joined || order < 0;
    count(v, &before, *place);
    if (grew && news != NULL)
        adopt(delta, key, news);
    else
        drop(news);
    return grew;
}

bool values_join_parsed(struct values *v, struct bytes key, const struct parsed *valid,
                        struct values *delta)
{
    return join_value(v, key, valid->type, valid, delta);
}

bool values_join(struct values *v, struct bytes key, const struct typed_state *g,
                 struct values *delta)
{
    struct parsed valid;
    if (g->valid.len == 0)
        return join_value(v, key, g->type, NULL, delta);
    enum err e = crdt_parse(&valid, g->type, g->valid);
    must(e == OK);
    bool grew = join_value(v, key, g->type, &valid, delta);
    parsed_free(&valid);
    return grew;
}

enum err values_mutate(struct values *v, struct bytes key, const struct op *ops, size_t op_count,
                       struct mutation_turn *t, struct values *delta)
{
    struct crdt *state = values_find(v, key);
    must(state != NULL);
    struct figures before = figures_of(state);
    struct mutation_turn inside = *t;
    inside.delta = delta != NULL ? state_make(delta, state->type) : NULL;
    enum err e = crdt_mutate(state, ops, op_count, &inside);
    count(v, &before, state);
    t->bad = inside.bad;
    t->random = inside.random;
    if (e == OK && inside.delta != NULL && !crdt_empty(inside.delta))
        adopt(delta, key, inside.delta);
    else
        drop(inside.delta);
    return e;
}

/* --- all values ------------------------------------------------------------ */

void values_replace(struct values *v, struct values *from)
{
    must(v->level == from->level);
    for (size_t i = 0; i < table_end(&from->table); i++) {
        struct crdt **theirs = table_at(&from->table, i);
        struct crdt **ours = place_of(v, table_key(&from->table, theirs));
        struct figures before = figures_of(*ours);
        drop(*ours);
        *ours = *theirs;
        *theirs = NULL;
        crdt_watch(*ours, &v->watch);
        count(v, &before, *ours);
    }
    values_free(from);
}

void values_merge(struct values *v, struct values *from)
{
    must(v->level == from->level);
    for (size_t i = 0; i < table_end(&from->table); i++) {
        struct crdt **theirs = table_at(&from->table, i);
        adopt(v, table_key(&from->table, theirs), *theirs);
        *theirs = NULL;
    }
    values_free(from);
}

static void check_counts(const struct values *v)
{
    size_t tombstones = 0, tags = 0, most = 0;
    for (size_t i = 0; i < table_end(&v->table); i++) {
        struct figures f = figures_of(*(struct crdt **)table_at(&v->table, i));
        tombstones += f.tombstones;
        tags += f.tags.all;
        most = f.tags.most > most ? f.tags.most : most;
    }
    must(v->tombstones == tombstones && v->tags == tags && values_tags(v).most == most);
}

static void add_holder(struct table *holders, const struct crdt *state)
{
    struct actors seen;
    bool added;
    actors_init(&seen, state->options->seed);
    crdt_add_actors(state, &seen);
    for (uint32_t i = 0; i < actors_count(&seen); i++)
        ++*(uint32_t *)table_add(holders, actors_term(&seen, i), &added);
    actors_free(&seen);
}

static void check_actors(const struct values *v, const struct crdt *keys)
{
    struct table holders;
    table_init(&holders, sizeof(uint32_t), v->options->seed);
    add_holder(&holders, keys);
    for (size_t i = 0; i < table_end(&v->table); i++)
        add_holder(&holders, *(struct crdt **)table_at(&v->table, i));
    must(holders.live == v->actors.live);
    for (size_t i = 0; i < table_end(&holders); i++) {
        const uint32_t *walked = table_at(&holders, i),
                       *kept = table_find(&v->actors, table_key(&holders, walked));
        must(kept != NULL && *kept == *walked);
    }
    table_free(&holders, NULL);
}

void values_check(const struct values *v, const struct crdt *keys)
{
    check_counts(v);
    check_actors(v, keys);
    table_check(&v->table);
    must(v->table.live == table_end(&v->table));
    for (size_t i = 0; i < table_end(&v->table); i++) {
        const struct crdt *state = *(struct crdt **)table_at(&v->table, i);
        must(state->options == v->options);
        must(state->type != &or_map_type ||
             ((const struct or_map *)state)->values.level == v->level + 1);
        crdt_check(state);
    }
}
