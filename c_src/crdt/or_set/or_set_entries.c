#include "../../limits.h"
#include "../figures.h"
#include "or_set.h"

/* The number of our own actor, which open() adds first. */
#define OWN 0

/* --- joins ------------------------------------------------------------------ */

bool or_set_raise_counter(struct or_set *s, uint64_t counter)
{
    counter = counter < LIMIT_SHARED_CLOCK ? counter : LIMIT_SHARED_CLOCK;
    if (counter <= s->counter)
        return false;
    struct actor_watch *w = s->crdt.watch;
    if (s->counter == 0 && w != NULL)
        w->told(w, s->crdt.options->actor, true);
    s->counter = counter;
    return true;
}

/* A tag that this actor used, perhaps before a restart, must not be issued again. */
static void note_own_tag(struct or_set *s, struct tag tag)
{
    if (tag.actor != OWN)
        return;
    or_set_raise_counter(s, tag.n);
    if (tag.n > s->own_seen && tag.n <= LIMIT_OWN_NUMBER)
        s->own_seen = tag.n;
}

/* The greatest n of our own that may have been issued. */
static uint64_t own_max(const struct or_set *s)
{
    return s->counter > s->own_seen ? s->counter : s->own_seen;
}

/* An element has another number of tags. */
static void count_tags(struct or_set *s, uint32_t before, uint32_t now)
{
    s->tags += (size_t)now - before;
    histogram_move(&s->by_tags, before, now);
}

void or_set_sweep(struct or_set *s)
{
    table_remove_doomed(&s->entries, &s->emptied);
}

/* What is added may renumber the elements, so those without tags go before. */
bool or_set_add_tag(struct or_set *s, struct bytes element, struct tag tag)
{
    bool added;
    if (tag_set_has(&s->tombstones, tag))
        return false;
    or_set_sweep(s);
    struct tags *record = table_add(&s->entries, element, &added);
    if (!tags_add(record, tag, s->entries.seed))
        return false;
    count_tags(s, tags_count(record) - 1, tags_count(record));
    tag_index_add(&s->tag_index, record, tag);
    note_own_tag(s, tag);
    return true;
}

bool or_set_add_tombstone(struct or_set *s, struct tag tag)
{
    struct tags *record;
    uint32_t element;
    if (!tag_set_add(&s->tombstones, tag))
        return false;
    note_own_tag(s, tag);
    while ((record = tag_index_find(&s->tag_index, tag, &element)) != NULL) {
        tags_remove(record, tag);
        count_tags(s, tags_count(record) + 1, tags_count(record));
        if (tags_count(record) == 0)
            table_doom(&s->emptied, element);
    }
    return true;
}

/* --- one element ------------------------------------------------------------ */

bool or_set_has(const struct or_set *s, struct bytes element)
{
    const struct tags *record = table_find(&s->entries, element);
    return record != NULL && tags_count(record) > 0;
}

uint64_t or_set_adds_left(const struct or_set *s)
{
    return LIMIT_OWN_NUMBER - own_max(s);
}

void or_set_add(struct or_set *s, struct bytes element, struct or_set *delta)
{
    must(or_set_adds_left(s) > 0);
    struct tag tag = {own_max(s) + 1, OWN};
    must(or_set_add_tag(s, element, tag));
    if (delta == NULL)
        return;
    or_set_add_tag(delta, element, tag_translate(&delta->actors, &s->actors, tag));
    or_set_raise_counter(delta, s->counter);
}

static void tombstone_all(struct or_set *s, const struct actors *actors, const struct tags *tags)
{
    struct tag tag;
    for (size_t at = 0; tags_next(tags, &at, &tag);)
        or_set_add_tombstone(s, tag_translate(&s->actors, actors, tag));
}

bool or_set_remove(struct or_set *s, struct bytes element, struct or_set *delta)
{
    struct tags *record = table_find(&s->entries, element);
    if (record == NULL || tags_count(record) == 0)
        return false;
    struct tags taken = *record;
    *record = (struct tags){0};
    count_tags(s, tags_count(&taken), 0);
    table_doom(&s->emptied, table_number(&s->entries, record));
    tombstone_all(s, &s->actors, &taken);
    if (delta != NULL)
        tombstone_all(delta, &s->actors, &taken);
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

struct tag_counts or_set_tags(const struct or_set *s)
{
    size_t most = s->by_tags.most > 0 ? s->by_tags.most : s->tags > 0;
    return (struct tag_counts){s->tags, most};
}

/* --- invariants -------------------------------------------------------------- */

static void check_counts(const struct or_set *s)
{
    struct tag_counts walked = {0};
    for (size_t i = 0; i < table_end(&s->entries); i++) {
        const struct tags *tags = table_at(&s->entries, i);
        size_t count = tags != NULL ? tags_count(tags) : 0;
        walked.all += count;
        walked.most = count > walked.most ? count : walked.most;
    }
    struct tag_counts kept = or_set_tags(s);
    must(kept.all == walked.all && kept.most == walked.most);
}

static void check_tag(const struct or_set *s, struct tag tag)
{
    must(tag.actor < actors_count(&s->actors));
    must(tag.actor != OWN || tag.n <= own_max(s) || tag.n > LIMIT_OWN_NUMBER);
}

void or_set_check(const struct or_set *s)
{
    struct tag tag;
    table_check(&s->entries);
    tag_index_check(&s->tag_index);
    tag_set_check(&s->tombstones);
    check_counts(s);
    must(s->emptied.count == 0);
    must(bytes_equal(actors_term(&s->actors, OWN), s->crdt.options->actor));
    for (size_t i = 0; i < table_end(&s->entries); i++) {
        const struct tags *tags = table_at(&s->entries, i);
        must(tags == NULL || tags_count(tags) > 0);
        for (size_t at = 0; tags != NULL && tags_next(tags, &at, &tag);) {
            check_tag(s, tag);
            must(!tag_set_has(&s->tombstones, tag));
        }
    }
    for (size_t at = 0; tag_set_next(&s->tombstones, &at, &tag);)
        check_tag(s, tag);
}
