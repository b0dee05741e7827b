/* Grove's ORSet: an add wins over a concurrent remove.
 *
 * An add gives its element a new tag; a remove turns the tags that it sees into tombstones.  An
 * element is in the set while it has a tag; one without tags is neither kept nor written.  No tag
 * is ever issued twice: the next one is above the counter, and above every tag of the own actor
 * ever seen, tombstones included.  (A counter at its end must not be the end of all adds:
 * limits.h.)
 *
 * Memory: 25 to 38 bytes per element with one tag, besides its term (table.h), and 5 to 13 more
 * once anything is removed (tag_index.h); 17 to 23 per tombstone.  Measured: 53 MB for a million
 * 15-byte binaries, 62 MB after the first remove, 20 MB for a million tombstones.  The time of a
 * peer's remove depends on its tags, not on the size of the set, but for the index that the first
 * one makes. */
#ifndef COPPICE_CRDT_OR_SET_H
#define COPPICE_CRDT_OR_SET_H

#include "../../causal/histogram.h"
#include "../../causal/tag_index.h"
#include "../../causal/tags.h"
#include "../crdt.h"
#include "../figures.h"

struct or_set {
    struct crdt crdt;
    uint64_t counter;     /* at most LIMIT_SHARED_CLOCK */
    uint64_t own_seen;    /* the greatest n in a tag of our own, up to LIMIT_OWN_NUMBER */
    struct actors actors; /* the first is our own */
    struct table entries; /* element -> struct tags, at least one */
    struct tag_index tag_index;
    struct tag_set tombstones;
    size_t tags;                 /* of all elements */
    struct histogram by_tags;    /* elements by their number of tags */
    struct table_doomed emptied; /* elements without a tag, until or_set_sweep() */
};

/* For types that keep their keys in an ORSet.  Elements are canonical; changes are joined to delta
 * too, unless that is NULL. */

bool or_set_has(const struct or_set *s, struct bytes element);

/* How many tags are left, that is, how often or_set_add() may still be called. */
uint64_t or_set_adds_left(const struct or_set *s);
void or_set_add(struct or_set *s, struct bytes element, struct or_set *delta);

/* False if the element is not in the set. */
bool or_set_remove(struct or_set *s, struct bytes element, struct or_set *delta);

/* To be called, for the delta too, after the last of some removals or tombstones: takes the
 * elements that have lost their last tag out of the table, which for many at once costs less than
 * for one after the other.  Before that the set must not be read, but by or_set_has(). */
void or_set_sweep(struct or_set *s);

/* Element i, for i from 0 to or_set_end() - 1, in insertion order; empty for a hole.
 * or_set_size() is the number of elements without holes. */
struct bytes or_set_at(const struct or_set *s, size_t i);
size_t or_set_end(const struct or_set *s);
size_t or_set_size(const struct or_set *s);
struct tag_counts or_set_tags(const struct or_set *s);

/* The steps of a join; true if the state grew.  Tags have the state's own actor numbers. */
bool or_set_add_tag(struct or_set *s, struct bytes element, struct tag tag);
bool or_set_raise_counter(struct or_set *s, uint64_t counter);
/* Takes the tag from every element that has it. */
bool or_set_add_tombstone(struct or_set *s, struct tag tag);

/* Invariants: no tag is both live and a tombstone, none of our own is beyond the counter; tags are
 * counted as a walk counts them. */
void or_set_check(const struct or_set *s);

#endif
