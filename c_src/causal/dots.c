#include "dots.h"

#include <stdlib.h>
#include <string.h>

#include "../mem.h"
#include "../sorted.h"

/* --- the dots of one element ------------------------------------------------ */

static const struct tag *list_of(const struct dots *d)
{
    return d->count > 1 ? d->many : &d->one;
}

struct tag *dots_list(struct dots *d)
{
    return d->count > 1 ? d->many : &d->one;
}

void dots_free(struct dots *d)
{
    if (d->count > 1)
        mem_free(d->many);
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

static bool are_sorted(const struct tag *tags, size_t count)
{
    size_t i = 1;
    while (i < count && by_actor(&tags[i - 1], &tags[i]) < 0)
        i++;
    return i >= count;
}

size_t dots_filter_new(const struct dots *d, struct tag *tags, size_t count)
{
    size_t left = 0;
    if (!are_sorted(tags, count))
        qsort(tags, count, sizeof(*tags), by_actor);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && tags[i + 1].actor == tags[i].actor)
            continue;
        if (tags[i].n > dots_of(d, tags[i].actor))
            tags[left++] = tags[i];
    }
    return left;
}

/* A new array of the dots and the news, with room for all of them; the news win. */
static struct tag *merged(const struct dots *d, const struct tag *news, size_t count, size_t *len)
{
    const struct tag *old = list_of(d), *old_end = old + d->count, *end = news + count;
    struct tag *list = mem_resize(NULL, (d->count + count) * sizeof(*list));
    *len = 0;
    while (old < old_end || news < end) {
        bool takes_old = news == end || (old < old_end && old->actor < news->actor);
        if (!takes_old && old < old_end && old->actor == news->actor)
            old++;
        list[(*len)++] = takes_old ? *old++ : *news++;
    }
    return list;
}

/* Takes over an array that has room for more. */
static void set_list(struct dots *d, struct tag *list, size_t count, size_t room)
{
    must(count > 0 && count <= UINT32_MAX);
    dots_free(d);
    d->count = (uint32_t)count;
    d->one = list[0];
    if (count > 1)
        d->many = count < room ? mem_resize(list, count * sizeof(*list)) : list;
    else
        mem_free(list);
}

void dots_merge(struct dots *d, const struct tag *news, size_t count)
{
    size_t i = count == 1 ? place_of(d, news->actor) : 0, len;
    if (count == 1 && is_at(d, i, news->actor)) {
        dots_list(d)[i] = *news;
    } else if (count == 1 && d->count == 0) {
        *d = (struct dots){{*news}, 1};
    } else if (count > 0) {
        size_t room = d->count + count;
        struct tag *list = merged(d, news, count, &len);
        set_list(d, list, len, room);
    }
}

void dots_truncate(struct dots *d, size_t count)
{
    must(count <= d->count);
    if (d->count <= 1 || count == d->count) {
        d->count = (uint32_t)count;
        return;
    }
    struct tag *list = d->many;
    size_t room = d->count;
    d->count = 0;
    if (count > 0)
        set_list(d, list, count, room);
    else
        mem_free(list);
}

/* --- the heap ---------------------------------------------------------------- */

void dot_heap_free(struct dot_heap *h)
{
    mem_free(h->list);
    *h = (struct dot_heap){0};
}

static bool is_current(const struct dot_ref *ref, const struct table *elements, uint32_t actor)
{
    const struct dots *d =
        ref->element < table_end(elements) ? table_at(elements, ref->element) : NULL;
    return d != NULL && dots_of(d, actor) == ref->n;
}

/* Moves an entry towards the leaves until no child is below it. */
static void sink(struct dot_heap *h, size_t at)
{
    struct dot_ref ref = h->list[at];
    for (size_t child; (child = 2 * at + 1) < h->count; at = child) {
        if (child + 1 < h->count && h->list[child + 1].n < h->list[child].n)
            child++;
        if (ref.n <= h->list[child].n)
            break;
        h->list[at] = h->list[child];
    }
    h->list[at] = ref;
}

/* Makes it a heap again. */
static void restore(struct dot_heap *h)
{
    for (size_t i = h->count / 2; i > 0; i--)
        sink(h, i - 1);
}

static void compact(struct dot_heap *h, const struct table *elements, uint32_t actor)
{
    size_t current = 0;
    if (!h->stale)
        return;
    h->stale = false;
    for (size_t i = 0; i < h->count; i++) {
        if (is_current(&h->list[i], elements, actor))
            h->list[current++] = h->list[i];
    }
    if (current == h->count)
        return;
    h->count = current;
    restore(h);
}

void dot_heap_clear(struct dot_heap *h)
{
    h->count = 0;
    h->stale = false;
}

/* A full heap is compacted, and doubled unless more than half was stale, so the cost of
 * compacting is amortized over as many pushes. */
void dot_heap_push(struct dot_heap *h, const struct table *elements, uint32_t actor,
                   struct dot_ref ref, bool replaces)
{
    h->stale |= replaces;
    if (h->count == h->cap) {
        compact(h, elements, actor);
        if (h->count >= h->cap / 2)
            h->list = mem_room(h->list, h->cap, &h->cap, sizeof(*h->list));
    }
    size_t at = h->count++;
    for (size_t parent; at > 0 && ref.n < h->list[parent = (at - 1) / 2].n; at = parent)
        h->list[at] = h->list[parent];
    h->list[at] = ref;
}

struct taking {
    struct dot_ref *list;
    size_t count, cap;
};

static void taking_add(struct taking *t, struct dot_ref ref)
{
    t->list = mem_room(t->list, t->count, &t->cap, sizeof(*t->list));
    t->list[t->count++] = ref;
}

static bool has_any(const struct dot_heap *h, uint64_t most)
{
    return h->count > 0 && h->list[0].n <= most;
}

static void pop(struct dot_heap *h, struct taking *t)
{
    taking_add(t, h->list[0]);
    h->list[0] = h->list[--h->count];
    if (h->count > 0)
        sink(h, 0);
}

static void sweep(struct dot_heap *h, uint64_t most, struct taking *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < h->count; i++) {
        if (h->list[i].n <= most)
            taking_add(t, h->list[i]);
        else
            h->list[kept++] = h->list[i];
    }
    h->count = kept;
    restore(h);
}

/* A pop costs about as much as to sweep over so many entries. */
#define POP_ENTRIES 32

size_t dot_heap_take(struct dot_heap *h, uint64_t most, struct dot_ref **taken)
{
    struct taking t = {0};
    size_t few = h->count / POP_ENTRIES;
    while (t.count < few && has_any(h, most))
        pop(h, &t);
    if (has_any(h, most))
        sweep(h, most, &t);
    *taken = t.list;
    return t.count;
}

size_t dot_heap_check(const struct dot_heap *h, const struct table *elements, uint32_t actor)
{
    size_t current = 0;
    for (size_t i = 0; i < h->count; i++) {
        must(i == 0 || h->list[(i - 1) / 2].n <= h->list[i].n);
        current += is_current(&h->list[i], elements, actor);
    }
    must(h->stale || current == h->count);
    return current;
}
