#include "hash_table.h"

#include "../err.h"
#include "../mem.h"

/* Small: each replica has a table of its members. */
#define INITIAL_SIZE 8
/* Slots that are split at once: few, so that it is done in microseconds, and more than one, since
 * the processor fetches the links of several at a time. */
#define BATCH 64

/* Fibonacci hashing: spreads keys that are consecutive numbers as well as hashes of bytes.  A slot
 * that is not there yet has its links in that of half the capacity before. */
static size_t slot_of(const struct hash_table *l, uint64_t key)
{
    size_t slot = (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (l->cap - 1);
    return slot < l->size ? slot : slot - l->cap / 2;
}

/* One more slot, with the links that belong there, which were in another one.  Links of one key
 * stay in their order. */
static void split(struct hash_table *l)
{
    l->slots = mem_room(l->slots, l->size, &l->cap, sizeof(struct hash_link *));
    size_t from = l->size - l->cap / 2, to = l->size++;
    struct hash_link *at = l->slots[from];
    struct hash_link **stay = &l->slots[from], **go = &l->slots[to];
    for (; at != NULL; at = at->next) {
        struct hash_link ***end = slot_of(l, at->key) == to ? &go : &stay;
        **end = at;
        *end = &at->next;
    }
    *stay = *go = NULL;
}

static void grow(struct hash_table *l)
{
    if (l->size == 0) {
        l->slots = mem_take(INITIAL_SIZE * sizeof(struct hash_link *));
        l->size = l->cap = INITIAL_SIZE;
        return;
    }
    size_t more = l->size / 8 < BATCH ? l->size / 8 : BATCH;
    while (more-- > 0)
        split(l);
}

void hash_table_put(struct hash_table *l, struct hash_link *link, uint64_t key)
{
    /* Slots that are not split yet have twice as many links as the others: a third more are worth
     * their memory. */
    if (l->size <= l->count + l->count / 2)
        grow(l);
    link->key = key;
    struct hash_link **slot = &l->slots[slot_of(l, key)];
    link->next = *slot;
    *slot = link;
    l->count++;
}

void hash_table_remove(struct hash_table *l, struct hash_link *link)
{
    must(l->count > 0);
    struct hash_link **at = &l->slots[slot_of(l, link->key)];
    while (*at != link) {
        must(*at != NULL);
        at = &(*at)->next;
    }
    *at = link->next;
    l->count--;
}

static struct hash_link *with_key(struct hash_link *at, uint64_t key)
{
    while (at != NULL && at->key != key)
        at = at->next;
    return at;
}

struct hash_link *hash_table_find(const struct hash_table *l, uint64_t key)
{
    return l->size > 0 ? with_key(l->slots[slot_of(l, key)], key) : NULL;
}

struct hash_link *hash_table_next(const struct hash_link *link)
{
    return with_key(link->next, link->key);
}

void hash_table_free(struct hash_table *l)
{
    mem_free(l->slots);
    *l = (struct hash_table){0};
}
