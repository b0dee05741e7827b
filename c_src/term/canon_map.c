#include "canon_internal.h"

#include <string.h>

#include "../mem.h"
#include "order.h"

static struct canon_pair *last_pair(struct canon *c)
{
    must(c->pair_count > 0);
    return &c->pairs[c->pair_count - 1];
}

static void begin_pair(struct canon *c)
{
    c->pairs = mem_room(c->pairs, c->pair_count, &c->pair_cap, sizeof(*c->pairs));
    c->pairs[c->pair_count++] = (struct canon_pair){.key = canon_position(c)};
}

void canon_map_open(struct canon *c, struct canon_frame *map)
{
    map->sorted = true;
    map->first_pair = c->pair_count;
    begin_pair(c);
}

void canon_map_key(struct canon *c, struct canon_frame *map)
{
    struct canon_pair *pair = last_pair(c);
    pair->value = canon_position(c);
    if (!map->sorted || c->pair_count == map->first_pair + 1)
        return;
    /* The later key first: reaching the earlier one may copy the run, and then a later key
     * that was in the run is still where it was in the input. */
    struct bytes key = canon_span(c, pair->key, pair->value);
    struct bytes before = canon_span(c, pair[-1].key, pair[-1].value);
    int order = term_compare_keys(before, key);
    if (order == 0)
        c->err = ERR_DUPLICATE;
    map->sorted = order < 0;
}

void canon_map_value(struct canon *c, struct canon_frame *map)
{
    last_pair(c)->end = canon_position(c);
    if (map->left > 0)
        begin_pair(c);
}

/* --- sorting ------------------------------------------------------------------ */

#define WORK_PREFIXES 8 /* of comparing two prefixes */

static struct bytes key_of(const struct canon *c, const struct canon_item *item)
{
    const struct canon_pair *pair = &c->pairs[c->sorting.first_pair + item->pair];
    return (struct bytes){c->out->at + c->base + pair->key, pair->value - pair->key};
}

static void find_prefixes(struct canon *c)
{
    struct canon_sorting *s = &c->sorting;
    for (; s->at < s->count && c->spent < c->allowed; s->at++) {
        const struct canon_pair *pair = &c->pairs[s->first_pair + s->at];
        s->items[s->at] =
            (struct canon_item){canon_prefix(c->out->at + c->base + pair->key), (uint32_t)s->at};
        c->spent += WORK_PREFIXES;
    }
}

static bool comes_after(struct canon *c, const struct canon_item *a, const struct canon_item *b)
{
    if (a->prefix != b->prefix)
        return a->prefix > b->prefix;
    uint64_t before = c->work;
    bool after = term_compare_keys_counted(key_of(c, a), key_of(c, b), &c->work) > 0;
    c->spent += c->work - before;
    return after;
}

static bool within_limit(struct canon *c)
{
    if (c->work > LIMIT_SORT_WORK)
        c->err = ERR_LIMIT;
    return c->err == OK;
}

/* True when the two halves are one. */
static bool merge(struct canon *c, struct canon_part *p)
{
    struct canon_sorting *s = &c->sorting;
    struct canon_item *items = s->items;
    while (p->left < p->middle && p->right < p->to) {
        if (!within_limit(c) || c->spent >= c->allowed)
            return false;
        bool after = comes_after(c, &items[p->left], &items[p->right]);
        s->other[p->at++] = after ? items[p->right++] : items[p->left++];
        c->spent += WORK_PREFIXES;
    }
    memmove(items + p->at, items + p->left, (p->middle - p->left) * sizeof(*items));
    memcpy(items + p->from, s->other + p->from, (p->at - p->from) * sizeof(*items));
    return true;
}

static void push_part(struct canon_sorting *s, size_t from, size_t to)
{
    size_t middle = from + (to - from) / 2;
    if (to - from >= 2)
        s->parts[s->depth++] = (struct canon_part){from, middle, to, from, middle, from, 0};
}

/* A merge sort, half by half, because small parts stay in the cache.  On a stack of its own, since
 * it may take several steps, and stops at the limit. */
static void sort_parts(struct canon *c)
{
    struct canon_sorting *s = &c->sorting;
    while (s->depth > 0 && c->err == OK && c->spent < c->allowed) {
        struct canon_part *p = &s->parts[s->depth - 1];
        unsigned half = p->halves < 2 ? p->halves++ : 2;
        if (half == 0)
            push_part(s, p->from, p->middle);
        else if (half == 1)
            push_part(s, p->middle, p->to);
        else if (merge(c, p))
            s->depth--;
    }
}

static void find_duplicates(struct canon *c)
{
    struct canon_sorting *s = &c->sorting;
    for (; s->at < s->count && c->err == OK && c->spent < c->allowed; s->at++) {
        const struct canon_item *before = &s->items[s->at - 1], *item = &s->items[s->at];
        if (before->prefix == item->prefix && bytes_equal(key_of(c, before), key_of(c, item)))
            c->err = ERR_DUPLICATE;
        c->spent += WORK_PREFIXES;
    }
}

/* Rewrites the pairs in sorted order, in the end over the bytes they occupied unsorted. */
static void place_pairs(struct canon *c)
{
    struct canon_sorting *s = &c->sorting;
    uint8_t *result = c->out->at + c->base;
    for (; s->at < s->count && c->spent < c->allowed; s->at++) {
        const struct canon_pair *pair = &c->pairs[s->first_pair + s->items[s->at].pair];
        buf_put(&c->scratch, (struct bytes){result + pair->key, pair->end - pair->key});
        c->spent += WORK_PREFIXES + (pair->end - pair->key) / 2;
    }
    if (s->at == s->count)
        memcpy(result + s->start, c->scratch.at, c->scratch.len);
}

/* What is known of the work before it is done: the bytes are moved twice, and each item is compared
 * at most as often as there are bits in the number of items. */
static uint64_t least_work(uint64_t bytes, uint64_t count)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(count);
    return bytes / 2 + count * bits * WORK_PREFIXES;
}

static void sort_open(struct canon *c, size_t first_pair, size_t count)
{
    struct canon_sorting *s = &c->sorting;
    size_t start = c->pairs[first_pair].key;
    canon_replace(c, 0);
    c->work += least_work(canon_position(c) - start, count);
    if (!within_limit(c))
        return;
    s->items = mem_take(count * sizeof(*s->items));
    s->other = mem_take(count * sizeof(*s->other));
    s->count = count;
    s->first_pair = first_pair;
    s->start = start;
    s->stage = CANON_PREFIXES;
    s->at = 0;
    s->depth = 0;
}

/* The stage has worked off all items: on with the next one. */
static void next_stage(struct canon *c)
{
    struct canon_sorting *s = &c->sorting;
    s->stage++;
    s->at = s->stage == CANON_DUPLICATES ? 1 : 0;
    buf_clear(&c->scratch);
    if (s->stage == CANON_MERGES)
        push_part(s, 0, s->count);
}

static bool stage_ends(struct canon *c)
{
    struct canon_sorting *s = &c->sorting;
    if (s->stage == CANON_PREFIXES)
        find_prefixes(c);
    else if (s->stage == CANON_MERGES)
        sort_parts(c);
    else if (s->stage == CANON_DUPLICATES)
        find_duplicates(c);
    else
        place_pairs(c);
    return c->err == OK && (s->stage == CANON_MERGES ? s->depth == 0 : s->at == s->count);
}

void canon_map_free(struct canon *c)
{
    mem_free(c->sorting.items);
    mem_free(c->sorting.other);
    c->sorting.items = c->sorting.other = NULL;
}

bool canon_map_sort(struct canon *c)
{
    struct canon_sorting *s = &c->sorting;
    while (s->items != NULL && stage_ends(c)) {
        if (s->stage == CANON_PLACES)
            canon_map_free(c);
        else
            next_stage(c);
    }
    return s->items == NULL;
}

void canon_map_close(struct canon *c, struct canon_frame *map)
{
    if (!map->sorted)
        sort_open(c, map->first_pair, c->pair_count - map->first_pair);
    c->pair_count = map->first_pair;
}
