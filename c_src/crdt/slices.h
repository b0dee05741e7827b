/* Joining a struct of any size in steps, so that no step takes long.
 *
 *     s = crdt_slices_open(type, options, from, bytes);
 *     while (!crdt_slices_validate(s, &e))
 *         ... other work ...
 *     while (e == OK && !crdt_slices_join(s, c, delta, &changed))
 *         ... other work ...
 *
 * Each step handles about so many bytes of the struct, at most twice as many and an entry.  The
 * result is that of crdt_merge(): all of the struct is joined, or it is refused, and nothing is.  A
 * slice is a struct with a few entries of one field (crdt_type.slicing), and as such a valid delta:
 * so between two steps the state is one that a peer might have sent, and it may be read, changed,
 * merged into and written meanwhile.
 *
 * Joined in one step, whatever their size: the values of a register, and one element with its tags.
 * Those of a register, and the elements of a set or keys of a map, are made canonical in steps
 * before that, which costs more.  So is a DVVSet, unless it is joined alone (part.h says why; a
 * remove of an element whose neighbours are yet to come would drop these).
 *
 * Unlike crdt_merge(), a map with a key twice may be accepted, if the two are in different slices;
 * then both values are joined.  Where slices end depends on the struct and their size alone, so
 * what is joined is what was found valid. */
#ifndef COPPICE_CRDT_SLICES_H
#define COPPICE_CRDT_SLICES_H

#include "crdt.h"

struct crdt_slices;

/* The struct is the term at the front of checked bytes, and may be followed by others.  All
 * arguments are borrowed for the life of the slices.  bytes: of a slice, at least 1.  alone: nobody
 * sees or changes the state before the last step. */
struct crdt_slices *crdt_slices_open(const struct crdt_type *type,
                                     const struct crdt_options *options, struct bytes from,
                                     size_t bytes, bool alone);
void crdt_slices_free(struct crdt_slices *s); /* NULL is allowed */

/* One step of the validation; true after the last, or when *e is an error, as of crdt_merge(). */
bool crdt_slices_validate(struct crdt_slices *s, enum err *e);

/* Once it has ended well: what follows the struct, and the field that crdt_sender() returns. */
struct bytes crdt_slices_rest(const struct crdt_slices *s);
struct bytes crdt_slices_sender(const struct crdt_slices *s);

/* Then one step of the join: true after the last.  delta may be NULL, and another one in each
 * step; *changed says whether this step has made the state grow. */
bool crdt_slices_join(struct crdt_slices *s, struct crdt *c, struct crdt *delta, bool *changed);

/* Begins the join anew: the state has been replaced. */
void crdt_slices_rewind(struct crdt_slices *s);

#endif
