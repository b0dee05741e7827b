/* The dots of a DVVSet's elements: for each element, of each actor the last one.
 *
 * Sorted by the actor's number.  One dot, as nearly every element has, costs no
 * allocation. */
#ifndef COPPICE_CAUSAL_DOTS_H
#define COPPICE_CAUSAL_DOTS_H

#include "tags.h"

union __attribute__((packed, aligned(4))) dots_in {
    struct tag one;   /* count 1 */
    struct tag *many; /* count 2 and more */
};

/* 16 bytes; all zero is empty and valid. */
struct dots {
    union dots_in in;
    uint32_t count;
};

void dots_free(struct dots *d);

/* The first of count dots; good until the next change. */
struct tag *dots_list(struct dots *d);

/* The n of the actor's dot; 0 for none. */
uint64_t dots_of(const struct dots *d, uint32_t actor);

/* Of these tags leaves what is new to d, sorted by actor: the greatest of each actor, where
 * it is above the dot in d.  Gives their number. */
size_t dots_news(const struct dots *d, struct tag *tags, size_t count);

/* Sets such news. */
void dots_set(struct dots *d, const struct tag *news, size_t count);

/* Leaves the first so many of dots_list(). */
void dots_cut(struct dots *d, size_t count);

/* Where an actor's dots are, by n: 16 bytes a dot (up to 32 of address space).
 *
 * A place is right while its dots have this n of the actor.  What is no longer right stays
 * until it is taken out or room is needed, so dots must live until all their places, those
 * that were wrong already included, are taken out. */
struct dot_place {
    uint64_t n;
    struct dots *dots;
};

struct dot_heap {
    struct dot_place *list;
    size_t count, cap;
};

void dot_heap_free(struct dot_heap *h);

void dot_heap_push(struct dot_heap *h, uint32_t actor, struct dot_place place);

/* Takes out the place with the least n; false where that is more than this. */
bool dot_heap_pop(struct dot_heap *h, uint64_t most, struct dot_place *place);

/* Invariant: it is a heap.  Gives the number of places that are right. */
size_t dot_heap_check(const struct dot_heap *h, uint32_t actor);

#endif
