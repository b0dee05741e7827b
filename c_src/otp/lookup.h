/* A hash table over links that live inside what is looked up.
 *
 * The caller hashes, and compares what it finds: links with the same key come
 * newest first. */
#ifndef COPPICE_OTP_LOOKUP_H
#define COPPICE_OTP_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

struct lookup_link {
    struct lookup_link *next; /* in the same slot */
    uint64_t key;
};

/* All zero is empty and valid. */
struct lookup {
    struct lookup_link **slots;
    size_t size; /* slots: 0 or a power of 2 */
    size_t count;
};

void lookup_put(struct lookup *l, struct lookup_link *link, uint64_t key);

/* The link must be in the table. */
void lookup_drop(struct lookup *l, struct lookup_link *link);

/* The newest link with this key, and the next older one with the same; NULL
 * when there is none. */
struct lookup_link *lookup_find(const struct lookup *l, uint64_t key);
struct lookup_link *lookup_again(const struct lookup_link *link);

/* Frees the table, not what is in it. */
void lookup_free(struct lookup *l);

#endif
