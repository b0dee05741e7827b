/* Counts by actor, of any size: what both counters are made of.
 *
 * A join takes the larger count of each actor.  An actor raises only its own
 * count, so the larger one has seen everything that the smaller one has. */
#ifndef COPPICE_CRDT_COUNTS_H
#define COPPICE_CRDT_COUNTS_H

#include "op.h"

/* All zero is empty and valid.  Entries are sorted by actor in key order,
 * without doubles; costs an element: actor and count as terms, and a pointer
 * pair each. */
struct counts {
    struct count *list;
    size_t len, cap;
    size_t changed; /* entries that changed here since the last reset */
};

void counts_free(struct counts *c);

/* Appends to sum what the actor's count becomes by those of the operations that
 * are called name: name/0 adds 1, name/1 adds its argument, a non-negative
 * integer.  Operations with another name are passed over.  ERR_BAD_OP for another
 * argument or arity, ERR_LIMIT for a count beyond LIMIT_COUNT_BYTES: *bad is then the
 * index of an operation that is wrong or too much, and sum is as it was. */
must_use enum err counts_tally(const struct counts *c, struct bytes actor, const char *name,
                               const struct op *ops, size_t count, struct buf *sum, size_t *bad);

/* Gives the actor this count (canonical, not below its present one) and marks
 * the entry as changed here.  The present count, or 0 for an actor without
 * one, changes nothing. */
void counts_raise(struct counts *c, struct bytes actor, struct bytes count);

/* Checks that a checked term is a map from anything to non-negative integers
 * (ERR_SHAPE, ERR_RANGE, ERR_DUPLICATE; ERR_LIMIT beyond LIMIT_COUNT_BYTES), and
 * appends its canonical form.  On an error out is as it was. */
must_use enum err counts_read(struct buf *out, struct bytes checked);

/* Joins such a canonical map; entries that grow are marked as changed here
 * when local is true, and the one of the actor own (may be empty) always: what it
 * counted before a restart comes back from a peer, and who else missed it hears of
 * it from nobody but us.  True when any grew; a count of 0 is more than none, as in
 * the maps that Grove compares. */
bool counts_join(struct counts *c, struct bytes canonical, struct bytes own, bool local);

/* Appends the map: of all entries, or of those changed here. */
void counts_put(const struct counts *c, struct buf *out);
void counts_put_changed(const struct counts *c, struct buf *out);

bool counts_changed(const struct counts *c);
void counts_reset(struct counts *c); /* forgets what changed here */

/* Appends the sum of all counts. */
void counts_sum(const struct counts *c, struct buf *out);

/* Invariants: sorted by key order, no doubles, no count below zero or beyond
 * LIMIT_COUNT_BYTES, `changed` is right.  Always compiled; called by tests and the
 * simulator. */
void counts_check(const struct counts *c);

#endif
