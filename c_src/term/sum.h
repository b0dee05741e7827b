/* Sums of many integers of any size.
 *
 * Whatever fits a machine word is added there: a million counts and one huge one cost a
 * million machine additions, not a million long ones. */
#ifndef COPPICE_TERM_SUM_H
#define COPPICE_TERM_SUM_H

#include "../err.h"
#include "bytes.h"

/* All zero is the empty sum. */
struct sum {
    uint64_t small;
    struct buf big, next; /* big is a term, empty for 0 */
};

/* Adds a non-negative canonical integer.  ERR_LIMIT as for integer_add(). */
must_use enum err sum_add(struct sum *s, struct bytes amount);

/* Appends the sum as a canonical integer.  ERR_LIMIT as for integer_add(). */
must_use enum err sum_put(struct sum *s, struct buf *out);

void sum_free(struct sum *s);

#endif
