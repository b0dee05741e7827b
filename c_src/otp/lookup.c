#include "lookup.h"

#include "../err.h"
#include "../mem.h"

#define SIZE_AT_FIRST 64

/* Keys that are counted up would do as they are; those that a peer's bytes
 * make are mixed by their hash.  Fibonacci hashing serves both. */
static size_t slot_of(const struct lookup *l, uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (l->size - 1);
}

static void link_in(struct lookup *l, struct lookup_link *link)
{
    struct lookup_link **slot = &l->slots[slot_of(l, link->key)];
    link->next = *slot;
    *slot = link;
}

/* Links of one key must stay newest first: each old slot is turned round
 * before its links go, oldest first, to the front of their new slots. */
static void grow(struct lookup *l)
{
    struct lookup old = *l;
    l->size = old.size > 0 ? old.size * 2 : SIZE_AT_FIRST;
    l->slots = mem_take(l->size * sizeof(struct lookup_link *));
    for (size_t i = 0; i < old.size; i++) {
        struct lookup_link *turned = NULL;
        for (struct lookup_link *at = old.slots[i], *next; at != NULL; at = next) {
            next = at->next;
            at->next = turned;
            turned = at;
        }
        for (struct lookup_link *next; turned != NULL; turned = next) {
            next = turned->next;
            link_in(l, turned);
        }
    }
    mem_free(old.slots);
}

void lookup_put(struct lookup *l, struct lookup_link *link, uint64_t key)
{
    if (l->count == l->size)
        grow(l);
    link->key = key;
    link_in(l, link);
    l->count++;
}

void lookup_drop(struct lookup *l, struct lookup_link *link)
{
    must(l->count > 0);
    struct lookup_link **at = &l->slots[slot_of(l, link->key)];
    while (*at != link) {
        must(*at != NULL);
        at = &(*at)->next;
    }
    *at = link->next;
    l->count--;
}

static struct lookup_link *with_key(struct lookup_link *at, uint64_t key)
{
    while (at != NULL && at->key != key)
        at = at->next;
    return at;
}

struct lookup_link *lookup_find(const struct lookup *l, uint64_t key)
{
    return l->size > 0 ? with_key(l->slots[slot_of(l, key)], key) : NULL;
}

struct lookup_link *lookup_again(const struct lookup_link *link)
{
    return with_key(link->next, link->key);
}

void lookup_free(struct lookup *l)
{
    mem_free(l->slots);
    *l = (struct lookup){0};
}
