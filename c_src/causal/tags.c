#include "tags.h"

#include "../mem.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"

_Static_assert(sizeof(struct tag) == 12, "tags are packed");
_Static_assert(sizeof(struct tags) == 12, "an element's tags are small");

/* --- actors ---------------------------------------------------------------- */

/* The record of a table entry is the actor's number. */
void actors_init(struct actors *a, uint64_t seed)
{
    *a = (struct actors){0};
    table_init(&a->table, sizeof(uint32_t), seed);
}

void actors_free(struct actors *a)
{
    table_free(&a->table, NULL);
}

size_t actors_count(const struct actors *a)
{
    return table_end(&a->table);
}

uint32_t actors_number(struct actors *a, struct bytes actor)
{
    bool added;
    uint32_t *number = table_add(&a->table, actor, &added);
    if (added)
        *number = (uint32_t)(table_end(&a->table) - 1);
    if (added && a->watch != NULL)
        a->watch->told(a->watch, actor, true);
    return *number;
}

void actors_undo(struct actors *a, size_t count)
{
    while (table_end(&a->table) > count) {
        void *last = table_at(&a->table, table_end(&a->table) - 1);
        if (a->watch != NULL)
            a->watch->told(a->watch, table_key(&a->table, last), false);
        table_remove(&a->table, last);
    }
}

bool actors_find(const struct actors *a, struct bytes actor, uint32_t *number)
{
    const uint32_t *found = table_find(&a->table, actor);
    if (found != NULL)
        *number = *found;
    return found != NULL;
}

struct bytes actors_term(const struct actors *a, uint32_t number)
{
    return table_key(&a->table, table_at(&a->table, number));
}

/* --- one tag --------------------------------------------------------------- */

bool tag_equal(struct tag a, struct tag b)
{
    return a.n == b.n && a.actor == b.actor;
}

void tag_put(struct buf *out, const struct actors *a, struct tag tag)
{
    put_tuple(out, 2);
    put_term(out, actors_term(a, tag.actor));
    put_uint(out, tag.n);
}

struct tag tag_translate(struct actors *to, const struct actors *from, struct tag tag)
{
    return (struct tag){tag.n, actors_number(to, actors_term(from, tag.actor))};
}

/* --- reading --------------------------------------------------------------- */

void tag_reader_close(struct tag_reader *r)
{
    buf_free(&r->canonical);
    *r = (struct tag_reader){0};
}

struct wire_tag wire_tag_read_pair(struct etf_in *in)
{
    struct wire_tag tag = {.actor = etf_any(in)};
    tag.n = etf_uint64(in);
    if (tag.n > INT64_MAX)
        etf_fail(in, ERR_RANGE);
    return tag;
}

struct wire_tag wire_tag_read(struct etf_in *in)
{
    etf_tuple_of(in, 2);
    return wire_tag_read_pair(in);
}

static bool is_last(const struct tag_reader *r, struct bytes actor)
{
    return actor.at == r->last.at || bytes_equal(actor, r->last);
}

enum err tag_validate_wire(struct tag_reader *r, const struct wire_tag *tag)
{
    struct bytes canonical;
    if (is_last(r, tag->actor))
        return OK;
    enum err e = canon_view(&r->canonical, tag->actor, &canonical);
    if (e == OK)
        r->last = tag->actor;
    return e;
}

struct tag tag_of_wire(struct tag_reader *r, struct actors *a, const struct wire_tag *tag)
{
    struct bytes canonical;
    if (!is_last(r, tag->actor)) {
        enum err e = canon_view(&r->canonical, tag->actor, &canonical);
        must(e == OK);
        r->number = actors_number(a, canonical);
        r->last = tag->actor;
    }
    return (struct tag){tag->n, r->number};
}

enum err tag_validate_pair(struct tag_reader *r, struct etf_in *pairs)
{
    struct wire_tag tag = wire_tag_read_pair(pairs);
    return pairs->err == OK ? tag_validate_wire(r, &tag) : pairs->err;
}

struct tag tag_read_pair(struct tag_reader *r, struct actors *a, struct etf_in *pairs)
{
    struct wire_tag tag = wire_tag_read_pair(pairs);
    must(pairs->err == OK);
    return tag_of_wire(r, a, &tag);
}

enum err tag_validate(struct tag_reader *r, struct bytes checked)
{
    struct etf_in in = etf_open(checked);
    struct wire_tag tag = wire_tag_read(&in);
    enum err e = etf_finish(&in);
    return e == OK ? tag_validate_wire(r, &tag) : e;
}

struct tag tag_read(struct tag_reader *r, struct actors *a, struct bytes checked)
{
    struct etf_in in = etf_open(checked);
    struct wire_tag tag = wire_tag_read(&in);
    must(etf_finish(&in) == OK);
    return tag_of_wire(r, a, &tag);
}

/* --- the tags of one element ------------------------------------------------ */

static struct tags tags_of(struct tag tag)
{
    return (struct tags){.n = tag.n, .held = tag.actor + 1};
}

struct tag tags_single(const struct tags *t)
{
    return (struct tag){t->n, t->held - 1};
}

void tags_free(struct tags *t)
{
    if (t->held == TAGS_MANY) {
        tag_set_free(t->many);
        mem_free(t->many);
    }
    *t = (struct tags){0};
}

uint32_t tags_count(const struct tags *t)
{
    return t->held == TAGS_MANY ? (uint32_t)t->many->count : t->held > 0;
}

bool tags_has(const struct tags *t, struct tag tag)
{
    if (t->held == TAGS_MANY)
        return tag_set_has(t->many, tag);
    return t->held > 0 && tag_equal(tags_single(t), tag);
}

bool tags_add(struct tags *t, struct tag tag, uint64_t seed)
{
    must(tag.actor < TAGS_MANY - 1);
    if (tags_has(t, tag))
        return false;
    if (t->held == 0) {
        *t = tags_of(tag);
        return true;
    }
    if (t->held != TAGS_MANY) {
        struct tag_set *many = mem_take(sizeof(*many));
        tag_set_init(many, seed);
        tag_set_add(many, tags_single(t));
        *t = (struct tags){.many = many, .held = TAGS_MANY};
    }
    return tag_set_add(t->many, tag);
}

bool tags_remove(struct tags *t, struct tag tag)
{
    if (!tags_has(t, tag))
        return false;
    if (t->held != TAGS_MANY) {
        *t = (struct tags){0};
        return true;
    }
    tag_set_remove(t->many, tag);
    if (t->many->count == 1) {
        struct tag left = t->many->list[0];
        tags_free(t);
        *t = tags_of(left);
    }
    return true;
}

bool tags_next(const struct tags *t, size_t *at, struct tag *tag)
{
    if (t->held == TAGS_MANY)
        return tag_set_next(t->many, at, tag);
    if (t->held == 0 || *at > 0)
        return false;
    *tag = tags_single(t);
    ++*at;
    return true;
}
