/* A hash table from canonical terms to records of one size, made for millions.
 *
 * Entries stay in the order in which they came (so the same history gives the
 * same bytes out), in one array of pointers; an index of 32-bit slots finds them. An
 * entry is one allocation: hash, length, record, key.  Costs an entry: 8 bytes of
 * array (up to 16 of address space), 6 to 11 of index, 8 of its own, the record,
 * the key, and what the allocator rounds up. */
#ifndef COPPICE_CAUSAL_TABLE_H
#define COPPICE_CAUSAL_TABLE_H

#include "../term/bytes.h"

struct table_entry;

struct table {
    struct table_entry **entries;
    /* Open addressing; 0 is free.  The low bits of a slot, as many as index_cap
     * needs, are the entry's number + 1, the high ones are its hash's. */
    uint32_t *index;
    size_t count;      /* entries in the array, holes included */
    size_t live;       /* without holes */
    size_t renumbered; /* how often entries got other numbers */
    size_t cap, index_cap;
    size_t record_bytes;
    uint64_t seed;
};

/* An empty table whose entries carry record_bytes (may be 0) of the caller's,
 * zeroed at first.  A record is aligned for a pointer. */
void table_init(struct table *t, size_t record_bytes, uint64_t seed);

/* Frees all; each record is first given to done, if there is one. */
void table_free(struct table *t, void (*done)(void *record));

/* The record of a key, NULL where there is none.  Good until it is removed:
 * records do not move. */
void *table_find(const struct table *t, struct bytes key);

/* The record of a key, added (zeroed) where there was none; *added says so. */
void *table_add(struct table *t, struct bytes key, bool *added);

/* Takes an entry out; its record's insides are the caller's to free before. */
void table_remove(struct table *t, void *record);

/* Room for n more entries at once, before a merge of known size. */
void table_reserve(struct table *t, size_t n);

/* The entries in order: 0, 1, ... until table_end(); NULL for a hole.  A walk may
 * remove, but not add.  A table from which nothing was ever removed has no holes,
 * and its first entry is 0, the next 1. */
void *table_at(const struct table *t, size_t i);
size_t table_end(const struct table *t);

/* The i of a record; good until t->renumbered is another. */
size_t table_number(const struct table *t, const void *record);

/* The key of a record; good as long as the record. */
struct bytes table_key(const struct table *t, const void *record);

/* Invariants: every entry is found by its key, once; nothing else is in the index. */
void table_check(const struct table *t);

#endif
