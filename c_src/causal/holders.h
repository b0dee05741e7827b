/* Which elements have a tag: so that a tombstone from elsewhere, which names no
 * element, finds the one that it empties.
 *
 * A hash index over a table whose records are struct tags: 32 bits a slot, 5 to 13
 * bytes a tag.  It is told of every tag that comes and of none that goes: what it
 * finds, it looks up in the table. */
#ifndef COPPICE_CAUSAL_HOLDERS_H
#define COPPICE_CAUSAL_HOLDERS_H

#include "tags.h"

/* A tag belongs to one element; to a few, when an actor has lost its state and counts
 * anew.  A tag that has as many holders may have more, which are not found: no honest
 * state has, and the others would be costly to find. */
#define HOLDERS_MAX 8

struct holders {
    const struct table *table; /* borrowed */
    /* Open addressing; 0 is free.  The low bits of a slot, as many as cap needs, are
     * the element's number in the table + 1, the high ones are the tag's hash's. */
    uint32_t *slots;
    size_t used, cap;
    size_t renumbered; /* the table's, when its numbers were taken */
    uint64_t seed;
};

void holders_init(struct holders *h, const struct table *table, uint64_t seed);
void holders_free(struct holders *h);

/* A record that has the tag, NULL when none has. */
struct tags *holders_find(struct holders *h, struct tag tag);

/* After the record was given a tag that it did not have. */
void holders_add(struct holders *h, const struct tags *record, struct tag tag);

/* Room for n more tags at once. */
void holders_reserve(struct holders *h, size_t n);

/* Invariants: every element is found by each of its tags, but for tags with too many
 * holders. */
void holders_check(const struct holders *h);

#endif
