/* An inverted index from tags to elements: finds the element of a peer's tombstone, which names
 * only the tag.
 *
 * A hash index over a table whose records are struct tags: 32 bits per slot, 5 to 13 bytes per
 * tag.  Tags are added but never removed: each hit is verified in the table.  It is built by the
 * first search, and again by the first one after entries of the table were renumbered: a set of
 * which nothing is removed does without.
 *
 * A tag belongs to one element, or to several if an actor lost its state and started counting
 * again; a malicious state may have it on all.  The slots lead to the first one; the others are in
 * a list per tag, since in the slots they would all be in one place, and each search would walk
 * over them. */
#ifndef COPPICE_CAUSAL_TAG_INDEX_H
#define COPPICE_CAUSAL_TAG_INDEX_H

#include "tags.h"

struct tag_others;

struct tag_index {
    const struct table *table; /* borrowed */
    /* Open addressing; 0 is free.  The low bits of a slot, as many as cap needs, are the
     * element's number in the table + 1, the others are those of the tag's hash. */
    uint32_t *slots;
    size_t used, cap;          /* used: slots, and elements in lists */
    struct tag_others *others; /* the lists; NULL until a tag has several elements */
    uint32_t generation;       /* the table's, when the index was built */
    uint64_t seed;
};

void tag_index_init(struct tag_index *ix, const struct table *table, uint64_t seed);
void tag_index_free(struct tag_index *ix);

/* A record that has the tag, and its number in the table; or NULL.  To find all, the tag is removed
 * from each that is found. */
struct tags *tag_index_find(struct tag_index *ix, struct tag tag, uint32_t *number);

/* To be called after a tag was added to the record. */
void tag_index_add(struct tag_index *ix, const struct tags *record, struct tag tag);

/* Invariant: every element is found by each of its tags. */
void tag_index_check(const struct tag_index *ix);

#endif
