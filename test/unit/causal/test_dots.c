#include "causal/dots.h"

#include <string.h>

#include "mem.h"
#include "unit/suite.h"

enum { ACTORS = 6, ELEMENTS = 40 };

static uint64_t random = 11;

static uint64_t random_below(uint64_t below)
{
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (random >> 33) % below;
}

static void agree(const struct dots *d, const uint64_t *model)
{
    size_t count = 0;
    for (uint32_t actor = 0; actor < ACTORS; actor++) {
        CU_ASSERT(dots_of(d, actor) == model[actor]);
        count += model[actor] > 0;
    }
    CU_ASSERT(d->count == count);
}

/* Random tags, with duplicates and with known ones; they are added to the model. */
static size_t draw(struct tag *tags, uint64_t *model, size_t *grew)
{
    size_t count = random_below(8);
    uint64_t before[ACTORS];
    *grew = 0;
    memcpy(before, model, sizeof(before));
    for (size_t i = 0; i < count; i++) {
        tags[i] = (struct tag){random_below(40), (uint32_t)random_below(ACTORS)};
        if (tags[i].n > model[tags[i].actor])
            model[tags[i].actor] = tags[i].n;
    }
    for (size_t i = 0; i < ACTORS; i++)
        *grew += model[i] > before[i];
    return count;
}

static void keeps_the_greatest_of_each_actor(void)
{
    for (unsigned round = 0; round < 3000; round++) {
        struct dots d = {0};
        uint64_t model[ACTORS] = {0};
        struct tag tags[8];
        for (unsigned step = 0; step < 5; step++) {
            size_t grew, count = draw(tags, model, &grew);
            size_t news = dots_filter_new(&d, tags, count);
            CU_ASSERT(news == grew);
            dots_merge(&d, tags, news);
            agree(&d, model);
        }
        size_t left = random_below(d.count + 1);
        while (d.count > left) {
            model[dots_list(&d)[d.count - 1].actor] = 0;
            dots_truncate(&d, d.count - 1);
            agree(&d, model);
        }
        dots_free(&d);
    }
}

/* A table of ELEMENTS elements without dots. */
static void open_elements(struct table *t)
{
    table_init(t, sizeof(struct dots), 1);
    for (uint8_t i = 0; i < ELEMENTS; i++) {
        bool added;
        table_add(t, (struct bytes){(uint8_t[]){97, i}, 2}, &added);
        CU_ASSERT(added);
    }
}

static void close_element(void *record)
{
    dots_free(record);
}

/* Each entry that is taken is below the floor, and no current one of those is left. */
static void take_below(struct dot_heap *h, struct table *elements, uint64_t *model, uint64_t floor)
{
    struct dot_ref *taken;
    size_t count = dot_heap_take(h, floor, &taken);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT(taken[i].n <= floor);
        struct dots *d = table_at(elements, taken[i].element);
        if (dots_of(d, 3) != taken[i].n)
            continue;
        CU_ASSERT(model[taken[i].element] == taken[i].n);
        model[taken[i].element] = 0;
        dots_truncate(d, 0);
    }
    for (size_t k = 0; k < ELEMENTS; k++)
        CU_ASSERT(model[k] == 0 || model[k] > floor);
    mem_free(taken);
}

/* All current entries are taken, few or many, whatever was merged and truncated meanwhile. */
static void heap_gives_what_is_below(void)
{
    struct table elements;
    struct dot_heap h = {0};
    uint64_t n = 0, model[ELEMENTS] = {0}, floor = 0;
    open_elements(&elements);
    for (unsigned step = 0; step < 30000; step++) {
        uint32_t i = (uint32_t)random_below(ELEMENTS);
        if (random_below(50) == 0) {
            floor += random_below((n - floor) / (1 + random_below(20)) + 1);
            take_below(&h, &elements, model, floor);
        }
        struct tag tag = {n += 1 + random_below(3), 3};
        bool replaces = model[i] > 0;
        model[i] = tag.n;
        dots_merge(table_at(&elements, i), &tag, 1);
        dot_heap_push(&h, &elements, 3, (struct dot_ref){tag.n, i}, replaces);
        size_t current = 0;
        for (size_t k = 0; k < ELEMENTS; k++)
            current += model[k] > 0;
        CU_ASSERT(dot_heap_check(&h, &elements, 3) == current);
    }
    dot_heap_free(&h);
    table_free(&elements, close_element);
}

/* An element that is added again and again needs one entry. */
static void stale_entries_take_no_room(void)
{
    struct table elements;
    struct dot_heap h = {0};
    open_elements(&elements);
    for (uint64_t n = 1; n < 1000000; n++) {
        uint32_t i = (uint32_t)(n % ELEMENTS);
        dots_merge(table_at(&elements, i), &(struct tag){n, 0}, 1);
        dot_heap_push(&h, &elements, 0, (struct dot_ref){n, i}, n > ELEMENTS);
    }
    CU_ASSERT(h.cap <= 4 * ELEMENTS);
    CU_ASSERT(dot_heap_check(&h, &elements, 0) == ELEMENTS);
    dot_heap_free(&h);
    table_free(&elements, close_element);
}

SUITE("dots", TEST(keeps_the_greatest_of_each_actor), TEST(heap_gives_what_is_below),
      TEST(stale_entries_take_no_room))
