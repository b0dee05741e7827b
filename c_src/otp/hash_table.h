/* An intrusive hash table: each element embeds a struct hash_link.
 *
 * The key is a number, or a hash that the caller computed; the caller then compares what it
 * finds.  Links with the same key are found newest first.
 *
 * The table grows by a few slots at a time (linear hashing), so that no put takes long: to move
 * half a million links at once takes 25 ms. */
#ifndef COPPICE_OTP_HASH_TABLE_H
#define COPPICE_OTP_HASH_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct hash_link {
    struct hash_link *next; /* in the slot */
    uint64_t key;
};

/* All zero is a valid, empty table. */
struct hash_table {
    struct hash_link **slots;
    size_t size;  /* number of slots */
    size_t cap;   /* there is room for: 0 or a power of 2, at most twice the size */
    size_t count; /* of links */
};

void hash_table_put(struct hash_table *l, struct hash_link *link, uint64_t key);

/* The link must be in the table. */
void hash_table_remove(struct hash_table *l, struct hash_link *link);

/* The newest link with this key, and the next older one with the same key; NULL when there
 * is none. */
struct hash_link *hash_table_find(const struct hash_table *l, uint64_t key);
struct hash_link *hash_table_next(const struct hash_link *link);

/* Frees the table, not its elements. */
void hash_table_free(struct hash_table *l);

#endif
