#include "histogram.h"

#include <string.h>

#include "../err.h"
#include "../mem.h"

/* Called for each size that a search looks at; tests that count work define it. */
#ifndef HISTOGRAM_PROBE
#define HISTOGRAM_PROBE() ((void)0)
#endif

void histogram_free(struct histogram *h)
{
    mem_free(h->count);
    *h = (struct histogram){0};
}

static void add(struct histogram *h, uint32_t size)
{
    while (size >= h->cap) {
        size_t before = h->cap;
        h->count = mem_room(h->count, h->cap, &h->cap, sizeof(*h->count));
        memset(&h->count[before], 0, (h->cap - before) * sizeof(*h->count));
    }
    h->count[size]++;
    if (size > h->most)
        h->most = size;
}

static void take(struct histogram *h, uint32_t size)
{
    must(size <= h->most && h->count[size] > 0);
    h->count[size]--;
    while (h->most > 1 && h->count[h->most] == 0) {
        HISTOGRAM_PROBE();
        h->most--;
    }
    if (h->most <= 1)
        histogram_free(h);
}

/* The new size first: the search for the largest one then ends there at the latest. */
void histogram_move(struct histogram *h, uint32_t from, uint32_t to)
{
    if (from == to)
        return;
    if (to > 1)
        add(h, to);
    if (from > 1)
        take(h, from);
}
