#include "sorted.h"

#include <string.h>

#include "err.h"
#include "mem.h"

void *sorted_insert(void *list, size_t *count, size_t *cap, size_t size, size_t place)
{
    must(place <= *count);
    char *grown = mem_room(list, *count, cap, size);
    char *gap = grown + place * size;
    memmove(gap + size, gap, (*count - place) * size);
    (*count)++;
    return grown;
}

void sorted_remove(void *list, size_t *count, size_t size, size_t place)
{
    must(place < *count);
    char *gap = (char *)list + place * size;
    (*count)--;
    memmove(gap, gap + size, (*count - place) * size);
}
