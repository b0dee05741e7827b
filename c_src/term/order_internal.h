/* What the order_*.c files share: the order of the types, and of leaves. */
#ifndef COPPICE_TERM_ORDER_INTERNAL_H
#define COPPICE_TERM_ORDER_INTERNAL_H

#include "etf.h"

/* The order of the types.  Funs and exports are one type in the manual; the runtime puts all
 * funs before all exports. */
enum rank {
    RANK_NONE, /* not a canonical term */
    RANK_NUMBER,
    RANK_ATOM,
    RANK_REFERENCE,
    RANK_FUN,
    RANK_EXPORT,
    RANK_PORT,
    RANK_PID,
    RANK_TUPLE,
    RANK_RECORD,
    RANK_MAP,
    RANK_NIL,
    RANK_LIST,
    RANK_BITSTRING,
};

/* Of the next term, which is canonical. */
enum rank order_rank(const struct etf_in *in);

/* Two leaves of one rank: <0, 0 or >0.  exact: an integer is less than every float, and terms that
 * are equal and not the same differ.  Strings count as leaves, also beside another list. */
int order_leaves(enum rank rank, struct bytes a, struct bytes b, bool exact);
int order_atoms(struct bytes a, struct bytes b);

static inline int sign(bool greater, bool less)
{
    return (int)greater - (int)less;
}
#define COMPARE(x, y) sign((x) > (y), (x) < (y))

#endif
