/* One reference for each kind of type: appends what structs of the type are worth together, with
 * maps in any order.  False, with anything appended, if that is not known. */
#ifndef COPPICE_FUZZ_WORTH_H
#define COPPICE_FUZZ_WORTH_H

#include "rows.h"

typedef bool worth(struct buf *value, const struct bytes *structs, size_t count);

worth worth_gcounter, worth_pncounter;
worth worth_lww_register, worth_mv_register;
worth worth_gset, worth_two_p_set, worth_or_set, worth_dvv_set;
worth worth_or_map;
worth worth_rga;

/* Appends {Module, Value} for structs of one type, of its own or another; `unknown` as the value if
 * it is not known. */
void put_worth(struct buf *out, const struct bytes *structs, size_t count);

#endif
