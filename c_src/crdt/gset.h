/* GSet: a table of elements in the struct %Grove.Set.GSet{}; also each half of a TwoPSet.
 *
 * Memory per element: its term and 11 to 23 bytes (table.h).  A million binaries of 15 bytes, terms
 * of 20, take 38 MB. */
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
