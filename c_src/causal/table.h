/* A hash table from canonical terms to records of one size, made for millions of entries.
 *
 * Entries keep their insertion order (so the same history gives the same bytes out).  They lie one
 * behind the other in one block: record, length of the key, key.  An array of 32-bit numbers says
 * where each begins, an index of 32-bit slots finds them by their hash.  Memory per entry: the
 * record, the key and 1 byte (5 for keys of 255 bytes and more), rounded up to 4 bytes, or to 8
 * for records with a size divisible by 8; 4 bytes of array, 6 to 11 of index; in large tables 2 of
 * marks, if they are asked for, and up to an eighth more of block and arrays.
 *
 * What is removed leaves a hole.  table_add() closes the holes of a block or an array that is full,
 * if they are a quarter of it, and makes a block smaller of which three quarters are free: the time
 * is amortized over as many removals. */
#ifndef COPPICE_CAUSAL_TABLE_H
#define COPPICE_CAUSAL_TABLE_H

#include "../term/bytes.h"

/* Sixteen bits that a key is filed under. */
typedef uint16_t table_mark(struct bytes key);

struct table {
    uint8_t *block;
    uint32_t *entries; /* where each begins in the block, in units; or a hole */
    uint16_t *marks;   /* of each entry; NULL: not kept */
    table_mark *mark;  /* NULL: none */
    /* Open addressing; 0 is free.  The low bits of a slot, as many as index_cap needs, are the
     * entry's number + 1, the others are those of its hash. */
    uint32_t *index;
    uint64_t seed;
    uint32_t count;      /* entries in the array, holes included */
    uint32_t live;       /* entries without holes */
    uint32_t generation; /* incremented when entries are renumbered */
    uint32_t cap, index_cap;
    uint32_t used, full, room; /* units of the block: with entries and holes, without, in all */
    uint16_t record_bytes;
    uint8_t unit_bits; /* a unit has 4 or 8 bytes: records are aligned to it */
};

/* An empty table with records of record_bytes (may be 0; at most 4096), initially zero, and
 * aligned for a pointer if it is divisible by 8, else for a uint32_t. */
void table_init(struct table *t, size_t record_bytes, uint64_t seed);

/* Has an empty table, once it is large, keep what mark() makes of each key: whoever looks for keys
 * by that need not touch the others, of which each is a cache miss. */
void table_keep_marks(struct table *t, table_mark *mark);

/* Whether they are kept, and that of entry i, as below; anything for a hole. */
static inline bool table_has_marks(const struct table *t)
{
    return t->marks != NULL;
}

static inline uint16_t table_mark_at(const struct table *t, size_t i)
{
    return t->marks[i];
}

/* Frees the entries, after passing each record to free_record (may be NULL). */
void table_free(struct table *t, void (*free_record)(void *record));

/* The record of a key, or NULL.  Like every record and key that is returned here, it is valid
 * until it is removed, or table_add() adds an entry: then all may move. */
void *table_find(const struct table *t, struct bytes key);

/* Begins to fetch from memory what a search for the key looks at first: for several keys that are
 * searched soon, at once.  A key that is not canonical is fetched in vain. */
void table_prefetch(const struct table *t, struct bytes key);

/* The record of a key, added (zeroed) if there was none; *added says so. */
void *table_add(struct table *t, struct bytes key, bool *added);

/* Removes an entry.  The caller frees what its record owns first.  Others do not move. */
void table_remove(struct table *t, void *record);

/* Numbers of entries (table_number()), all of them different, that are to be removed together: of
 * many it costs less than to remove each.  All zero is none. */
struct table_doomed {
    uint32_t *numbers;
    size_t count, cap;
};

void table_doom(struct table_doomed *d, size_t number);
/* Removes them; d has none then.  They must still have these numbers. */
void table_remove_doomed(struct table *t, struct table_doomed *d);
void table_doomed_free(struct table_doomed *d);

/* The record of entry i, for i from 0 to table_end() - 1, in insertion order; NULL for a hole.
 * Entries may be removed while iterating, but not added.  A table from which nothing was ever
 * removed has no holes. */
void *table_at(const struct table *t, size_t i);
size_t table_end(const struct table *t);

/* The i of a record; valid until t->generation changes. */
size_t table_number(const struct table *t, const void *record);

/* The key of a record. */
struct bytes table_key(const struct table *t, const void *record);

/* Invariants: every entry is found by its key, and has its mark; the index has nothing else. */
void table_check(const struct table *t);

#endif
