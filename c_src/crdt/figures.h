/* What is counted in a state, without a walk over it: for status.
 *
 * The counts are kept up with every change, and summed up in maps for the states in them. */
#ifndef COPPICE_CRDT_FIGURES_H
#define COPPICE_CRDT_FIGURES_H

#include "crdt.h"

/* The tags of all elements, and of the element that has the most. */
struct tag_counts {
    size_t all, most;
};

/* Elements, keys or values that are held; of a TwoPSet, all that were added; of a counter, none. */
size_t crdt_elements(const struct crdt *c);
size_t crdt_tombstones(const struct crdt *c);
/* For status: an element gets a tag with each add, and has them until it is removed. */
struct tag_counts crdt_tags(const struct crdt *c);
size_t crdt_actors(const struct crdt *c); /* how many left a trace in it */
/* For types with nested states, as the next.  w, which must outlive the state, or NULL, is told of
 * all its actors now, and later of each that comes or goes; who was told before, that all go. */
void crdt_watch(struct crdt *c, struct actor_watch *w);
void crdt_add_actors(const struct crdt *c, struct actors *seen);

#endif
