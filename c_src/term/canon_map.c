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

struct item {
    uint64_t prefix;
    uint32_t pair;
};

struct sorting {
    const struct canon_pair *pairs;
    const uint8_t *result;
    struct item *items, *other; /* the second is scratch */
    size_t count;
    uint64_t work;
};

static struct bytes key_of(const struct sorting *s, const struct item *item)
{
    const struct canon_pair *pair = &s->pairs[item->pair];
    return (struct bytes){s->result + pair->key, pair->value - pair->key};
}

static bool comes_after(struct sorting *s, const struct item *a, const struct item *b)
{
    if (a->prefix != b->prefix)
        return a->prefix > b->prefix;
    return term_compare_keys_counted(key_of(s, a), key_of(s, b), &s->work) > 0;
}

static void merge(struct sorting *s, size_t from, size_t middle, size_t to)
{
    struct item *items = s->items;
    size_t left = from, right = middle, at = from;
    while (left < middle && right < to && s->work <= LIMIT_SORT_WORK)
        s->other[at++] =
            comes_after(s, &items[left], &items[right]) ? items[right++] : items[left++];
    memmove(items + at, items + left, (middle - left) * sizeof(*items));
    memcpy(items + from, s->other + from, (at - from) * sizeof(*items));
}

/* A merge sort of our own, since qsort_r() cannot be stopped at the limit.  Recursion, because
 * small parts stay in the cache; it is as deep as their number has bits. */
static void merge_sort(struct sorting *s, size_t from, size_t to)
{
    size_t middle = from + (to - from) / 2;
    if (to - from < 2 || s->work > LIMIT_SORT_WORK)
        return;
    merge_sort(s, from, middle);
    merge_sort(s, middle, to);
    merge(s, from, middle, to);
}

/* Rewrites the pairs in sorted order, over the bytes they occupied unsorted. */
static void rearrange(struct canon *c, const struct sorting *s, size_t start)
{
    uint8_t *result = c->out->at + c->base;
    buf_clear(&c->scratch);
    for (size_t i = 0; i < s->count; i++) {
        const struct canon_pair *pair = &s->pairs[s->items[i].pair];
        buf_put(&c->scratch, (struct bytes){result + pair->key, pair->end - pair->key});
    }
    memcpy(result + start, c->scratch.at, c->scratch.len);
}

static enum err sort_items(struct sorting *s)
{
    for (size_t i = 0; i < s->count; i++)
        s->items[i] = (struct item){canon_prefix(s->result + s->pairs[i].key), (uint32_t)i};
    merge_sort(s, 0, s->count);
    if (s->work > LIMIT_SORT_WORK)
        return ERR_LIMIT;
    for (size_t i = 1; i < s->count; i++) {
        const struct item *before = &s->items[i - 1], *item = &s->items[i];
        if (before->prefix == item->prefix && bytes_equal(key_of(s, before), key_of(s, item)))
            return ERR_DUPLICATE;
    }
    return OK;
}

/* What is known of the work before it is done: the bytes are moved twice, and each item is compared
 * at most as often as there are bits in the number of items. */
static uint64_t least_work(uint64_t bytes, uint64_t count)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(count);
    return bytes / 2 + count * bits * WORK_PREFIXES;
}

static void sort(struct canon *c, const struct canon_pair *pairs, size_t count)
{
    size_t start = pairs[0].key;
    canon_replace(c, 0);
    c->work += least_work(canon_position(c) - start, count);
    if (c->work > LIMIT_SORT_WORK) {
        c->err = ERR_LIMIT;
        return;
    }
    struct sorting s = {.pairs = pairs,
                        .result = c->out->at + c->base,
                        .items = mem_take(count * sizeof(*s.items)),
                        .other = mem_take(count * sizeof(*s.items)),
                        .count = count,
                        .work = c->work};
    c->err = sort_items(&s);
    c->work = s.work;
    if (c->err == OK)
        rearrange(c, &s, start);
    mem_free(s.items);
    mem_free(s.other);
}

void canon_map_close(struct canon *c, struct canon_frame *map)
{
    if (!map->sorted)
        sort(c, c->pairs + map->first_pair, c->pair_count - map->first_pair);
    c->pair_count = map->first_pair;
}
