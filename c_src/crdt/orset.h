/* Grove's ORSet: an add wins over a remove that has not seen it.
 *
 * An add puts a new tag on its element; a remove takes the tags that it sees and
 * keeps them as tombstones.  An element is in the set while it has a tag; one without
 * is not kept, nor written.  A tag is never used twice: the counter is at least
 * every tag of its own actor that was ever seen, in tombstones too.
 *
 * An element with one tag costs 50 to 87 bytes besides its own term; a tombstone 16 to
 * 32.  Measured: a million of 15-byte binaries 89 MB; a million tombstones 25 MB.
 * A remove from elsewhere costs by its tags, not by the set's size. */
#ifndef COPPICE_CRDT_ORSET_H
#define COPPICE_CRDT_ORSET_H

#include "crdt.h"
#include "holders.h"
#include "tags.h"

struct orset {
    struct crdt crdt;
    uint64_t counter;
    struct actors actors; /* the first is its own */
    struct table entries; /* element -> struct tags, at least one */
    struct holders holders;
    struct tag_set tombstones;
};

/* For a type that keeps its keys in one.  Elements are canonical; what grew joins
 * grown, too, when that is not NULL. */

bool orset_has(const struct orset *s, struct bytes element);

/* How often orset_add() may be called: tags come to an end. */
uint64_t orset_adds_left(const struct orset *s);
void orset_add(struct orset *s, struct bytes element, struct orset *grown);

/* False when it is not there. */
bool orset_remove(struct orset *s, struct bytes element, struct orset *grown);

/* The elements, in the order in which they came: 0, 1, ... until orset_end(); empty for a
 * hole.  orset_size() is their number without holes. */
struct bytes orset_at(const struct orset *s, size_t i);
size_t orset_end(const struct orset *s);
size_t orset_size(const struct orset *s);

/* What joins are made of; true when the state grew.  A tag of an element, as the state
 * numbers its actors; a count of somebody's adds. */
bool orset_hold(struct orset *s, struct bytes element, struct tag tag);
bool orset_count(struct orset *s, uint64_t counter);
/* A tombstone, and what is left to do after the last of several when it has set
 * *crowded. */
bool orset_bury(struct orset *s, struct tag tag, bool *crowded);
void orset_settle(struct orset *s, bool crowded);

/* Invariants: no tag is both held and buried, none of its own is beyond the counter. */
void orset_check(const struct orset *s);

#endif
