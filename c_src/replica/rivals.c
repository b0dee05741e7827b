#include "rivals.h"

#include "../err.h"
#include "../mem.h"
#include "../otp/list.h"
#include "../term/keyed_hash.h"

/* One of what a replica has for itself. */
struct claim {
    struct hash_link link;
    const struct replica_options *options;
};

/* The keys of a replica's claims. */
struct keys {
    uint64_t at[3];
    size_t count;
};

static struct keys keys_of(const struct rivals *r, const struct replica_options *o)
{
    struct keys keys = {.count = 0};
    uint64_t group = keyed_hash(term_bytes(&o->group), r->seed);
    if (o->global.len > 0)
        keys.at[keys.count++] = keyed_hash(term_bytes(&o->global), ~r->seed);
    keys.at[keys.count++] = keyed_hash(term_bytes(&o->actor), group);
    /* The group alone: two paths may be of one file. */
    if (o->storage.file.len > 0)
        keys.at[keys.count++] = group;
    return keys;
}

void rivals_free(struct rivals *r)
{
    for (size_t i = 0; i < r->claims.size; i++)
        for (struct hash_link *link = r->claims.slots[i], *next; link != NULL; link = next) {
            next = link->next;
            mem_free(CONTAINER_OF(link, struct claim, link));
        }
    hash_table_free(&r->claims);
}

void rivals_add(struct rivals *r, const struct replica_options *o)
{
    struct keys keys = keys_of(r, o);
    for (size_t i = 0; i < keys.count; i++) {
        struct claim *claim = mem_take(sizeof(*claim));
        claim->options = o;
        hash_table_put(&r->claims, &claim->link, keys.at[i]);
    }
}

static struct claim *next_claim(struct hash_link *link)
{
    return link != NULL ? CONTAINER_OF(link, struct claim, link) : NULL;
}

void rivals_remove(struct rivals *r, const struct replica_options *o)
{
    struct keys keys = keys_of(r, o);
    for (size_t i = 0; i < keys.count; i++) {
        struct claim *claim = next_claim(hash_table_find(&r->claims, keys.at[i]));
        while (claim != NULL && claim->options != o)
            claim = next_claim(hash_table_next(&claim->link));
        must(claim != NULL);
        hash_table_remove(&r->claims, &claim->link);
        mem_free(claim);
    }
}

enum err rivals_check(const struct rivals *r, const struct replica_options *o, same_file *is_same,
                      struct options_error *error)
{
    struct keys keys = keys_of(r, o);
    enum err e = OK;
    for (size_t i = 0; i < keys.count; i++)
        for (struct claim *claim = next_claim(hash_table_find(&r->claims, keys.at[i]));
             e == OK && claim != NULL; claim = next_claim(hash_table_next(&claim->link)))
            if (!bytes_equal(term_bytes(&claim->options->name), term_bytes(&o->name)))
                e = replica_options_compare(o, claim->options, is_same, error);
    return e;
}
