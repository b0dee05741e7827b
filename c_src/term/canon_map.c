#include "canon_internal.h"

#include <stdlib.h>
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

static struct bytes pair_key(const struct canon_pair *pair, const uint8_t *result)
{
    return (struct bytes){result + pair->key, pair->value - pair->key};
}

static int compare_pairs(const void *a, const void *b, void *result)
{
    return term_compare_keys(pair_key(a, result), pair_key(b, result));
}

/* Rewrites the pairs in sorted order, over the bytes they occupied unsorted. */
static void rearrange(struct canon *c, const struct canon_pair *pairs, size_t count, size_t start)
{
    uint8_t *result = c->out->at + c->base;
    buf_clear(&c->scratch);
    for (size_t i = 0; i < count; i++)
        buf_put(&c->scratch, (struct bytes){result + pairs[i].key, pairs[i].end - pairs[i].key});
    memcpy(result + start, c->scratch.at, c->scratch.len);
}

static void sort(struct canon *c, struct canon_pair *pairs, size_t count)
{
    size_t start = pairs[0].key;
    canon_replace(c, 0);
    uint8_t *result = c->out->at + c->base;
    c->moved += canon_position(c) - start;
    if (c->moved > LIMIT_SORT_BYTES) {
        c->err = ERR_LIMIT;
        return;
    }
    qsort_r(pairs, count, sizeof(*pairs), compare_pairs, result);
    for (size_t i = 1; i < count; i++) {
        if (bytes_equal(pair_key(&pairs[i - 1], result), pair_key(&pairs[i], result))) {
            c->err = ERR_DUPLICATE;
            return;
        }
    }
    rearrange(c, pairs, count, start);
}

void canon_map_close(struct canon *c, struct canon_frame *map)
{
    if (!map->sorted)
        sort(c, c->pairs + map->first_pair, c->pair_count - map->first_pair);
    c->pair_count = map->first_pair;
}
