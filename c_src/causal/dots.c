#include "dots.h"

#include <stdlib.h>
#include <string.h>

#include "../mem.h"
#include "../sorted.h"

/* --- the dots of one element ------------------------------------------------ */

static const struct tag *list_of(const struct dots *d)
{
    return d->count > 1 ? d->in.many : &d->in.one;
}

struct tag *dots_list(struct dots *d)
{
    return d->count > 1 ? d->in.many : &d->in.one;
}

void dots_free(struct dots *d)
{
    if (d->count > 1)
        mem_free(d->in.many);
    *d = (struct dots){0};
}

static int compare_actor(const void *element, const void *key)
{
    const struct tag *dot = element;
    const uint32_t *actor = key;
    return (dot->actor > *actor) - (dot->actor < *actor);
}

/* The first dot whose actor is not below this one. */
static size_t place_of(const struct dots *d, uint32_t actor)
{
    return sorted_place(list_of(d), d->count, sizeof(struct tag), &actor, compare_actor);
}

static bool is_at(const struct dots *d, size_t i, uint32_t actor)
{
    return i < d->count && list_of(d)[i].actor == actor;
}

uint64_t dots_of(const struct dots *d, uint32_t actor)
{
    size_t i = place_of(d, actor);
    return is_at(d, i, actor) ? list_of(d)[i].n : 0;
}

static int by_actor(const void *left, const void *right)
{
    const struct tag *a = left, *b = right;
    if (a->actor != b->actor)
        return a->actor < b->actor ? -1 : 1;
    return (a->n > b->n) - (a->n < b->n);
}

size_t dots_news(const struct dots *d, struct tag *tags, size_t count)
{
    size_t left = 0;
    if (count > 1)
        qsort(tags, count, sizeof(*tags), by_actor);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && tags[i + 1].actor == tags[i].actor)
            continue;
        if (tags[i].n > dots_of(d, tags[i].actor))
            tags[left++] = tags[i];
    }
    return left;
}

/* The dots and the news, which win, in a list of their own. */
static struct tag *woven(const struct dots *d, const struct tag *news, size_t count, size_t *len)
{
    const struct tag *old = list_of(d), *old_end = old + d->count, *end = news + count;
    struct tag *list = mem_take((d->count + count) * sizeof(*list));
    *len = 0;
    while (old < old_end || news < end) {
        bool takes_old = news == end || (old < old_end && old->actor < news->actor);
        if (!takes_old && old < old_end && old->actor == news->actor)
            old++;
        list[(*len)++] = takes_old ? *old++ : *news++;
    }
    return list;
}

static void put_list(struct dots *d, struct tag *list, size_t count)
{
    must(count > 0 && count <= UINT32_MAX);
    dots_free(d);
    d->count = (uint32_t)count;
    d->in.one = list[0];
    if (count > 1)
        d->in.many = mem_resize(list, count * sizeof(*list));
    else
        mem_free(list);
}

void dots_set(struct dots *d, const struct tag *news, size_t count)
{
    size_t i = count == 1 ? place_of(d, news->actor) : 0, len;
    if (count == 1 && is_at(d, i, news->actor)) {
        dots_list(d)[i] = *news;
    } else if (count == 1 && d->count == 0) {
        *d = (struct dots){{*news}, 1};
    } else if (count > 0) {
        struct tag *list = woven(d, news, count, &len);
        put_list(d, list, len);
    }
}

void dots_cut(struct dots *d, size_t count)
{
    must(count <= d->count);
    if (d->count <= 1 || count == d->count) {
        d->count = (uint32_t)count;
        return;
    }
    struct tag *list = d->in.many;
    d->count = 0;
    if (count > 0)
        put_list(d, list, count);
    else
        mem_free(list);
}

/* --- places ----------------------------------------------------------------- */

void dot_heap_free(struct dot_heap *h)
{
    mem_free(h->list);
    *h = (struct dot_heap){0};
}

static bool is_right(const struct dot_place *p, uint32_t actor)
{
    return dots_of(p->dots, actor) == p->n;
}

/* Moves a place towards the leaves until no child is below it. */
static void sink(struct dot_heap *h, size_t at)
{
    struct dot_place place = h->list[at];
    for (size_t child; (child = 2 * at + 1) < h->count; at = child) {
        if (child + 1 < h->count && h->list[child + 1].n < h->list[child].n)
            child++;
        if (place.n <= h->list[child].n)
            break;
        h->list[at] = h->list[child];
    }
    h->list[at] = place;
}

static void tidy(struct dot_heap *h, uint32_t actor)
{
    size_t right = 0;
    for (size_t i = 0; i < h->count; i++) {
        if (is_right(&h->list[i], actor))
            h->list[right++] = h->list[i];
    }
    if (right == h->count)
        return;
    h->count = right;
    for (size_t i = right / 2; i > 0; i--)
        sink(h, i - 1);
}

/* Half of the room at least is for what is right: tidying a full heap is paid by as many
 * pushes as it takes steps. */
void dot_heap_push(struct dot_heap *h, uint32_t actor, struct dot_place place)
{
    if (h->count == h->cap) {
        tidy(h, actor);
        if (h->count >= h->cap / 2)
            h->list = mem_room(h->list, h->cap, &h->cap, sizeof(*h->list));
    }
    size_t at = h->count++;
    for (size_t parent; at > 0 && place.n < h->list[parent = (at - 1) / 2].n; at = parent)
        h->list[at] = h->list[parent];
    h->list[at] = place;
}

bool dot_heap_pop(struct dot_heap *h, uint64_t most, struct dot_place *place)
{
    if (h->count == 0 || h->list[0].n > most)
        return false;
    *place = h->list[0];
    h->list[0] = h->list[--h->count];
    if (h->count > 0)
        sink(h, 0);
    return true;
}

size_t dot_heap_check(const struct dot_heap *h, uint32_t actor)
{
    size_t right = 0;
    for (size_t i = 0; i < h->count; i++) {
        must(i == 0 || h->list[(i - 1) / 2].n <= h->list[i].n);
        right += is_right(&h->list[i], actor);
    }
    return right;
}
