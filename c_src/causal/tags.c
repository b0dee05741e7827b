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

/* The cursor's next two terms; errors are left in the cursor. */
static void read_pair(struct etf_in *in, struct bytes *actor, uint64_t *n)
{
    *actor = etf_any(in);
    if (in->err == OK && etf_peek(in) != ETF_INTEGER)
        etf_fail(in, ERR_SHAPE);
    *n = etf_uint64(in);
    if (*n > INT64_MAX)
        etf_fail(in, ERR_RANGE);
}

enum err tag_validate_pair(struct tag_reader *r, struct etf_in *pairs)
{
    struct bytes actor, canonical;
    uint64_t n;
    read_pair(pairs, &actor, &n);
    if (pairs->err != OK || bytes_equal(actor, r->last))
        return pairs->err;
    enum err e = canon_view(&r->canonical, actor, &canonical);
    if (e == OK)
        r->last = actor;
    return e;
}

struct tag tag_read_pair(struct tag_reader *r, struct actors *a, struct etf_in *pairs)
{
    struct bytes actor, canonical;
    uint64_t n;
    read_pair(pairs, &actor, &n);
    must(pairs->err == OK);
    if (!bytes_equal(actor, r->last)) {
        enum err e = canon_view(&r->canonical, actor, &canonical);
        must(e == OK);
        r->number = actors_number(a, canonical);
        r->last = actor;
    }
    return (struct tag){n, r->number};
}

enum err tag_validate(struct tag_reader *r, struct bytes checked)
{
    struct etf_in in = etf_open(checked);
    etf_tuple_of(&in, 2);
    enum err e = tag_validate_pair(r, &in);
    return e == OK ? etf_finish(&in) : e;
}

struct tag tag_read(struct tag_reader *r, struct actors *a, struct bytes checked)
{
    struct etf_in in = etf_open(checked);
    etf_tuple_of(&in, 2);
    return tag_read_pair(r, a, &in);
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
