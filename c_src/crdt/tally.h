/* The sum of a counter's operations. */
#ifndef COPPICE_CRDT_TALLY_H
#define COPPICE_CRDT_TALLY_H

#include "../causal/counts.h"
#include "op.h"

/* Appends to sum the actor's count after the operations with this name: name/0 adds 1, name/1 adds
 * its argument, a non-negative integer.  Operations with other names are skipped.  ERR_BAD_OP for
 * any other argument or arity, ERR_LIMIT for a count beyond LIMIT_COUNT_BYTES or an argument beyond
 * LIMIT_INCREMENT_BYTES: *bad is then the index of the operation at fault, and sum is unchanged. */
must_use enum err tally(const struct counts *c, struct bytes actor, const char *name,
                        const struct op *ops, size_t count, struct buf *sum, size_t *bad);

#endif
