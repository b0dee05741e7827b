/* The dots of a DVVSet's elements: per element, the latest dot of each actor.
 *
 * Sorted by the actor's number.  A single dot, the usual case, needs no allocation. */
#ifndef COPPICE_CAUSAL_DOTS_H
#define COPPICE_CAUSAL_DOTS_H

#include "tags.h"

/* 16 bytes; all zero is empty and valid. */
struct dots {
    union __attribute__((packed, aligned(4))) {
        struct tag one;   /* count 1 */
        struct tag *many; /* count 2 and more */
    };
    uint32_t count;
};

void dots_free(struct dots *d);

/* The array of count dots; valid until the next change. */
struct tag *dots_list(struct dots *d);

/* The n of the actor's dot; 0 if it has none. */
uint64_t dots_of(const struct dots *d, uint32_t actor);

/* Reduces tags to those that are new to d, sorted by actor: the greatest of each actor, if it
 * is above the actor's dot in d.  Returns how many are left. */
size_t dots_filter_new(const struct dots *d, struct tag *tags, size_t count);

/* Merges such new tags into d. */
void dots_merge(struct dots *d, const struct tag *news, size_t count);

/* Keeps only the first count of dots_list(). */
void dots_truncate(struct dots *d, size_t count);

/* A min-heap of one actor's dots by n: 12 bytes per dot (up to 24 of address space).
 *
 * An entry names an element by its number in a table with records of struct dots.  It is current
 * while these have this n for the actor, else stale.  Stale entries stay until they are taken or
 * room is needed, so an element must not be removed before all its entries have been taken; and
 * when elements are renumbered, the heap is to be filled anew. */
struct __attribute__((packed, aligned(4))) dot_ref {
    uint64_t n;
    uint32_t element;
};

struct dot_heap {
    struct dot_ref *list;
    size_t count, cap;
    bool stale; /* some entries may be */
};

void dot_heap_free(struct dot_heap *h);
void dot_heap_clear(struct dot_heap *h);

/* replaces: the heap may have an older entry of the element, which becomes stale. */
void dot_heap_push(struct dot_heap *h, const struct table *elements, uint32_t actor,
                   struct dot_ref ref, bool replaces);

/* Takes out all entries whose n is at most `most`, in no order: their number, and an array that the
 * caller frees.  A few cost O(log n) each; many, together, a walk over the heap. */
size_t dot_heap_take(struct dot_heap *h, uint64_t most, struct dot_ref **taken);

/* Invariants: it is a heap, and has stale entries only if it says so.  Returns the number of
 * current entries. */
size_t dot_heap_check(const struct dot_heap *h, const struct table *elements, uint32_t actor);

#endif
