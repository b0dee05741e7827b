#include "hash_table.h"

#include "../err.h"
#include "../mem.h"

/* Small: each replica has a table of its members. */
#define INITIAL_SIZE 8

/* Fibonacci hashing: spreads keys that are consecutive numbers as well as hashes of bytes. */
static size_t slot_of(const struct hash_table *l, uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (l->size - 1);
}

static void push(struct hash_table *l, struct hash_link *link)
{
    struct hash_link **slot = &l->slots[slot_of(l, link->key)];
    link->next = *slot;
    *slot = link;
}

/* Links of one key must stay newest first: each old slot is reversed, then its links are
 * pushed, oldest first, to the front of their new slots. */
static void grow(struct hash_table *l)
{
    struct hash_table old = *l;
    l->size = old.size > 0 ? old.size * 2 : INITIAL_SIZE;
    l->slots = mem_take(l->size * sizeof(struct hash_link *));
    for (size_t i = 0; i < old.size; i++) {
        struct hash_link *reversed = NULL;
        for (struct hash_link *at = old.slots[i], *next; at != NULL; at = next) {
            next = at->next;
            at->next = reversed;
            reversed = at;
        }
        for (struct hash_link *next; reversed != NULL; reversed = next) {
            next = reversed->next;
            push(l, reversed);
        }
    }
    mem_free(old.slots);
}

void hash_table_put(struct hash_table *l, struct hash_link *link, uint64_t key)
{
    if (l->count == l->size)
        grow(l);
    link->key = key;
    push(l, link);
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
