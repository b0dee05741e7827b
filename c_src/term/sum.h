/* Sums of many integers of any size.
 *
 * What fits a machine word is added there: a million counts beside a huge one cost a
 * million machine additions, not a million long ones. */
#ifndef COPPICE_TERM_SUM_H
#define COPPICE_TERM_SUM_H

#include "../err.h"
#include "bytes.h"

/* All zero is the sum of nothing, and valid. */
struct sum {
    uint64_t small;
    struct buf big, next; /* big is a term, empty for 0 */
};

/* Adds an integer (canonical) that is not negative.  ERR_LIMIT, as integer_add(). */
must_use enum err sum_add(struct sum *s, struct bytes amount);

/* Appends the sum as a canonical integer.  ERR_LIMIT, as integer_add(). */
must_use enum err sum_put(struct sum *s, struct buf *out);

void sum_free(struct sum *s);

#endif
