#include "names.h"

#include "../err.h"
#include "../mem.h"
#include "../sorted.h"
#include "../term/keyed_hash.h"
#include "list.h"

/* What lies in memory right before a record. */
struct named {
    struct hash_link link;
    _Alignas(max_align_t) uint8_t record[];
};

static struct bytes name_of(const void *record)
{
    return buf_bytes((const struct buf *)record);
}

static struct named *named_of(void *record)
{
    return CONTAINER_OF(record, struct named, record);
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
    struct hash_link *link = hash_table_find(&n->by_hash, keyed_hash(name, n->secret));
    for (; link != NULL; link = hash_table_next(link)) {
        void *record = CONTAINER_OF(link, struct named, link)->record;
        if (bytes_equal(name_of(record), name))
            return record;
    }
    return NULL;
}

void *names_add(struct names *n, struct bytes name, size_t size)
{
    must(names_find(n, name) == NULL);
    struct named *named = mem_take(sizeof(*named) + size);
    size_t place = place_of(n, name);
    n->list = sorted_insert(n->list, &n->count, &n->cap, sizeof(*n->list), place);
    n->list[place] = named->record;
    buf_put((struct buf *)named->record, name);
    hash_table_put(&n->by_hash, &named->link, keyed_hash(name, n->secret));
    return named->record;
}

static void free_record(void *record)
{
    buf_free(record);
    mem_free(named_of(record));
}

void names_remove(struct names *n, void *record)
{
    size_t place = place_of(n, name_of(record));
    must(place < n->count && n->list[place] == record);
    sorted_remove(n->list, &n->count, sizeof(*n->list), place);
    hash_table_remove(&n->by_hash, &named_of(record)->link);
    free_record(record);
}

void names_free(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free_record(n->list[i]);
    mem_free(n->list);
    hash_table_free(&n->by_hash);
    *n = (struct names){.secret = n->secret};
}

size_t names_after(const struct names *n, struct bytes name)
{
    size_t place = place_of(n, name);
    return place < n->count && bytes_equal(name_of(n->list[place]), name) ? place + 1 : place;
}
