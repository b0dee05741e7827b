#include "or_set.h"

/* The number of the state's own actor, which open() numbers first. */
#define OWN 0

/* --- growing ---------------------------------------------------------------- */

bool or_set_count(struct or_set *s, uint64_t counter)
{
    if (counter <= s->counter)
        return false;
    s->counter = counter;
    return true;
}

/* What this actor has used, before a restart too, it does not use again. */
static void note(struct or_set *s, struct tag tag)
{
    if (tag.actor == OWN)
        or_set_count(s, tag.n);
}

bool or_set_hold(struct or_set *s, struct bytes element, struct tag tag)
{
    bool added;
    if (tag_set_has(&s->tombstones, tag))
        return false;
    struct tags *record = table_add(&s->entries, element, &added);
    if (!tags_add(record, tag, s->entries.seed))
        return false;
    holders_add(&s->holders, record, tag);
    note(s, tag);
    return true;
}

static void drop_empty(struct or_set *s, struct tags *record)
{
    if (record->count == 0)
        table_remove(&s->entries, record);
}

bool or_set_bury(struct or_set *s, struct tag tag, bool *crowded)
{
    struct tags *record;
    unsigned holders = 0;
    if (!tag_set_add(&s->tombstones, tag))
        return false;
    note(s, tag);
    for (; (record = holders_find(&s->holders, tag)) != NULL; holders++) {
        tags_remove(record, tag);
        drop_empty(s, record);
    }
    /* One more, whose element was removed, has lost it before. */
    *crowded = *crowded || holders + 1 >= HOLDERS_MAX;
    return true;
}

/* A whole walk, but one for all the tags that have too many holders to be found. */
void or_set_settle(struct or_set *s, bool crowded)
{
    for (size_t i = 0; crowded && i < table_end(&s->entries); i++) {
        struct tags *record = table_at(&s->entries, i), left = {0};
        struct tag tag;
        if (record == NULL)
            continue;
        for (size_t at = 0; tags_next(record, &at, &tag);) {
            if (!tag_set_has(&s->tombstones, tag))
                tags_add(&left, tag, s->entries.seed);
        }
        tags_free(record);
        *record = left;
        drop_empty(s, record);
    }
}

/* --- one element ------------------------------------------------------------ */

bool or_set_has(const struct or_set *s, struct bytes element)
{
    return table_find(&s->entries, element) != NULL;
}

uint64_t or_set_adds_left(const struct or_set *s)
{
    return INT64_MAX - s->counter;
}

void or_set_add(struct or_set *s, struct bytes element, struct or_set *grown)
{
    must(or_set_adds_left(s) > 0);
    struct tag tag = {s->counter + 1, OWN};
    must(or_set_hold(s, element, tag));
    if (grown == NULL)
        return;
    or_set_hold(grown, element, tag_for(&grown->actors, &s->actors, tag));
    or_set_count(grown, s->counter);
}

static void bury_all(struct or_set *s, const struct actors *actors, const struct tags *tags)
{
    bool crowded = false;
    struct tag tag;
    for (size_t at = 0; tags_next(tags, &at, &tag);)
        or_set_bury(s, tag_for(&s->actors, actors, tag), &crowded);
    or_set_settle(s, crowded);
}

bool or_set_remove(struct or_set *s, struct bytes element, struct or_set *grown)
{
    struct tags *record = table_find(&s->entries, element);
    if (record == NULL)
        return false;
    struct tags taken = *record;
    *record = (struct tags){0};
    table_remove(&s->entries, record);
    bury_all(s, &s->actors, &taken);
    if (grown != NULL)
        bury_all(grown, &s->actors, &taken);
    tags_free(&taken);
    return true;
}

struct bytes or_set_at(const struct or_set *s, size_t i)
{
    const struct tags *record = table_at(&s->entries, i);
    return record != NULL ? table_key(&s->entries, record) : (struct bytes){0};
}

size_t or_set_end(const struct or_set *s)
{
    return table_end(&s->entries);
}

size_t or_set_size(const struct or_set *s)
{
    return s->entries.live;
}

/* --- invariants -------------------------------------------------------------- */

static void check_tag(const struct or_set *s, struct tag tag)
{
    must(tag.actor < actors_count(&s->actors));
    must(tag.actor != OWN || tag.n <= s->counter);
}

void or_set_check(const struct or_set *s)
{
    struct tag tag;
    table_check(&s->entries);
    holders_check(&s->holders);
    tag_set_check(&s->tombstones);
    must(bytes_equal(actors_term(&s->actors, OWN), s->crdt.options->actor));
    for (size_t i = 0; i < table_end(&s->entries); i++) {
        const struct tags *tags = table_at(&s->entries, i);
        must(tags == NULL || tags->count > 0);
        for (size_t at = 0; tags != NULL && tags_next(tags, &at, &tag);) {
            check_tag(s, tag);
            must(!tag_set_has(&s->tombstones, tag));
        }
    }
    for (size_t at = 0; tag_set_next(&s->tombstones, &at, &tag);)
        check_tag(s, tag);
}
