/* GSet: a table of elements in the struct %Grove.Set.GSet{}; also each half of a TwoPSet.
 *
 * Memory per element: its term and 13 to 25 bytes (table.h).  A million binaries of 15 bytes, terms
 * of 20, take 40 MB. */
#ifndef COPPICE_CRDT_GSET_H
#define COPPICE_CRDT_GSET_H

#include "../causal/table.h"
#include "crdt.h"

struct gset {
    struct crdt crdt;
    struct table elements; /* without records */
};

/* Adds a canonical element; if it is new, also to delta (may be NULL).  True if it is new. */
bool gset_add(struct gset *s, struct bytes element, struct gset *delta);

#endif
