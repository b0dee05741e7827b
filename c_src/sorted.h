/* Sorted arrays: where an element is, or belongs, and making and closing the gap.
 *
 * The array, its count and its capacity are the caller's, as with mem_room(); elements have
 * one size and may be records or pointers to them. */
#ifndef COPPICE_SORTED_H
#define COPPICE_SORTED_H

#include <stdbool.h>
#include <stddef.h>

/* <0, 0, >0: how an element of the array compares with a key. */
typedef int sorted_compare(const void *element, const void *key);

/* The index of the first element that is not below the key: count when all are.  Inline, so that
 * the comparison is too. */
static inline size_t sorted_place(const void *list, size_t count, size_t size, const void *key,
                                  sorted_compare *compare)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare((const char *)list + middle * size, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The element that equals the key, or NULL. */
static inline void *sorted_find(const void *list, size_t count, size_t size, const void *key,
                                sorted_compare *compare)
{
    size_t place = sorted_place(list, count, size, key, compare);
    if (place == count)
        return NULL;
    const char *found = (const char *)list + place * size;
    return compare(found, key) == 0 ? (void *)found : NULL;
}

/* Makes a gap of one element at place, which the caller fills, and counts it.  Consumes list
 * and gives the new one. */
void *sorted_insert(void *list, size_t *count, size_t *cap, size_t size, size_t place);

/* Closes the gap that the element at place leaves, and counts it off. */
void sorted_remove(void *list, size_t *count, size_t size, size_t place);

#endif
