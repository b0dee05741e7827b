#include "mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "err.h"

#define INITIAL_ELEMENTS 8

void mem_sufficed(bool did)
{
    if (!did)
        quit("coppice: out of memory\n");
}

void *mem_had(void *object)
{
    mem_sufficed(object != NULL);
    return object;
}

void *mem_take(size_t n)
{
    return mem_had(calloc(1, n > 0 ? n : 1));
}

void *mem_resize(void *old, size_t n)
{
    return mem_had(realloc(old, n > 0 ? n : 1));
}

void *mem_room(void *old, size_t count, size_t *cap, size_t size)
{
    must(count <= *cap);
    if (count < *cap)
        return old;
    size_t grown = *cap > 0 ? *cap * 2 : INITIAL_ELEMENTS;
    must(grown <= SIZE_MAX / size);
    *cap = grown;
    return mem_resize(old, grown * size);
}

void mem_free(void *block)
{
    free(block);
}

size_t mem_used(void)
{
    struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
}
