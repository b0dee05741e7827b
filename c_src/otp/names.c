#include "names.h"

#include "../err.h"
#include "../mem.h"
#include "../sorted.h"

static struct bytes name_of(const void *record)
{
    return buf_bytes((const struct buf *)record);
}

static int compare(const void *element, const void *key)
{
    return bytes_compare(name_of(*(void *const *)element), *(const struct bytes *)key);
}

static size_t place_of(const struct names *n, struct bytes name)
{
    return sorted_place(n->list, n->count, sizeof(*n->list), &name, compare);
}

void *names_find(const struct names *n, struct bytes name)
{
    void **found = sorted_find(n->list, n->count, sizeof(*n->list), &name, compare);
    return found != NULL ? *found : NULL;
}

void *names_add(struct names *n, struct bytes name, size_t size)
{
    must(names_find(n, name) == NULL);
    size_t place = place_of(n, name);
    n->list = sorted_insert(n->list, &n->count, &n->cap, sizeof(*n->list), place);
    void *record = n->list[place] = mem_take(size);
    buf_put(record, name);
    return record;
}

static void free_record(void *record)
{
    buf_free(record);
    mem_free(record);
}

void names_remove(struct names *n, void *record)
{
    size_t place = place_of(n, name_of(record));
    must(place < n->count && n->list[place] == record);
    sorted_remove(n->list, &n->count, sizeof(*n->list), place);
    free_record(record);
}

void names_free(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free_record(n->list[i]);
    mem_free(n->list);
    *n = (struct names){0};
}

size_t names_after(const struct names *n, struct bytes name)
{
    size_t place = place_of(n, name);
    return place < n->count && bytes_equal(name_of(n->list[place]), name) ? place + 1 : place;
}
