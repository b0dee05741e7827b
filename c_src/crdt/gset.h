/* The struct %Grove.Set.GSet{} around a table of elements: the whole of a GSet,
 * and each half of a TwoPSet.
 *
 * An element costs its term and 30 to 57 bytes, as growth and the allocator's rounding
 * fall (table.h): a million binaries of 15 bytes, terms of 20, take 65 MB. */
#ifndef COPPICE_CRDT_GSET_H
#define COPPICE_CRDT_GSET_H

#include "../causal/table.h"
#include "crdt.h"

struct gset {
    struct crdt crdt;
    struct table elements; /* without records */
};

/* Adds a canonical element, also to grown (may be NULL) when it is new. */
bool gset_add(struct gset *s, struct bytes element, struct gset *grown);

#endif
