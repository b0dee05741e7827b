/* The types listed in types.c.  Private to crdt/: others use crdt.h. */
#ifndef COPPICE_CRDT_TYPES_H
#define COPPICE_CRDT_TYPES_H

#include "crdt.h"

extern const struct crdt_type gcounter_type;
extern const struct crdt_type pncounter_type;
extern const struct crdt_type dvv_set_type;
extern const struct crdt_type lww_register_type;
extern const struct crdt_type mv_register_type;
extern const struct crdt_type gset_type;
extern const struct crdt_type two_p_set_type;
extern const struct crdt_type or_set_type;
extern const struct crdt_type or_map_type;
extern const struct crdt_type rga_type;

#endif
