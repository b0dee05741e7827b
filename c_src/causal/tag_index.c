#include "tag_index.h"

#include "../mem.h"
#include "slots.h"

#define SLOTS_AT_FIRST 8

/* An element in a list: its number in the table, and the place of the next one in `elements`
 * + 1, 0 at the end. */
struct other {
    uint32_t number, next;
};

struct tag_others {
    struct tag_set tags;
    uint32_t *lists; /* by position in tags: the first element, as in next */
    struct other *elements;
    size_t lists_cap, count, cap;
};

void tag_index_init(struct tag_index *ix, const struct table *table, uint64_t seed)
{
    *ix = (struct tag_index){.table = table, .seed = seed};
}

static void others_free(struct tag_others *o)
{
    if (o == NULL)
        return;
    tag_set_free(&o->tags);
    mem_free(o->lists);
    mem_free(o->elements);
    mem_free(o);
}

void tag_index_free(struct tag_index *ix)
{
    mem_free(ix->slots);
    others_free(ix->others);
    tag_index_init(ix, ix->table, ix->seed);
}

/* If not, it is built before it is used. */
static bool is_built(const struct tag_index *ix)
{
    return ix->cap > 0 && ix->generation == ix->table->generation;
}

static uint32_t mask_of(const struct tag_index *ix)
{
    return (uint32_t)(ix->cap - 1);
}

/* NULL if the element was removed. */
static struct tags *record_at(const struct tag_index *ix, size_t number)
{
    return number < table_end(ix->table) ? table_at(ix->table, number) : NULL;
}

/* --- slots ------------------------------------------------------------------ */

/* Iterates over the slots that may be for one tag. */
struct probe {
    const struct tag_index *ix;
    uint32_t hash, at;
};

static struct probe probe_open(const struct tag_index *ix, struct tag tag)
{
    uint32_t hash = (uint32_t)tag_hash(tag, ix->seed);
    return (struct probe){ix, hash, hash & mask_of(ix)};
}

/* 0 if p->at is free: the place for the tag's next slot. */
static uint32_t probe_next(struct probe *p)
{
    uint32_t mask = mask_of(p->ix), slot;
    while ((slot = p->ix->slots[p->at]) != 0) {
        if (slot_has_hash(mask + 1, slot, p->hash))
            return slot;
        p->at = (p->at + 1) & mask;
    }
    return 0;
}

static void probe_skip(struct probe *p)
{
    p->at = (p->at + 1) & mask_of(p->ix);
}

/* The first record in a slot of the tag that has it, and its number, with p at that slot; NULL if
 * there is none, with p at the place for one. */
static struct tags *first_with(struct probe *p, struct tag tag, uint32_t *number)
{
    uint32_t slot;
    for (; (slot = probe_next(p)) != 0; probe_skip(p)) {
        *number = slot_number(mask_of(p->ix) + 1, slot);
        struct tags *record = record_at(p->ix, *number);
        if (record != NULL && tags_has(record, tag))
            return record;
    }
    return NULL;
}

/* --- other elements ---------------------------------------------------------- */

static void others_add(struct tag_index *ix, size_t number, struct tag tag)
{
    size_t position;
    if (ix->others == NULL) {
        ix->others = mem_take(sizeof(*ix->others));
        tag_set_init(&ix->others->tags, ix->seed);
    }
    struct tag_others *o = ix->others;
    if (!tag_set_find(&o->tags, tag, &position)) {
        position = o->tags.count;
        o->lists = mem_room(o->lists, position, &o->lists_cap, sizeof(*o->lists));
        o->lists[position] = 0;
        tag_set_add(&o->tags, tag);
    }
    o->elements = mem_room(o->elements, o->count, &o->cap, sizeof(*o->elements));
    o->elements[o->count++] = (struct other){(uint32_t)number, o->lists[position]};
    o->lists[position] = (uint32_t)o->count;
}

/* The tag's list; NULL if it has none. */
static uint32_t *list_of(const struct tag_index *ix, struct tag tag)
{
    size_t position;
    if (ix->others == NULL || !tag_set_find(&ix->others->tags, tag, &position))
        return NULL;
    return &ix->others->lists[position];
}

/* Elements in front that no longer have the tag are dropped: a list is walked once. */
static struct tags *others_find(struct tag_index *ix, struct tag tag, uint32_t *number)
{
    uint32_t *list = list_of(ix, tag);
    while (list != NULL && *list != 0) {
        const struct other *first = &ix->others->elements[*list - 1];
        struct tags *record = record_at(ix, first->number);
        *number = first->number;
        if (record != NULL && tags_has(record, tag))
            return record;
        *list = first->next;
    }
    return NULL;
}

/* --- building ---------------------------------------------------------------- */

static void insert(struct tag_index *ix, const struct tags *record, size_t number, struct tag tag)
{
    struct probe p = probe_open(ix, tag);
    uint32_t mask = mask_of(ix), at;
    must(number < mask);
    const struct tags *first = first_with(&p, tag, &at);
    if (first == record)
        return;
    if (first != NULL)
        others_add(ix, number, tag);
    else
        ix->slots[p.at] = slot_of_entry(mask + 1, p.hash, (uint32_t)number);
    ix->used++;
}

static size_t tags_in_table(const struct table *t)
{
    size_t tags = 0;
    for (size_t i = 0; i < table_end(t); i++) {
        const struct tags *record = table_at(t, i);
        tags += record != NULL ? tags_count(record) : 0;
    }
    return tags;
}

/* Elements with one tag, which nearly all have. */
static bool hash_of_single(const void *index, uint32_t number, uint32_t *hash)
{
    const struct tag_index *ix = index;
    const struct tags *record = table_at(ix->table, number);
    if (record == NULL || tags_count(record) != 1)
        return false;
    *hash = (uint32_t)tag_hash(tags_single(record), ix->seed);
    return true;
}

static bool is_another_with(void *index, uint32_t first, uint32_t number)
{
    struct tag_index *ix = index;
    struct tag tag = tags_single(record_at(ix, number));
    if (!tag_equal(tags_single(record_at(ix, first)), tag))
        return false;
    others_add(ix, number, tag);
    return true;
}

/* Those with several.  Returns how many elements have one. */
static size_t insert_many(struct tag_index *ix)
{
    size_t singles = 0;
    for (size_t i = 0; i < table_end(ix->table); i++) {
        const struct tags *record = table_at(ix->table, i);
        uint32_t count = record != NULL ? tags_count(record) : 0;
        struct tag tag;
        singles += count == 1;
        for (size_t at = 0; count > 1 && tags_next(record, &at, &tag);)
            insert(ix, record, i, tag);
    }
    return singles;
}

/* Rebuilds the index from the table. */
static void rebuild(struct tag_index *ix)
{
    const struct table *t = ix->table;
    size_t tags = tags_in_table(t), cap = SLOTS_AT_FIRST;
    must(tags <= UINT32_MAX / 4);
    /* At least an eighth of the slots is left for tags that come and go. */
    while (cap / 8 * 5 < tags || cap <= table_end(t))
        cap *= 2;
    tag_index_free(ix);
    ix->cap = cap;
    ix->generation = t->generation;
    ix->slots = mem_take(cap * sizeof(*ix->slots));
    slots_fill(ix->slots, (uint32_t)cap, ix, (uint32_t)table_end(t), hash_of_single,
               is_another_with);
    ix->used += insert_many(ix);
}

struct tags *tag_index_find(struct tag_index *ix, struct tag tag, uint32_t *number)
{
    if (ix->table->live == 0)
        return NULL;
    if (!is_built(ix))
        rebuild(ix);
    struct probe p = probe_open(ix, tag);
    struct tags *first = first_with(&p, tag, number);
    return first != NULL ? first : others_find(ix, tag, number);
}

void tag_index_add(struct tag_index *ix, const struct tags *record, struct tag tag)
{
    if (!is_built(ix))
        return;
    size_t number = table_number(ix->table, record);
    if (ix->used == ix->cap / 4 * 3 || number + 1 >= ix->cap)
        rebuild(ix);
    else
        insert(ix, record, number, tag);
}

/* Whether the tag leads to the element. */
static bool leads_to(const struct tag_index *ix, size_t number, struct tag tag)
{
    struct probe p = probe_open(ix, tag);
    uint32_t first;
    if (first_with(&p, tag, &first) == record_at(ix, number))
        return true;
    const uint32_t *list = list_of(ix, tag);
    uint32_t at = list != NULL ? *list : 0;
    while (at != 0 && ix->others->elements[at - 1].number != number)
        at = ix->others->elements[at - 1].next;
    return at != 0;
}

void tag_index_check(const struct tag_index *ix)
{
    if (!is_built(ix))
        return;
    if (ix->others != NULL)
        tag_set_check(&ix->others->tags);
    for (size_t i = 0; i < table_end(ix->table); i++) {
        const struct tags *record = table_at(ix->table, i);
        struct tag tag;
        for (size_t at = 0; record != NULL && tags_next(record, &at, &tag);)
            must(leads_to(ix, i, tag));
    }
}
