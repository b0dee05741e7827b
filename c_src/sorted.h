/* Sorted arrays: binary search, insertion and removal.
 *
 * The caller owns the array, its count and its capacity, as with mem_room().  Elements have
 * one size and may be records or pointers to them. */
#ifndef COPPICE_SORTED_H
#define COPPICE_SORTED_H

#include <stdbool.h>
#include <stddef.h>

/* How an element of the array compares with a key: <0, 0 or >0. */
typedef int sorted_compare(const void *element, const void *key);

/* The index of the first element that is not below the key, or count.  Inline, so that the
 * comparison is inlined too. */
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

/* Opens a gap of one element at place, for the caller to fill, and increments *count.
 * Consumes list and returns the new one. */
void *sorted_insert(void *list, size_t *count, size_t *cap, size_t size, size_t place);

/* Removes the element at place and decrements *count. */
void sorted_remove(void *list, size_t *count, size_t size, size_t place);

#endif
