#include "crdt.h"

#include "../causal/tags.h"
#include "../mem.h"
#include "../term/write.h"
#include "figures.h"
#include "parsed.h"
#include "part.h"

static struct form form_of(const struct crdt_type *type)
{
    return (struct form){type->module, type->fields, type->needed};
}

/* --- creating and freeing -------------------------------------------------- */

void crdt_open(struct crdt *c, const struct crdt_type *type, const struct crdt_options *o)
{
    c->type = type;
    c->options = o;
    if (type->open != NULL)
        type->open(c);
}

void crdt_close(struct crdt *c)
{
    unknown_free(&c->unknown);
    c->type->close(c);
}

struct crdt *crdt_make(const struct crdt_type *type, const struct crdt_options *o)
{
    struct crdt *c = mem_take(type->bytes);
    crdt_open(c, type, o);
    return c;
}

void crdt_free(struct crdt *c)
{
    if (c == NULL)
        return;
    crdt_close(c);
    mem_free(c);
}

/* --- changes --------------------------------------------------------------- */

/* splitmix64, as in turn_random(). */
uint64_t mutation_random(struct mutation_turn *t)
{
    uint64_t z = t->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void mutation_reply_ok(struct mutation_turn *t, size_t count)
{
    for (; t->reply != NULL && count > 0; count--)
        put_atom(t->reply, "ok");
}

enum err crdt_mutate(struct crdt *c, const struct op *ops, size_t count, struct mutation_turn *t)
{
    must(t->delta == NULL || (t->delta->type == c->type && t->delta != c));
    must(!t->dry || (t->delta == NULL && t->reply == NULL));
    enum err e = c->type->mutate(c, ops, count, t);
    must(e == OK || t->bad < count);
    return e;
}

enum err crdt_parse(struct parsed *r, const struct crdt_type *type, struct bytes checked)
{
    struct form form = form_of(type);
    *r = (struct parsed){.type = type};
    return struct_read(checked, &form, r->values, &r->extras);
}

void parsed_free(struct parsed *r)
{
    buf_free(&r->extras);
}

bool crdt_join_parsed(struct crdt *c, const struct parsed *r, struct crdt *delta)
{
    must(r->type == c->type);
    must(delta == NULL || (delta->type == c->type && delta != c));
    bool grew = c->type->join(c, r->values, delta);
    return unknown_join(&c->unknown, buf_bytes(&r->extras),
                        delta != NULL ? &delta->unknown : NULL) ||
           grew;
}

enum err crdt_merge(struct crdt *c, struct bytes checked, struct crdt *delta, bool *changed)
{
    struct parsed r;
    *changed = false;
    enum err e = crdt_parse(&r, c->type, checked);
    if (e == OK)
        e = c->type->validate(r.values);
    if (e == OK)
        *changed = crdt_join_parsed(c, &r, delta);
    parsed_free(&r);
    return e;
}

enum err crdt_validate(const struct crdt_type *type, struct bytes checked)
{
    struct parsed r;
    enum err e = crdt_parse(&r, type, checked);
    if (e == OK)
        e = type->validate(r.values);
    parsed_free(&r);
    return e;
}

enum err crdt_validate_field(const struct crdt_type *type, struct bytes checked)
{
    enum err e = crdt_validate(type, checked);
    return e == ERR_TYPE ? ERR_SHAPE : e;
}

bool crdt_join(struct crdt *c, struct bytes valid, struct crdt *delta)
{
    struct parsed r;
    enum err e = crdt_parse(&r, c->type, valid);
    must(e == OK);
    bool grew = crdt_join_parsed(c, &r, delta);
    parsed_free(&r);
    return grew;
}

void crdt_copy_extras(struct crdt *to, const struct crdt *from)
{
    struct buf map = {0};
    unknown_put(&from->unknown, &map);
    unknown_join(&to->unknown, buf_bytes(&map), NULL);
    buf_free(&map);
    if (from->type->copy_extras != NULL)
        from->type->copy_extras(to, from);
}

struct bytes crdt_sender(const struct crdt_type *type, struct bytes checked)
{
    struct etf_in in = etf_open(checked);
    if (type->actors == NULL || type->actor_of_value || etf_peek(&in) != ETF_MAP)
        return (struct bytes){0};
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        bool names_it = etf_accept(&in, "actor") || etf_accept(&in, "replica_id");
        if (!names_it)
            etf_any(&in);
        struct bytes value = etf_any(&in);
        if (names_it)
            return value;
    }
    return (struct bytes){0};
}

/* --- reading ---------------------------------------------------------------- */

void crdt_state(const struct crdt *c, struct buf *out)
{
    crdt_state_of(c, PART_WHOLE, out);
}

void crdt_value(const struct crdt *c, struct buf *out)
{
    c->type->value(c, out);
}

bool crdt_empty(const struct crdt *c)
{
    return c->unknown.count == 0 && c->type->empty(c);
}

size_t crdt_elements(const struct crdt *c)
{
    return c->type->elements != NULL ? c->type->elements(c) : 0;
}

size_t crdt_tombstones(const struct crdt *c)
{
    return c->type->tombstones != NULL ? c->type->tombstones(c) : 0;
}

struct tag_counts crdt_tags(const struct crdt *c)
{
    struct tag_counts counts = {0};
    if (c->type->tags != NULL)
        c->type->tags(c, &counts);
    return counts;
}

void crdt_add_actors(const struct crdt *c, struct actors *seen)
{
    if (c->type->actors != NULL)
        c->type->actors(c, seen);
}

size_t crdt_actors(const struct crdt *c)
{
    return c->type->actor_count != NULL ? c->type->actor_count(c) : 0;
}

static void tell_all(const struct crdt *c, struct actor_watch *w, bool came)
{
    struct actors seen;
    if (w == NULL || c->type->actors == NULL)
        return;
    actors_init(&seen, c->options->seed);
    crdt_add_actors(c, &seen);
    for (uint32_t i = 0; i < actors_count(&seen); i++)
        w->told(w, actors_term(&seen, i), came);
    actors_free(&seen);
}

void crdt_watch(struct crdt *c, struct actor_watch *w)
{
    struct actor_watch *before = c->watch;
    if (before == w)
        return;
    tell_all(c, before, false);
    c->watch = w;
    if (c->type->watch != NULL)
        c->type->watch(c);
    tell_all(c, w, true);
}

static void check_actors(const struct crdt *c)
{
    struct actors seen;
    actors_init(&seen, c->options->seed);
    crdt_add_actors(c, &seen);
    must(crdt_actors(c) == actors_count(&seen));
    actors_free(&seen);
}

void crdt_check(const struct crdt *c)
{
    c->type->check(c);
    check_actors(c);
}
