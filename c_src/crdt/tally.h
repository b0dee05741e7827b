/* What a counter's operations add up to. */
#ifndef COPPICE_CRDT_TALLY_H
#define COPPICE_CRDT_TALLY_H

#include "../causal/counts.h"
#include "op.h"

/* Appends to sum what the actor's count becomes by the operations that are called name:
 * name/0 adds 1, name/1 adds its argument, an integer that is not negative.  Operations
 * with another name are passed over.  ERR_BAD_OP for another argument or arity, ERR_LIMIT
 * for a count beyond LIMIT_COUNT_BYTES: *bad is then the index of the operation that is
 * wrong or too much, and sum is as it was. */
must_use enum err tally(const struct counts *c, struct bytes actor, const char *name,
                        const struct op *ops, size_t count, struct buf *sum, size_t *bad);

#endif
