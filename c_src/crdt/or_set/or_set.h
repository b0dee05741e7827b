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
#ifndef COPPICE_CRDT_OR_SET_H
#define COPPICE_CRDT_OR_SET_H

#include "../../causal/holders.h"
#include "../../causal/tags.h"
#include "../crdt.h"

struct or_set {
    struct crdt crdt;
    uint64_t counter;
    struct actors actors; /* the first is its own */
    struct table entries; /* element -> struct tags, at least one */
    struct holders holders;
    struct tag_set tombstones;
};

/* For a type that keeps its keys in one.  Elements are canonical; what grew joins
 * grown, too, when that is not NULL. */

bool or_set_has(const struct or_set *s, struct bytes element);

/* How often or_set_add() may be called: tags come to an end. */
uint64_t or_set_adds_left(const struct or_set *s);
void or_set_add(struct or_set *s, struct bytes element, struct or_set *grown);

/* False when it is not there. */
bool or_set_remove(struct or_set *s, struct bytes element, struct or_set *grown);

/* The elements, in the order in which they came: 0, 1, ... until or_set_end(); empty for a
 * hole.  or_set_size() is their number without holes. */
struct bytes or_set_at(const struct or_set *s, size_t i);
size_t or_set_end(const struct or_set *s);
size_t or_set_size(const struct or_set *s);

/* What joins are made of; true when the state grew.  A tag of an element, as the state
 * numbers its actors; a count of somebody's adds. */
bool or_set_hold(struct or_set *s, struct bytes element, struct tag tag);
bool or_set_count(struct or_set *s, uint64_t counter);
/* A tombstone, and what is left to do after the last of several when it has set
 * *crowded. */
bool or_set_bury(struct or_set *s, struct tag tag, bool *crowded);
void or_set_settle(struct or_set *s, bool crowded);

/* Invariants: no tag is both held and buried, none of its own is beyond the counter. */
void or_set_check(const struct or_set *s);

#endif
