/* Records by name, a node's for instance: a sorted array of pointers to what begins with its name,
 * and a hash table, since a name is looked up for each message. */
#ifndef COPPICE_OTP_NAMES_H
#define COPPICE_OTP_NAMES_H

#include "../term/bytes.h"
#include "hash_table.h"

/* Each record's first member is a `struct buf` with its name. */
struct names {
    void **list; /* in the order of names, each once */
    size_t count, cap;
    struct hash_table by_hash;
    uint64_t secret; /* of the hashes (keyed_hash.h); set while it is empty, 0 where no stranger
                        chooses names */
};

/* NULL for none. */
void *names_find(const struct names *n, struct bytes name);

/* A new record of so many bytes, zero but for its name, which is not there yet. */
void *names_add(struct names *n, struct bytes name, size_t size);

/* Frees the record and its name.  Those behind it move forward by one. */
void names_remove(struct names *n, void *record);
void names_free(struct names *n);

/* The index of the first record behind the name. */
size_t names_after(const struct names *n, struct bytes name);

#endif
