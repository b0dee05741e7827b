/* A hash table from canonical terms to records of one size, made for millions of entries.
 *
 * Entries keep their insertion order (so the same history gives the same bytes out), in one
 * array of pointers; an index of 32-bit slots finds them.  An entry is one allocation: hash,
 * length, record, key.  Memory per entry: 8 bytes of array (up to 16 of address space), 6 to 11
 * of index, 8 of header, the record, the key, and the allocator's rounding. */
#ifndef COPPICE_CAUSAL_TABLE_H
#define COPPICE_CAUSAL_TABLE_H

#include "../term/bytes.h"

struct table_entry;

struct table {
    struct table_entry **entries;
    /* Open addressing; 0 is free.  The low bits of a slot, as many as index_cap needs, are the
     * entry's number + 1, the others are those of its hash. */
    uint32_t *index;
    size_t count;      /* entries in the array, holes included */
    size_t live;       /* entries without holes */
    size_t generation; /* incremented when entries are renumbered */
    size_t cap, index_cap;
    size_t record_bytes;
    uint64_t seed;
};

/* An empty table with records of record_bytes (may be 0), initially zero and aligned for a
 * pointer. */
void table_init(struct table *t, size_t record_bytes, uint64_t seed);

/* Frees the entries, after passing each record to free_record (may be NULL). */
void table_free(struct table *t, void (*free_record)(void *record));

/* The record of a key, or NULL.  Valid until it is removed: records do not move. */
void *table_find(const struct table *t, struct bytes key);

/* The record of a key, added (zeroed) if there was none; *added says so. */
void *table_add(struct table *t, struct bytes key, bool *added);

/* Removes an entry.  The caller frees what its record owns first. */
void table_remove(struct table *t, void *record);

/* The record of entry i, for i from 0 to table_end() - 1, in insertion order; NULL for a hole.
 * Entries may be removed while iterating, but not added.  A table from which nothing was ever
 * removed has no holes. */
void *table_at(const struct table *t, size_t i);
size_t table_end(const struct table *t);

/* The i of a record; valid until t->generation changes. */
size_t table_number(const struct table *t, const void *record);

/* The key of a record; valid as long as the record. */
struct bytes table_key(const struct table *t, const void *record);

/* Invariants: every entry is found by its key; the index has nothing else. */
void table_check(const struct table *t);

#endif
